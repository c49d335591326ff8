package bolt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ref(k topology.Kind, name string) topology.Ref { return topology.Ref{Kind: k, Name: name} }

func put(k topology.Kind, name string, spec topology.Spec) topology.Op {
	return topology.Op{Verb: topology.Put, Ref: ref(k, name), Spec: spec}
}

func del(k topology.Kind, name string) topology.Op {
	return topology.Op{Verb: topology.Delete, Ref: ref(k, name)}
}

func network(cidr string) topology.NetworkSpec {
	return topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(cidr)}}}
}

// scale is a topology with every kind of object and every field in use.
func scale() []topology.Op {
	return []topology.Op{
		put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.0.1")}),
		put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.0.2"), DatapathID: 0xa2}),
		put(topology.KindNetwork, "pods", topology.NetworkSpec{
			Mode: topology.Segmented, ContainersPerNode: 250, MaxNodes: 100, MTU: 1400,
			Subnets: []topology.Subnet{{
				Prefix:   netip.MustParsePrefix("10.244.0.0/16"),
				Reserved: []topology.AddrRange{{From: netip.MustParseAddr("10.244.1.2"), To: netip.MustParseAddr("10.244.1.9")}},
			}},
			Blocks: []topology.BlockSpec{{Node: "n2", Prefix: netip.MustParsePrefix("10.244.7.0/24"), GatewayMAC: topology.MAC{0, 0, 0, 0, 2, 1}}},
		}),
		put(topology.KindNetwork, "flat", network("10.0.0.0/24")),
		put(topology.KindRouter, "main", topology.RouterSpec{Networks: []string{"pods", "flat"}}),
		{
			Verb: topology.Create, Ref: ref(topology.KindPort, "web"), Labels: map[string]string{"app": "web"},
			Spec: topology.PortSpec{Network: "pods", Node: "n1", InterfaceID: "0f3c", MAC: topology.MAC{2, 0, 0, 0, 1, 3}},
		},
		put(topology.KindPort, "db", topology.PortSpec{Network: "pods", Node: "n2", Interface: "veth-db", IP: netip.MustParseAddr("10.244.7.77")}),
		put(topology.KindPort, "roaming", topology.PortSpec{Network: "flat"}),
	}
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{Clock: func() time.Time { return epoch }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func apply(t testing.TB, s *Store, ops ...topology.Op) store.Commit {
	t.Helper()
	c, err := s.Apply(context.Background(), "alice", ops)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	if c := apply(t, s, scale()...); c.Revision != 1 || c.Before.Revision() != 0 || c.After != s.Snapshot() || len(c.Changes) != 8 || len(c.Blocks) != 2 || c.Author != "alice" || !c.Time.Equal(epoch) {
		t.Errorf("first commit: %+v", c)
	}
	apply(t, s, del(topology.KindPort, "db"), put(topology.KindPort, "web2", topology.PortSpec{Network: "pods", Node: "n1"}))
	want := storetest.Contents(s.Snapshot())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if d := cmp.Diff(want, storetest.Contents(s.Snapshot()), storetest.Values()); d != "" {
		t.Errorf("after reopening (-want +got):\n%s", d)
	}
	if w := topology.CheckIPAM(s.Snapshot()); len(w) > 0 {
		t.Error(w)
	}
	if c := apply(t, s, put(topology.KindPort, "web3", topology.PortSpec{Network: "pods", Node: "n1"})); c.Revision != 3 {
		t.Errorf("revision %d after reopening, want 3", c.Revision)
	}
}

func TestApplyNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, scale()...)
	called := false
	s.OnCommit(func(store.Commit) { called = true })
	before := s.Snapshot()
	ops := scale()
	ops[5].Verb = topology.Put
	c := apply(t, s, ops...)
	if c.Revision != 1 || s.Snapshot() != before || len(c.Changes)+len(c.Blocks) > 0 || called {
		t.Errorf("the same again: %+v, callback %v", c, called)
	}
	if h, err := s.History(0, 0, nil); err != nil || len(h) != 1 {
		t.Errorf("history: %d entries, %v", len(h), err)
	}
}

func TestOnCommitOrder(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	var seen []topology.Revision
	s.OnCommit(func(c store.Commit) {
		if s.Snapshot() != c.After {
			t.Error("OnCommit was called before the snapshot was published")
		}
		seen = append(seen, c.Revision)
	})
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := s.Apply(context.Background(), "bob", []topology.Op{put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"})})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, r := range seen {
		if r != topology.Revision(i+1) {
			t.Fatalf("revisions %v are not in order", seen)
		}
	}
	if len(seen) != 51 {
		t.Errorf("OnCommit was called for %d commits, want 51", len(seen))
	}
	if w := topology.CheckIPAM(s.Snapshot()); len(w) > 0 || s.Snapshot().NumPorts() != 50 {
		t.Errorf("%d ports, %v", s.Snapshot().NumPorts(), w)
	}
}

func TestBindings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	for _, bs := range [][]store.Binding{
		{{Port: "a", Node: "n1", Interface: "veth1"}, {Port: "b", Node: "n1", Interface: "veth2"}},
		{{Port: "a", Node: "n2", Interface: "veth9"}, {Port: "b", Gone: true}, {Port: "never", Gone: true}},
		nil,
	} {
		if err := s.SaveBindings(bs); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Bindings()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.Binding{{Port: "a", Node: "n2", Interface: "veth9"}}, got); d != "" {
		t.Errorf("bindings (-want +got):\n%s", d)
	}
}

// TestFiftyCreators: of fifty that ask for one address at once, one gets it,
// and the others get an error that names it.
func TestFiftyCreators(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")), put(topology.KindNetwork, "b", network("10.0.0.0/24")))
	want := netip.MustParseAddr("10.0.0.50")
	for _, net := range []string{"a", "b"} { // the same addresses in two VNIs are apart
		var wg sync.WaitGroup
		var mu sync.Mutex
		var winners []string
		for i := range 50 {
			wg.Go(func() {
				name := fmt.Sprint(net, i)
				op := put(topology.KindPort, name, topology.PortSpec{Network: net, IP: want})
				if _, err := topology.Plan(s.Snapshot(), []topology.Op{put(topology.KindPort, name, topology.PortSpec{Network: net})}, epoch); err != nil {
					t.Error(err)
				}
				_, err := s.Apply(context.Background(), name, []topology.Op{op})
				var ps topology.Problems
				switch {
				case err == nil:
					mu.Lock()
					winners = append(winners, name)
					mu.Unlock()
				case !errors.As(err, &ps) || len(ps) != 1 || ps[0].Kind != topology.Conflict || !strings.Contains(ps[0].Message, "10.0.0.50 is held by port/"+net):
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		p, ok := s.Snapshot().PortByAddress(net, want)
		if len(winners) != 1 || !ok || p.Name != winners[0] {
			t.Errorf("network %s: winners %v, holder %v", net, winners, p)
		}
	}
	if w := topology.CheckIPAM(s.Snapshot()); len(w) > 0 || s.Snapshot().NumPorts() != 2 {
		t.Errorf("%d ports, %v", s.Snapshot().NumPorts(), w)
	}
}

// TestLocksFollow: the locks in the file follow a change of VNI and a swap of
// addresses; Open refuses them otherwise.
func TestLocksFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	at := func(name, ip string) topology.Op {
		return put(topology.KindPort, name, topology.PortSpec{Network: "a", IP: netip.MustParseAddr(ip), MAC: topology.MAC{2, 0, 0, 0, 0, name[0]}})
	}
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")), at("p", "10.0.0.5"), at("q", "10.0.0.6"))
	apply(t, s, at("p", "10.0.0.6"), at("q", "10.0.0.5"))
	moved := network("10.0.0.0/24")
	moved.VNI = 77
	apply(t, s, put(topology.KindNetwork, "a", moved), at("p", "10.0.0.6"), at("q", "10.0.0.5"))
	want := storetest.Contents(s.Snapshot())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, storetest.Contents(open(t, path).Snapshot()), storetest.Values()); d != "" {
		t.Errorf("after reopening (-want +got):\n%s", d)
	}
}

// TestLocals: from where nodes send, and by which ports to uplinks, is kept over a restart, and forgotten.
func TestLocals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	a := netip.MustParseAddr("192.168.0.1")
	for _, ls := range [][]store.Local{nil, {{Node: "n1", Addr: a}, {Node: "n2", Addr: a.Next()}}, {{Node: "n1", Addr: a.Next()}, {Node: "n2"}, {Node: "n3", Uplinks: map[string]uint32{"": 3, "br-ex": 4}}}} {
		if err := s.SaveLocals(ls); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Locals()
	if err != nil {
		t.Fatal(err)
	}
	if want := []store.Local{{Node: "n1", Addr: a.Next()}, {Node: "n3", Uplinks: map[string]uint32{"": 3, "br-ex": 4}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}
