package facts

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
)

const id = 7

// TestInterfacesThatDiffer: a report returns exactly the interfaces that changed, as they were
// and as they are, and the numbers follow.
func TestInterfacesThatDiffer(t *testing.T) {
	kept, renumbered := &ovsdb.Interface{Name: "a", OFPort: 1}, &ovsdb.Interface{Name: "b", OFPort: 2}
	gone := &ovsdb.Interface{Name: "c", OFPort: 3}
	f := New()
	f.UpdateInterfaces(id, []*ovsdb.Interface{kept, renumbered, gone})
	now, came := &ovsdb.Interface{Name: "b", OFPort: 3}, &ovsdb.Interface{Name: "d", OFPort: -1}
	var got []string
	for _, i := range f.UpdateInterfaces(id, []*ovsdb.Interface{kept, now, came}) {
		got = append(got, i.Name)
	}
	if d := cmp.Diff([]string{"b", "c", "b", "d"}, got); d != "" {
		t.Error(d)
	}
	for number, want := range map[openflow.PortNo]*ovsdb.Interface{1: kept, 2: nil, 3: now} {
		if _, _, i, known := f.Port(id, number); i != want || !known {
			t.Errorf("port %d is %v, want %v", number, i, want)
		}
	}
	f.OVSDBDisconnected(id)
	if _, _, i, _ := f.Port(id, 1); i != nil || f.Interface(id, "a") != nil {
		t.Error("interfaces are known without OVSDB")
	}
}

// TestLinksOutliveOVSDB: the state of ports comes from OpenFlow and stays when OVSDB is gone; a
// new session replaces it.
func TestLinksOutliveOVSDB(t *testing.T) {
	f := New()
	down := LinkOf(&openflow.Port{State: openflow.StateLinkDown})
	f.Connected(id, "br-int", Links{4: down})
	f.UpdateLink(id, 5, LinkOf(&openflow.Port{Config: openflow.PortNoFwd}))
	f.OVSDBDisconnected(id)
	if bridge, l, _, _ := f.Port(id, 4); bridge != "br-int" || l != down || l.Forwards() || l.Carries() {
		t.Errorf("%q %+v", bridge, l)
	}
	if _, l, _, _ := f.Port(id, 5); l != (Link{Disabled: condition.Disabled{NoForward: true}}) || !l.Forwards() || l.Carries() {
		t.Errorf("%+v", l)
	}
	f.Connected(id, "br-int", Links{})
	if _, l, _, _ := f.Port(id, 4); l != (Link{}) || !l.Forwards() || !l.Carries() {
		t.Errorf("after connecting again: %+v", l)
	}
	f.Forget(id)
	if _, _, _, known := f.Port(id, 4); known {
		t.Error("a forgotten bridge is known")
	}
}

// TestNode: reports of OVSDB count only if they are accepted, and sdnd sets the tunnel's options
// only where join asked for it and the database may be written to.
func TestNode(t *testing.T) {
	f := New()
	tunnel := &ovsdb.Interface{Name: pipeline.TunnelPort, Type: "vxlan", OFPort: 1,
		Tunnel: &ovsdb.Tunnel{RemoteIP: "flow", Key: "flow", DstPort: "4789", LocalIP: "192.0.2.1"},
		Joined: &ovsdb.Joined{Node: "n1"}}
	f.Connected(id, "br-int", Links{1: {Disabled: condition.Disabled{Down: true}}})
	f.UpdateBridge(id, ovsdb.Bridge{Node: "n1", UnderlayMTU: 1500, FailMode: "secure"})
	f.UpdateInterfaces(id, []*ovsdb.Interface{tunnel})

	foreign := status.Bridge{Name: "br-int", Disabled: condition.Disabled{Down: true}}
	if d := cmp.Diff(foreign, f.Node(id, "n1", 1, false, false)); d != "" {
		t.Errorf("reports that do not count: %s", d)
	}
	accepted := foreign
	accepted.Underlay = 1500
	accepted.Tunnel = &condition.Tunnel{Type: "vxlan", RemoteIP: "flow", Key: "flow", Own: true}
	if d := cmp.Diff(accepted, f.Node(id, "n1", 1, true, true)); d != "" {
		t.Error(d)
	}
	if a, udp, known := f.TunnelSource(id); !known || a != netip.MustParseAddr("192.0.2.1") || udp != 0 {
		t.Errorf("the tunnel sends from %v to port %d, %v", a, udp, known)
	}
	if _, own := f.OwnTunnel(id, "n2"); own || f.JoinedNode(id) != "n1" {
		t.Error("another node's tunnel is sdnd's to set")
	}
	f.UpdateBridge(id, ovsdb.Bridge{Node: "n1", ReadOnly: true})
	if _, own := f.OwnTunnel(id, "n1"); own {
		t.Error("sdnd sets options in a database that it may not write to")
	}
}

// TestUnderlay: the MTU of a node's underlay is known until it is reported as unknown.
func TestUnderlay(t *testing.T) {
	f := New()
	if !f.SetUnderlay("n1", 1500) || f.SetUnderlay("n1", 1500) || f.Underlay("n1") != 1500 {
		t.Error("the first report is a change, the second is not")
	}
	if !f.SetUnderlay("n1", 0) || f.SetUnderlay("n2", 0) || f.Underlay("n1") != 0 {
		t.Error("unknown")
	}
}
