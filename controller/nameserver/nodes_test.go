package nameserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestNodes: ports of a network with host access look up nodes by their names and addresses; where
// ports do not reach nodes, these have no names.
func TestNodes(t *testing.T) {
	b := newBed(t)
	b.put(topology.KindNode, "n1", topology.NodeSpec{TunnelIP: addrs("192.0.2.1")[0], Addresses: addrs("192.0.2.1", "2001:db8::1")})
	b.put(topology.KindNode, "n2", topology.NodeSpec{TunnelIP: addrs("192.0.2.2")[0]})
	b.put(topology.KindNetwork, "hosted", topology.NetworkSpec{Subnets: prefixes("10.3.0.0/24"), HostAccess: true, DNS: model.DNS{Enabled: true, Domain: "hosted.example"}})
	b.put(topology.KindRouter, "h", topology.RouterSpec{Networks: []string{"hosted"}})
	for _, tt := range []struct {
		network, name string
		kind          uint16
		exists        bool
		want          string
	}{
		{"hosted", "n1.node.hosted.example.", dns.TypeA, true, "192.0.2.1"},
		{"hosted", "N1.Node.Hosted.Example.", dns.TypeAAAA, true, "2001:db8::1"},
		{"hosted", "n2.node.hosted.example.", dns.TypeAAAA, true, ""},
		{"hosted", "n3.node.hosted.example.", dns.TypeA, false, ""},
		{"hosted", "node.hosted.example.", dns.TypeA, true, ""},
		{"hosted", "n1.hosted.example.", dns.TypeA, false, ""},
		{"hosted", "2.2.0.192.in-addr.arpa.", dns.TypePTR, true, "n2.node.hosted.example."},
		{"blue", "n1.node.blue.example.", dns.TypeA, false, ""},
		{"blue", "node.blue.example.", dns.TypeA, false, ""},
		{"blue", "2.2.0.192.in-addr.arpa.", dns.TypePTR, false, ""},
	} {
		n, _ := b.topo.Network(tt.network)
		f := find(Asker{Topo: b.topo, Network: n}, dns.Question{Name: tt.name, Qtype: tt.kind, Qclass: dns.ClassINET}, 0)
		var got []string
		for _, rr := range f.records {
			got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		if f.exists != tt.exists || strings.Join(got, " ") != tt.want {
			t.Errorf("%s asks for %s of %s: exists %v, %q; want %v, %q", tt.network, dns.TypeToString[tt.kind], tt.name, f.exists, got, tt.exists, tt.want)
		}
	}
	n, _ := b.topo.Network("hosted")
	var lines []string
	for _, rr := range Export(b.topo, n, nil) {
		if strings.Contains(rr.Header().Name, ".node.") {
			lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	want := []string{"n1.node.hosted.example. 5 IN A 192.0.2.1", "n1.node.hosted.example. 5 IN AAAA 2001:db8::1", "n2.node.hosted.example. 5 IN A 192.0.2.2"}
	if !slices.Equal(lines, want) {
		t.Errorf("exported %q, want %q", lines, want)
	}
	reverse, err := ExportReverse(b.topo, n, prefixes("192.0.2.0/24")[0].Prefix, nil)
	if err != nil || !slices.ContainsFunc(reverse, func(rr dns.RR) bool { return strings.HasSuffix(rr.String(), "n1.node.hosted.example.") }) {
		t.Errorf("exported %v, %v", reverse, err)
	}
}
