package reconcile_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestWhoIsWrittenTo: only a node whose tunnel port is marked as its own, over a
// connection from where it has its OpenFlow session, and only when something is
// another than before.
func TestWhoIsWrittenTo(t *testing.T) {
	const home = "127.0.0.2"
	id := uint64(model.DatapathIDFor("node1"))
	marked := ovsdb.Interface{Name: "vxlan-sdn", Type: "vxlan", OFPort: 9, Joined: &ovsdb.Joined{Node: "node1"}, Tunnel: &ovsdb.Tunnel{RemoteIP: "flow", Key: "flow", DstPort: "8472"}}
	unmarked, another := marked, marked
	unmarked.Joined, another.Joined = nil, &ovsdb.Joined{Node: "node2"}
	for _, tt := range []struct {
		name   string
		remote string
		iface  ovsdb.Interface
		bridge ovsdb.Bridge
		want   int
	}{
		{"the node", home + ":6640", marked, ovsdb.Bridge{FailMode: "secure"}, 1},
		{"another address", "127.0.0.3:6640", marked, ovsdb.Bridge{FailMode: "secure"}, 0},
		{"not marked", home + ":6640", unmarked, ovsdb.Bridge{FailMode: "secure"}, 0},
		{"marked as another's", home + ":6640", another, ovsdb.Bridge{FailMode: "secure"}, 0},
		{"read only", home + ":6640", marked, ovsdb.Bridge{FailMode: "secure", ReadOnly: true}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newIdentityBed(t, reconcile.Config{})
			b.declare("node1")
			b.connectAs(home, "node1", simswitch.Config{Desc: openflow.Desc{Software: "3.1.0"}})
			b.await("node1 is connected", func() bool { return b.at("node1", home) })
			var mu sync.Mutex
			var wrote []ovsdb.Desired
			b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Remote: tt.remote, Write: func(d ovsdb.Desired) {
				mu.Lock()
				defer mu.Unlock()
				wrote = append(wrote, d)
			}})
			b.fabric.BridgeChanged(id, tt.bridge)
			b.fabric.InterfacesChanged(id, []*ovsdb.Interface{&tt.iface})
			other := &ovsdb.Interface{Name: "web", OFPort: 5}
			b.fabric.InterfacesChanged(id, []*ovsdb.Interface{&tt.iface, other}) // nothing of the tunnel
			conditions := func() []condition.Condition { s, _ := b.fabric.NodeStatus("node1"); return s.Conditions }
			has := func(r condition.Reason) bool {
				return slices.ContainsFunc(conditions(), func(c condition.Condition) bool { return c.Reason == r })
			}
			fails := func() bool {
				b.fabric.DatabaseWritten(id, errors.New("transaction refused"))
				b.fabric.InterfacesChanged(id, []*ovsdb.Interface{&tt.iface}) // the last event
				b.await("all is done", func() bool { return !b.fabric.HasInterface("node1", "web") })
				return has(condition.OVSDBWriteFailed)
			}
			b.await("its interfaces are known", func() bool { return b.fabric.HasInterface("node1", "web") })
			if got := fails(); got != (tt.want > 0) {
				t.Errorf("OVSDBWriteFailed is %v: %+v", got, conditions())
			}
			if tt.want > 0 {
				b.fabric.DatabaseWritten(id, nil)
				b.await("the condition of the failure ends", func() bool { return !has(condition.OVSDBWriteFailed) })
				fails = func() bool {
					b.fabric.DatabaseWritten(id, errors.New("transaction refused"))
					b.await("the failure is a condition", func() bool { return has(condition.OVSDBWriteFailed) })
					b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure", ReadOnly: true})
					b.await("that it is read only is a condition", func() bool { return has(condition.OVSDBReadOnly) })
					return has(condition.OVSDBWriteFailed)
				}
				if fails() {
					t.Errorf("a node that may not be written to still has %+v", conditions())
				}
				tt.bridge.ReadOnly = true
			}
			if has(condition.OVSDBReadOnly) != tt.bridge.ReadOnly {
				t.Errorf("conditions %+v", conditions())
			}
			mu.Lock()
			defer mu.Unlock()
			if len(wrote) != tt.want {
				t.Fatalf("written %d times, want %d: %+v", len(wrote), tt.want, wrote)
			}
		})
	}
}

// TestDesiredTunnel: what a node's tunnel should be follows from what it joined with
// and its tunnel address.
func TestDesiredTunnel(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.1")
	for _, tt := range []struct {
		ip     netip.Addr
		joined ovsdb.Joined
		want   map[string]string
	}{
		{ip, ovsdb.Joined{Node: "node1"}, map[string]string{"remote_ip": "flow", "key": "flow", "dst_port": "", "local_ip": "192.0.2.1"}},
		{ip, ovsdb.Joined{Node: "node1", LocalIP: "10.0.0.1", DstPort: "8472"}, map[string]string{"remote_ip": "flow", "key": "flow", "dst_port": "8472", "local_ip": "10.0.0.1"}},
		{netip.Addr{}, ovsdb.Joined{Node: "node1"}, map[string]string{"remote_ip": "flow", "key": "flow", "dst_port": ""}},
	} {
		want := ovsdb.Desired{Node: "node1", Rows: []ovsdb.DesiredRow{{
			Table: "Interface", Name: "vxlan-sdn", Strings: map[string]string{"type": "vxlan"}, Pairs: map[string]map[string]string{"options": tt.want},
		}}}
		if d := cmp.Diff(want, reconcile.DesiredOf("node1", tt.ip, tt.joined)); d != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.joined, d)
		}
	}
}

// TestOwnRows: a node that joined gets the rows of sdnd's own, again when they change
// and when others have changed them; what it cannot have because it may not be written
// is a condition of the node.
func TestOwnRows(t *testing.T) {
	const home = "127.0.0.2"
	id := uint64(model.DatapathIDFor("node1"))
	var mu sync.Mutex
	queue := ovsdb.OwnRow{Table: "Queue", Key: "test", Columns: map[string]ovsdb.Value{"dscp": ovsdb.Set(ovsdb.Int(1))}}
	rows := []ovsdb.OwnRow{queue}
	b := newIdentityBed(t, reconcile.Config{OwnRows: func(string) []ovsdb.OwnRow {
		mu.Lock()
		defer mu.Unlock()
		return rows
	}})
	b.declare("node1")
	b.connectAs(home, "node1", simswitch.Config{Desc: openflow.Desc{Software: "3.3.0"}})
	b.await("node1 is connected", func() bool { return b.at("node1", home) })
	var wrote []ovsdb.Desired
	b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Remote: home + ":6640", Write: func(d ovsdb.Desired) {
		mu.Lock()
		defer mu.Unlock()
		wrote = append(wrote, d)
	}})
	written := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(wrote) == n }
	}
	b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure"})
	b.fabric.InterfacesChanged(id, nil)
	b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure", Node: "node1"})
	b.await("the rows are asked for", written(1))
	b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure", Node: "node1", UnderlayMTU: 1500}) // as before
	b.fabric.OwnRowsChanged(id)
	b.await("they are asked for again", written(2))
	mu.Lock()
	rows = nil
	mu.Unlock()
	b.fabric.BridgeChanged(id, ovsdb.Bridge{FailMode: "secure", Node: "node1"})
	b.await("they are to go", written(3))
	mu.Lock()
	var kept []int
	for _, d := range wrote {
		if d.Own == nil || d.Node != "node1" || len(d.Rows) > 0 {
			t.Errorf("asked for %+v", d)
		}
		kept = append(kept, len(d.Own))
	}
	mu.Unlock()
	if !slices.Equal(kept, []int{1, 1, 0}) {
		t.Errorf("asked for %v rows", kept)
	}

	why := fmt.Errorf("%w; it cannot have: Queue test", ovsdb.ErrReadOnly)
	b.fabric.DatabaseWritten(id, why)
	lacks := func() bool {
		s, _ := b.fabric.NodeStatus("node1")
		return slices.ContainsFunc(s.Conditions, func(c condition.Condition) bool {
			return c.Reason == condition.OVSDBReadOnly && c.Message == why.Error() && c.Action != ""
		})
	}
	b.await("what it lacks is a condition", lacks)
	b.fabric.DatabaseWritten(id, nil)
	b.await("the condition ends", func() bool { return !lacks() })

	b.fabric.DatabaseWritten(id, &ovsdb.MissingError{Rows: []string{"QoS test (there is no Port veth1)"}})
	has := func(reason condition.Reason) bool {
		s, _ := b.fabric.NodeStatus("node1")
		return slices.ContainsFunc(s.Conditions, func(c condition.Condition) bool { return c.Reason == reason })
	}
	b.await("a row that lacks its port is a condition", func() bool { return has(condition.OVSDBRowMissing) })
	if has(condition.OVSDBWriteFailed) {
		t.Error("it is a condition as if writing had failed")
	}
	b.fabric.DatabaseWritten(id, nil)
	b.await("that condition ends", func() bool { return !has(condition.OVSDBRowMissing) })

	mu.Lock()
	rows = []ovsdb.OwnRow{queue}
	mu.Unlock()
	b.fabric.OwnRowsChanged(id)
	b.await("the rows are asked for once more", written(4))
	node1 := topology.Ref{Kind: topology.KindNode, Name: "node1"}
	if _, err := b.store.Apply(b.Context(), "test", []topology.Op{{Verb: topology.Delete, Ref: node1}}); err != nil {
		t.Fatal(err)
	}
	b.await("the rows of a deleted node are to go", written(5))
	mu.Lock()
	defer mu.Unlock()
	if d := wrote[4]; d.Node != "node1" || d.Own == nil || len(d.Own)+len(d.Rows) > 0 {
		t.Errorf("asked for %+v when the node was deleted", d)
	}
}
