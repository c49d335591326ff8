package pipeline

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// TestCompilerForgetsTopology: what a compiler has looked up in one topology is not used in another,
// whatever it was asked about that one in between.
func TestCompilerForgetsTopology(t *testing.T) {
	var c Compiler
	var snapshot = topology.NewSnapshot()
	for _, address := range []string{"192.0.2.1", "192.0.2.9"} {
		want := netip.MustParseAddr(address)
		r, err := topology.Plan(snapshot, []topology.Op{{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNode, Name: "n1"}, Spec: topology.NodeSpec{TunnelIP: want}}}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		snapshot = r.Next
		v := NewView(snapshot)
		c.Entries(v, "n2")
		c.begin(&ItemSet{}, v, "n2")
		if got := c.vtepOf("n1"); got != want {
			t.Errorf("n1 is reached at %s, want %s", got, want)
		}
	}
}
