package integration

import (
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestStretchedL2 is one layer-2 domain over three nodes.
func TestStretchedL2(t *testing.T) {
	t.Parallel()
	b := newBed(t, 3)
	b.scenario("stretched-l2", "node1", "node2", "node3")
	web1, web2, web3 := b.plug("web1", "node1"), b.plug("web2", "node2"), b.plug("web3", "node3")
	roamer := b.plug("roamer", "node1")
	b.bound("web1", "web2", "web3", "roamer")
	all := []*lab.Container{web1, web2, web3, roamer}
	b.matrix(all, everyPair)

	b.run("no hop is counted within the domain", func(t *testing.T, b *bed) {
		for _, a := range web2.Addresses() {
			if ttl := b.reach(web1, a.String()); ttl != 64 {
				t.Errorf("from %s the answer's TTL is %d, want 64", a, ttl)
			}
		}
	})
	b.run("no ARP request and no neighbour solicitation crosses the tunnel", func(t *testing.T, b *bed) {
		for _, c := range all {
			b.must(c.ForgetNeighbours(b.ctx))
		}
		sniffers := []*lab.Sniffer{b.sniff(web2), b.sniff(web3)}
		for _, a := range append(web2.Addresses(), web3.Addresses()...) {
			b.reach(web1, a.String())
		}
		for _, s := range sniffers {
			// Their own requests before they answer do not count.
			if got := b.frames(s, receivedRequest); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		}
	})
	b.run("a port without a node moves", func(t *testing.T, b *bed) {
		for _, to := range []string{"node3", "node2", "node1"} {
			b.must(roamer.Move(b.ctx, to))
			b.livesOn("roamer", to)
			b.matrix(all, everyPair)
		}
	})
	b.verify()
}
