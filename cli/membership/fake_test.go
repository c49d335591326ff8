package membership

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tables of Open vSwitch as "ovs-vsctl --format=json list" prints them: bridge,
// port, interface, controller, manager and ssl.
const (
	bridgeHead     = `{"headings":["_uuid","name","datapath_id","datapath_type","fail_mode","protocols","other_config","external_ids","controller","ports"],"data":[%s]}`
	portHead       = `{"headings":["_uuid","name","interfaces"],"data":[%s]}`
	interfaceHead  = `{"headings":["_uuid","name","type","options","ofport","error"],"data":[%s]}`
	controllerHead = `{"headings":["_uuid","target","connection_mode","max_backoff","is_connected","status","external_ids"],"data":[%s]}`
	managerHead    = `{"headings":["_uuid","target","max_backoff","is_connected","status","external_ids"],"data":[%s]}`
	sslHead        = `{"headings":["ca_cert","certificate","private_key","external_ids"],"data":[%s]}`
	// noHead is a table without rows: leaving lists nine.
	noHead = `{"headings":["_uuid"],"data":[]}`
)

// tables are the states that a fake machine may be in.
type tables struct{ bridge, port, iface, controller, manager string }

func (t tables) String() string {
	return fmt.Sprintf(strings.Join([]string{bridgeHead, portHead, interfaceHead, controllerHead, managerHead, sslHead, noHead, noHead, noHead}, "\n"),
		t.bridge, t.port, t.iface, t.controller, t.manager, "")
}

// inUse is a bridge br-int of somebody else.
func inUse() tables {
	return tables{
		bridge:     `[["uuid","b"],"br-int","00000000000000b0","",["set",[]],["set",[]],["map",[]],["map",[]],["uuid","c"],["set",[["uuid","p"]]]]`,
		port:       `[["uuid","p"],"eth1",["uuid","i"]]`,
		iface:      `[["uuid","i"],"eth1","",["map",[]],1,["set",[]]]`,
		controller: `[["uuid","c"],"tcp:192.0.2.1:6653","in-band",8000,true,["map",[]],["map",[]]]`,
	}
}

// joined is the node node1, whose tunnel has an OpenFlow port number and an error, and which
// is connected or not.
func joined(ofport int, fault string, connected bool) tables {
	return tables{
		bridge: `[["uuid","b"],"br-int","ca4eba7207232f14","","secure","OpenFlow13",["map",[["datapath-id","ca4eba7207232f14"],["disable-in-band","true"]]],` +
			`["map",[["sdnctl-node","node1"],["sdnctl-made","bridge,tunnel,manager"],["sdnctl-found","{\"exists\":false}"]]],["uuid","c"],["set",[["uuid","p"]]]]`,
		port:       `[["uuid","p"],"vxlan-sdn",["uuid","i"]]`,
		iface:      fmt.Sprintf(`[["uuid","i"],"vxlan-sdn","vxlan",["map",[["key","flow"],["remote_ip","flow"]]],%d,%q]`, ofport, fault),
		controller: fmt.Sprintf(`[["uuid","c"],"tcp:127.0.0.1:6653","out-of-band",1000,%v,["map",[]],["map",[]]]`, connected),
		manager:    fmt.Sprintf(`[["uuid","m"],"tcp:127.0.0.1:6640",1000,%v,["map",[["state","x"]]],["map",[["sdnctl-node","node1"]]]]`, connected),
	}
}

// fake is a machine whose ovs-vsctl reads one of the states, and the next after each
// change.
type fake struct {
	states  []tables
	changes []string
	notes   []string
}

func (f *fake) exec(_ context.Context, name string, args ...string) ([]byte, error) {
	if name == "ovs-ofctl" {
		return []byte("cookie=0x1, priority=1 actions=drop\n"), nil
	}
	if slices.Contains(args, "--format=json") {
		return []byte(f.states[0].String()), nil
	}
	f.changes = append(f.changes, strings.Join(args, " "))
	if len(f.states) > 1 {
		f.states = f.states[1:]
	}
	return nil, nil
}

// host is the fake machine, with the address 192.0.2.11.
func (f *fake) host(t *testing.T) Host {
	t.Helper()
	here := netip.MustParseAddr("192.0.2.11")
	return Host{
		Dir:       t.TempDir(),
		Exec:      f.exec,
		LocalAddr: func(netip.Addr) netip.Addr { return here },
		MTU:       func(a netip.Addr) (int, bool) { return 1500, a == here },
		Now:       time.Now,
		Author:    "test",
		Note:      func(text string) { f.notes = append(f.notes, text) },
	}
}
