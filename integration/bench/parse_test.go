package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

func TestQuantiles(t *testing.T) {
	var s samples
	for i := range 101 {
		s = append(s, time.Duration(100-i)*time.Millisecond)
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 50, 0.95: 95, 0.99: 99, 1: 100} {
		if got := s.at(q, time.Millisecond); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := samples(nil).at(0.5, time.Millisecond); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestParseGoBench(t *testing.T) {
	got := parseGoBench(`goos: linux
BenchmarkFlow/encode-2         	50000000	        22.8 ns/op	       0 B/op	       0 allocs/op
BenchmarkPlan/ports=100-16 	  1000	  5894 ns/op	  12.50 B/port
PASS
`)
	want := map[string]map[string]float64{
		"BenchmarkFlow/encode":    {"ns/op": 22.8, "B/op": 0, "allocs/op": 0},
		"BenchmarkPlan/ports=100": {"ns/op": 5894, "B/port": 12.5},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLookupsIn(t *testing.T) {
	const trace = `Flow: icmp,in_port=1

bridge("br-int")
----------------
 0. ip,in_port=1, priority 100
    goto_table:40
40. priority 1
    goto_table:80
80. metadata=0x1, priority 100
    output:2

bridge("br-phy")
----------------
 0. priority 0
    NORMAL
`
	if got := lookupsIn(trace); got != 3 {
		t.Errorf("%d lookups, want 3", got)
	}
}

func TestCountMegaflows(t *testing.T) {
	const dump = `flow-dump from the main thread:
recirc_id(0),in_port(3),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=10.0.0.1,frag=no), packets:3, bytes:9, used:1s, actions:4
recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:02,dst=02:00:00:00:00:01),eth_type(0x0800),ipv4(src=10.0.0.2,frag=no), packets:3, bytes:9, used:1s, actions:3
recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:02,dst=02:00:00:00:00:01),eth_type(0x0800),ipv4(src=10.0.0.0/255.255.255.0,frag=no), packets:3, bytes:9, used:1s, actions:3
recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0806), packets:3, bytes:9, used:1s, actions:3
recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(dst=172.16.56.2,proto=17,frag=no),udp(dst=4789), packets:3, bytes:9, used:1s, actions:tnl_pop(5)
`
	if flows, masks := countMegaflows(dump); flows != 3 || masks != 2 {
		t.Errorf("%d flows with %d masks, want 3 with 2", flows, masks)
	}
}

// The bundle that is replayed is one that our own codec reads.
func TestEncodeBundle(t *testing.T) {
	mods := [][]byte{
		openflow.AppendFlowDeleteByCookie(nil, 7, 3, 0xbeef),
		(&openflow.Flow{Table: 1, Priority: 2, Cookie: 3}).AppendAdd(nil, 8),
	}
	b, err := encodeBundle(slices.Values(mods))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(b) > 0 {
		n := int(b[2])<<8 | int(b[3])
		m, err := openflow.DecodeMessage(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *openflow.BundleControl:
			got = append(got, m.Kind.String())
		case *openflow.BundleAdd:
			got = append(got, "add "+openflow.MessageType(m.Message[1]).String())
		default:
			t.Fatalf("%T", m)
		}
		b = b[n:]
	}
	want := []string{openflow.BundleOpenRequest.String(), "add flow_mod", "add flow_mod", openflow.BundleCommitRequest.String()}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDnsperfTimes(t *testing.T) {
	const out = `DNS Performance Testing Tool
[Status] Sending queries (to 10.64.0.1:53)
> NOERROR asker.n.internal A 0.004000
> NXDOMAIN missing.n.internal A 0.002000
Statistics:
  Queries lost:         1 (33.33%)
`
	took, lost, err := dnsperfTimes(out)
	if err != nil || lost != "1" || len(took) != 2 || took.at(1, time.Millisecond) != 4 {
		t.Errorf("got %v, %q, %v", took, lost, err)
	}
	for _, out := range []string{"nothing", "> SERVFAIL asker.n.internal A 0.004000\n", "> NOERROR asker.n.internal A 0.004000\n"} {
		if took, lost, err := dnsperfTimes(out); err == nil {
			t.Errorf("%q gives %v, %q", out, took, lost)
		}
	}
}
