package drops_test

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/drops"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TestTable: what a switch reports of its ports is kept for the ports that are there, as long as
// they stay; a port counts as sending from another address until it has not for a minute.
func TestTable(t *testing.T) {
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNode, Name: "n1"}, Spec: topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "lan"}, Spec: topology.NetworkSpec{Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: "a"}, Spec: topology.PortSpec{Network: "lan", Node: "n1"}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: "b"}, Spec: topology.PortSpec{Network: "lan", Node: "n1"}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := pipeline.Place{Node: "n1", Interface: "eth1", OFPort: 7}
	v := pipeline.NewView(r.Next).Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "a", After: at}, {Port: "b", After: pipeline.Place{Node: "n1", Interface: "eth2", OFPort: 8}}}})
	a, _ := v.Topo.Port("a")
	now := time.Unix(1000, 0)
	table := drops.New(func() time.Time { return now }, slog.New(slog.DiscardHandler))

	// The port's own address and one that asks for an address are less informative than another.
	other := worker.Sender{MAC: a.MAC, IP: netip.MustParseAddr("10.1.0.99")}
	got := table.Report(v, "n1", worker.Dropped{
		Packets: map[openflow.PortNo]uint64{7: 12, 99: 5},
		Senders: map[openflow.PortNo][]worker.Sender{7: {{MAC: a.MAC, IP: a.Addresses[0]}, other, {MAC: a.MAC, IP: netip.IPv4Unspecified()}}},
	})
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("ports concerned: %v", got)
	}
	facts, recent := table.Of(a, at)
	if facts == nil || !recent || facts.Packets != 12 || facts.IP != "10.1.0.99" || facts.WantIP != a.Addresses[0].String() || facts.MAC != "" {
		t.Errorf("known of the port: %+v, %v", facts, recent)
	}
	if facts, _ := table.Of(a, pipeline.Place{Node: "n2", OFPort: 7}); facts != nil {
		t.Errorf("known of the port elsewhere: %+v", facts)
	}
	if ports, packets := table.Sum(); ports != 1 || packets != 12 {
		t.Errorf("%d ports, %d packets", ports, packets)
	}
	if past, _ := table.Past(); past != nil {
		t.Errorf("past at once: %v", past)
	}
	now = now.Add(drops.Recent + time.Second)
	if past, _ := table.Past(); strings.Join(past, " ") != "a" {
		t.Errorf("past after a minute: %v", past)
	}
	if ports, _ := table.Sum(); ports != 0 {
		t.Errorf("%d ports after a minute", ports)
	}
	if past, _ := table.Past(); past != nil {
		t.Errorf("past once more: %v", past)
	}
	if _, recent := table.Of(a, at); recent {
		t.Error("recent after a minute")
	}
	table.Forget("a")
	if facts, _ := table.Of(a, at); facts != nil {
		t.Errorf("known of a port that was forgotten: %+v", facts)
	}
}

// TestNoSourcePort: packets that find no source port are known for a minute, by router and node.
func TestNoSourcePort(t *testing.T) {
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "lan"}, Spec: topology.NetworkSpec{Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindRouter, Name: "main"}, Spec: topology.RouterSpec{Networks: []string{"lan"}}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(r.Next)
	main, _ := v.Topo.Router("main")
	now := time.Unix(1000, 0)
	table := drops.New(func() time.Time { return now }, slog.New(slog.DiscardHandler))
	is := func(when string, want condition.NoSourcePort) {
		t.Helper()
		if got := table.NoSourcePort(v.Topo, "n1"); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
	}
	is("at first", condition.NoSourcePort{})
	table.Report(v, "n1", worker.Dropped{NoSourcePort: map[uint32]uint64{main.ID: 3}})
	now = now.Add(drops.Recent / 2)
	table.Report(v, "n1", worker.Dropped{NoSourcePort: map[uint32]uint64{0: 4}})
	table.Report(v, "n2", worker.Dropped{NoSourcePort: map[uint32]uint64{0: 5}})
	is("of both", condition.NoSourcePort{Packets: 7, Routers: "main", Node: true})
	if _, past := table.Past(); past != nil {
		t.Errorf("past at once: %v", past)
	}
	now = now.Add(drops.Recent / 2)
	if _, past := table.Past(); !slices.Equal(past, []string{"n1"}) {
		t.Errorf("past after a minute: %v", past)
	}
	is("of the node", condition.NoSourcePort{Packets: 4, Node: true})
	now = now.Add(drops.Recent)
	if _, past := table.Past(); !slices.Equal(past, []string{"n1", "n2"}) {
		t.Errorf("past at the end: %v", past)
	}
	is("at the end", condition.NoSourcePort{})
}

// TestFlooded: what a port sends beyond the limit is known for a minute after the last packet, as a sum, of the
// port where it is. It is no packet that the port may not send.
func TestFlooded(t *testing.T) {
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNode, Name: "n1"}, Spec: topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "lan"}, Spec: topology.NetworkSpec{Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: "a"}, Spec: topology.PortSpec{Network: "lan", Node: "n1"}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := pipeline.Place{Node: "n1", Interface: "eth1", OFPort: 7}
	v := pipeline.NewView(r.Next).Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "a", After: at}}})
	a, _ := v.Topo.Port("a")
	now := time.Unix(1000, 0)
	table := drops.New(func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for range 2 {
		if ports := table.Report(v, "n1", worker.Dropped{Flooded: map[openflow.PortNo]uint64{7: 5, 99: 5}}); !slices.Equal(ports, []string{"a"}) {
			t.Errorf("ports concerned: %v", ports)
		}
		now = now.Add(drops.Recent / 2)
	}
	if f := table.Flooded("a", at); f == nil || f.Packets != 10 {
		t.Errorf("known of the port: %+v", f)
	}
	if facts, recent := table.Of(a, at); facts != nil || recent {
		t.Errorf("packets that it may not send: %+v", facts)
	}
	if f := table.Flooded("a", pipeline.Place{Node: "n2", OFPort: 7}); f != nil {
		t.Errorf("known of the port elsewhere: %+v", f)
	}
	if past, _ := table.Past(); past != nil {
		t.Errorf("past within a minute: %v", past)
	}
	now = now.Add(drops.Recent)
	if f := table.Flooded("a", at); f != nil {
		t.Errorf("known after a minute: %+v", f)
	}
	if past, _ := table.Past(); !slices.Equal(past, []string{"a"}) {
		t.Errorf("past after a minute: %v", past)
	}
	table.Report(v, "n1", worker.Dropped{Flooded: map[openflow.PortNo]uint64{7: 5}})
	table.Forget("a")
	if f := table.Flooded("a", at); f != nil {
		t.Errorf("known of a port that was forgotten: %+v", f)
	}
}
