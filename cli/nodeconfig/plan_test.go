package nodeconfig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tables is what ovs-vsctl prints of a machine whose bridge br0 somebody uses: it has
// a controller, a port and a VXLAN port of its own; there are a manager and a
// certificate.
const tables = `{"headings":["_uuid","name","datapath_id","datapath_type","fail_mode","protocols","other_config","external_ids","controller","ports"],"data":[
 [["uuid","b1"],"br0","00000000000000b0","",["set",[]],["set",["OpenFlow13","OpenFlow10"]],["map",[["datapath-id","00000000000000b0"],["mac-table-size","9"]]],["map",[]],["uuid","c1"],["set",[["uuid","p1"],["uuid","p2"],["uuid","p3"]]]],
 [["uuid","b2"],"br-old","00000000000000b1","",["set",[]],["set",[]],["map",[]],["map",[["sdnctl-node","node7"]]],["set",[]],["set",[]]]]}
{"headings":["_uuid","name","interfaces"],"data":[[["uuid","p1"],"br0",["uuid","i1"]],[["uuid","p2"],"eth1",["uuid","i2"]],[["uuid","p3"],"tun0",["uuid","i3"]]]}
{"headings":["_uuid","name","type","options","ofport","error"],"data":[[["uuid","i1"],"br0","internal",["map",[]],65534,["set",[]]],[["uuid","i2"],"eth1","",["map",[]],1,["set",[]]],[["uuid","i3"],"tun0","vxlan",["map",[["remote_ip","192.0.2.9"]]],-1,"could not add network device tun0"]]}
{"headings":["_uuid","target","connection_mode","max_backoff","is_connected","status","external_ids"],"data":[[["uuid","c1"],"tcp:192.0.2.1:6653","in-band",8000,true,["map",[["state","ACTIVE"]]],["map",[["owner","a, b"]]]]]}
{"headings":["_uuid","target","max_backoff","is_connected","status","external_ids"],"data":[[["uuid","m1"],"ptcp:6640:127.0.0.1",["set",[]],false,["map",[]],["map",[]]]]}
{"headings":["ca_cert","certificate","private_key","external_ids"],"data":[["/old/ca.pem","/old/cert.pem","/old/key.pem",["map",[]]]]}`

// machine answers ovs-vsctl with a text and ovs-ofctl with another.
func machine(vsctl, ofctl string) Machine {
	return Machine{Exec: func(_ context.Context, name string, _ ...string) ([]byte, error) {
		if name == "ovs-ofctl" {
			return []byte(ofctl), nil
		}
		return []byte(vsctl), nil
	}}
}

func TestRead(t *testing.T) {
	got, err := machine(tables, "priority=7,in_port=1 actions=drop\nNXST_FLOW reply (xid=0x4):\n").Read(t.Context(), "br0")
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Bridge: &Bridge{
			Name: "br0", DatapathID: "00000000000000b0", Protocols: []string{"OpenFlow10", "OpenFlow13"},
			OtherConfig: map[string]string{"datapath-id": "00000000000000b0", "mac-table-size": "9"}, ExternalIDs: map[string]string{},
			Controllers: []Remote{{
				UUID: "c1", Target: "tcp:192.0.2.1:6653", Connected: true, Status: map[string]string{"state": "ACTIVE"},
				Columns: map[string]string{"target": `"tcp:192.0.2.1:6653"`, "connection_mode": "in-band", "max_backoff": "8000", "external_ids": `owner="a, b"`},
			}},
			Ports: []string{"eth1", "tun0"}, Flows: []string{"priority=7,in_port=1 actions=drop"},
		},
		Others:   []string{"br-old"},
		Bridges:  map[string]string{"br-old": "", "br0": ""},
		Members:  map[string][]string{"br0": {"eth1"}},
		Tunnels:  []Tunnel{{Name: "tun0", Bridge: "br0", Type: "vxlan", Options: map[string]string{"remote_ip": "192.0.2.9"}, OFPort: -1, Error: "could not add network device tun0"}},
		Managers: []Remote{{UUID: "m1", Target: "ptcp:6640:127.0.0.1", Status: map[string]string{}, Columns: map[string]string{"target": `"ptcp:6640:127.0.0.1"`}}},
		SSL:      &SSL{TLS: TLS{CA: "/old/ca.pem", Cert: "/old/cert.pem", Key: "/old/key.pem"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for name, text := range map[string]string{
		"no JSON": "ovs-vsctl: no key", "fewer tables": `{"headings":[],"data":[]}`, "a row too short": `{"headings":["a","b"],"data":[[1]]}`,
	} {
		if s, err := machine(text, "").Read(t.Context(), "br0"); err == nil {
			t.Errorf("%s: read as %+v", name, s)
		}
	}
}

// TestPlan: what is written for each of the things that can be there before.
func TestPlan(t *testing.T) {
	used, err := machine(tables, "").Read(t.Context(), "br0")
	if err != nil {
		t.Fatal(err)
	}
	join := joining()
	join.Bridge = "br0"
	has := func(c Commands, part string) bool { return strings.Contains(c.line(nil), part) }
	plan := func(j Join, s State) Commands {
		t.Helper()
		c, err := j.Plan(s)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	fresh := plan(joining(), State{})
	want := `ovs-vsctl \
    --may-exist add-br br-int \
    -- set bridge br-int fail_mode=secure protocols=OpenFlow13 other_config:datapath-id=00000000000000a1 other_config:disable-in-band=true \
    -- remove bridge br-int external_ids sdnctl-ovsdb \
    -- set bridge br-int external_ids:sdnctl-node=node1 \
    -- set bridge br-int 'external_ids:sdnctl-made="bridge,tunnel,manager"' 'external_ids:sdnctl-found="{\"exists\":false}"' \
    -- --may-exist add-port br-int vxlan-sdn \
    -- clear interface vxlan-sdn options \
    -- remove interface vxlan-sdn external_ids sdnctl-local-ip sdnctl-dst-port \
    -- set interface vxlan-sdn type=vxlan options:remote_ip=flow options:key=flow options:local_ip=10.0.0.2 external_ids:sdnctl-node=node1 \
    -- set-controller br-int tcp:10.0.0.1:6653 \
    -- set controller br-int connection_mode=out-of-band max_backoff=1000 inactivity_probe=5000 \
    -- --id=@sdnd create manager 'target="tcp:10.0.0.1:6640"' max_backoff=1000 inactivity_probe=5000 external_ids:sdnctl-node=node1 \
    -- add open_vswitch . manager_options @sdnd`
	if d := cmp.Diff(want, fresh.Text(nil)); d != "" {
		t.Errorf("a fresh machine (-want +got):\n%s", d)
	}

	other := joining()
	other.Translated, other.UDPPort, other.ReadOnly = true, 8472, true
	if c := plan(other, State{}); !has(c, "external_ids:sdnctl-local-ip=10.0.0.2 external_ids:sdnctl-dst-port=8472") || !has(c, "external_ids:sdnctl-ovsdb=read") || has(c, "external_ids sdnctl-ovsdb") {
		t.Errorf("what join was asked for is not recorded: %s", c.Text(nil))
	}

	over := plan(join, used)
	if !has(over, `\"failMode\"`) && !has(over, `\"controllers\"`) || !has(over, "owner=") || has(over, "manager_options m1") {
		t.Errorf("a bridge in use: its controller is recorded and the manager of others stays: %s", over.Text(nil))
	}

	again := used
	bridge := *used.Bridge
	bridge.Controllers = []Remote{{UUID: "c2", Target: join.Controller}}
	bridge.ExternalIDs = map[string]string{KeyNode: "node1", KeyMade: "manager", KeyFound: `{"exists":true}`}
	again.Bridge = &bridge
	again.Managers = []Remote{{UUID: "m2", Target: "tcp:10.0.0.8:6640", Node: "node1"}, {UUID: "m3", Target: join.Manager, Node: "node1"}}
	if c := plan(join, again); has(c, "set-controller") || !has(c, "remove open_vswitch . manager_options m2") || has(c, "manager_options m3") || has(c, "create manager") {
		t.Errorf("joined again: the connection stays, the manager of an earlier join goes: %s", c.Text(nil))
	}

	secure := join
	secure.TLS = &TLS{CA: "/n/ca.crt", Cert: "/n/node.crt", Key: "/n/node.key"}
	c := plan(secure, used)
	if !has(c, "set-ssl /n/node.key /n/node.crt /n/ca.crt") || !has(c, `\"ssl\":{\"ca\":\"/old/ca.pem\"`) {
		t.Errorf("the certificate of others is replaced, and recorded: %s", c.Text(nil))
	}
	same := used
	same.SSL = &SSL{TLS: *secure.TLS, Node: "node1"}
	if c := plan(secure, same); has(c, "set-ssl") {
		t.Errorf("a certificate that is set already is set again: %s", c.Text(nil))
	}

	broken := again
	damaged := bridge
	damaged.ExternalIDs = map[string]string{KeyNode: "node1", KeyMade: "bridge", KeyFound: "{"}
	broken.Bridge = &damaged
	if _, err := join.Plan(broken); err == nil || !strings.Contains(err.Error(), "sdnctl-found of bridge br0 is damaged") {
		t.Errorf("a record that is damaged: %v", err)
	}
}

// joined is a state as joining makes it of another.
func joined(t *testing.T, j Join, before State) State {
	t.Helper()
	made, found := record(before.snapshot(), j.Manager != "", false)
	now := before
	b := Bridge{Name: j.Bridge}
	if before.Bridge != nil {
		b = *before.Bridge
	}
	config := map[string]string{"datapath-id": j.DatapathID, "disable-in-band": "true"}
	for k, v := range b.OtherConfig {
		if _, ours := config[k]; !ours {
			config[k] = v
		}
	}
	b.OtherConfig, b.FailMode, b.Protocols, b.Flows = config, "secure", []string{"OpenFlow13"}, nil
	b.ExternalIDs = map[string]string{KeyNode: j.Node, KeyMade: made, KeyFound: found}
	b.Controllers = []Remote{{UUID: "c9", Target: j.Controller, Columns: map[string]string{"target": valueQuote(j.Controller)}}}
	b.Tunnel = &Tunnel{Name: TunnelPort, Bridge: j.Bridge, Type: "vxlan", Options: map[string]string{"key": "flow"}}
	now.Bridge = &b
	now.Managers = append([]Remote{{UUID: "m9", Target: j.Manager, Node: j.Node, Columns: map[string]string{"target": valueQuote(j.Manager)}}}, before.Managers...)
	return now
}

// TestLeave: what was there before a join is put back, and nothing else is touched.
func TestLeave(t *testing.T) {
	used, err := machine(tables, "").Read(t.Context(), "br0")
	if err != nil {
		t.Fatal(err)
	}
	used.Others = nil
	join := joining()
	join.Bridge = "br0"

	u, err := Leave(joined(t, join, used), "br0", false)
	if err != nil {
		t.Fatal(err)
	}
	want := `ovs-vsctl \
    clear bridge br0 controller \
    -- remove open_vswitch . manager_options m9
ovs-vsctl \
    --if-exists del-port br0 vxlan-sdn \
    -- clear bridge br0 fail_mode \
    -- set bridge br0 protocols=OpenFlow10,OpenFlow13 \
    -- set bridge br0 other_config:datapath-id=00000000000000b0 \
    -- remove bridge br0 other_config disable-in-band \
    -- remove bridge br0 external_ids sdnctl-node \
    -- remove bridge br0 external_ids sdnctl-made \
    -- remove bridge br0 external_ids sdnctl-found \
    -- --id=@controller0 create controller connection_mode=in-band 'external_ids=owner="a, b"' max_backoff=8000 'target="tcp:192.0.2.1:6653"' \
    -- set bridge br0 controller=@controller0
`
	if d := cmp.Diff(want, u.Script("br0", nil)); d != "" {
		t.Errorf("a bridge that was there (-want +got):\n%s", d)
	}

	now := joined(t, joining(), State{})
	now.Bridge.Ports = []string{"veth1"}
	_, err = Leave(now, "br-int", false)
	var inUse *PortsInUseError
	if !errors.As(err, &inUse) || inUse.Error() != "bridge br-int still has the ports veth1; detach them first, or remove them, too, with --force" {
		t.Errorf("with a port: %v", err)
	}
	u, err = Leave(now, "br-int", true)
	if err != nil || !strings.Contains(u.Script("br-int", nil), "del-br br-int") {
		t.Errorf("by force: %v, %v", u, err)
	}

	var other *OtherBridgeError
	if _, err := Leave(State{Bridge: &Bridge{Name: "br0"}, Others: []string{"br-int"}}, "br0", false); !errors.As(err, &other) || !strings.Contains(other.Error(), "leave with --bridge br-int") {
		t.Errorf("another bridge joined: %v", err)
	}
	if u, err := Leave(State{Bridge: &Bridge{Name: "br0"}}, "br0", false); err != nil || !u.Empty() || fmt.Sprint(u.Notes) != "[bridge br0 does not belong to a node: it stays]" {
		t.Errorf("not a node: %+v, %v", u, err)
	}
	// Of an sdnctl that recorded nothing, the bridge stays.
	delete(now.Bridge.ExternalIDs, KeyMade)
	if u, err := Leave(now, "br-int", true); err != nil || strings.Contains(u.Script("br-int", nil), "del-br") || len(u.Notes) != 1 {
		t.Errorf("without a record: %+v, %v", u, err)
	}
}

// TestUndo: a join that fails is undone to what was there, and one that changed
// nothing needs nothing.
func TestUndo(t *testing.T) {
	used, err := machine(tables, "cookie=0x5 priority=1 actions=NORMAL\n").Read(t.Context(), "br0")
	if err != nil {
		t.Fatal(err)
	}
	if u := Undo(used, used); !u.Empty() {
		t.Errorf("nothing changed: %+v", u)
	}
	join := joining()
	join.Bridge = "br0"
	// The second join of a node failed: the first one's is put back.
	first := joined(t, join, used)
	join.Node, join.Controller = "node2", "tcp:10.0.0.7:6653"
	u := Undo(joined(t, join, first), first)
	for _, part := range []string{"external_ids:sdnctl-node=node1", `target="tcp:10.0.0.1:6653"`} {
		if !strings.Contains(u.Script("br0", nil), part) {
			t.Errorf("%s is not put back:\n%s", part, u.Script("br0", nil))
		}
	}
	// A tunnel's port that was there keeps what join marked it with only while it is a node's.
	adopted := used
	bare := *used.Bridge
	bare.Tunnel = &Tunnel{Name: TunnelPort, Type: "vxlan", Options: map[string]string{"key": "flow"}}
	adopted.Bridge = &bare
	marked := joined(t, join, adopted)
	marked.Bridge.Tunnel.ExternalIDs = map[string]string{KeyNode: "node1", KeyDstPort: "8472", "owner": "a"}
	if script := Undo(marked, adopted).Script("br0", nil); !strings.Contains(script, "remove interface vxlan-sdn external_ids sdnctl-node") ||
		!strings.Contains(script, "remove interface vxlan-sdn external_ids sdnctl-dst-port") || strings.Contains(script, "owner=a") {
		t.Errorf("the marks of an adopted port:\n%s", script)
	}
	if script := Undo(joined(t, join, adopted), marked).Script("br0", nil); !strings.Contains(script, "set interface vxlan-sdn external_ids:sdnctl-dst-port=8472") {
		t.Errorf("the marks of an earlier join are not put back:\n%s", script)
	}
	// Flows that were made by hand come back, if no controller had made them.
	alone := used
	bridge := *used.Bridge
	bridge.Controllers, bridge.Flows = nil, []string{"priority=7 actions=drop"}
	alone.Bridge = &bridge
	if u := Undo(joined(t, join, alone), alone); fmt.Sprint(u.Flows) != "[priority=7 actions=drop]" || !strings.Contains(u.Script("br0", nil), "add-flows br0 - << 'END'\npriority=7 actions=drop\nEND") {
		t.Errorf("flows: %+v", u)
	}
}

// TestRecordIsBounded: flows that are too many to be recorded are counted.
func TestRecordIsBounded(t *testing.T) {
	s := State{Bridge: &Bridge{Name: "br0", Flows: []string{strings.Repeat("x", maxFlows), "actions=drop"}}}
	_, found := record(s.snapshot(), false, false)
	var was Snapshot
	if err := json.Unmarshal([]byte(found), &was); err != nil || len(was.Flows) != 0 || was.FlowsLost != 2 {
		t.Errorf("%s, %v", found, err)
	}
}
