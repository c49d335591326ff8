package integration

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestTenants: two networks with the same addresses stay apart, and each has
// all of its subnets.
func TestTenants(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.scenario("kos", "node1", "node2")
	b.apply(`
{kind: Port, name: red3, spec: {network: red, node: node2, ip: 192.168.11.7}}
---
{kind: Port, name: red4, spec: {network: red, node: node1, ip: 192.168.11.8}}
---
{kind: Port, name: red200, spec: {network: red, node: node2, ip: 192.168.10.200}}
---
{kind: Port, name: green3, spec: {network: green, node: node2}}
`)
	var red, green []*lab.Container
	for name, node := range map[string]string{"red1": "node1", "red2": "node2", "red3": "node2", "red4": "node1", "red200": "node2"} {
		red = append(red, b.plug(name, node))
	}
	for name, node := range map[string]string{"green1": "node1", "green2": "node1", "green3": "node2"} {
		green = append(green, b.plug(name, node))
	}
	b.bound("red1", "red2", "red3", "red4", "red200", "green1", "green2", "green3")
	for _, c := range red {
		// Both subnets are one layer-2 domain: no router is needed, only a route.
		for _, all := range []string{"192.168.10.0/23", "fd00:c0a8:a::/47"} {
			_, err := c.Exec(b.ctx, "ip", "route", "replace", all, "dev", "eth0")
			b.must(err)
		}
	}
	b.run("a tenant reaches all of its own", func(t *testing.T, b *bed) {
		b.matrix(red, everyPair)
		b.matrix(green, everyPair)
	})
	b.run("the same address is another container in the other tenant", func(t *testing.T, b *bed) {
		// red200 and green1 have the same address; the MAC shows which of them answers.
		for from, want := range map[*lab.Container]string{red[0]: "red200", green[1]: "green1"} {
			if from.Name == want {
				continue
			}
			b.reach(from, "192.168.10.200")
			c, err := b.Container(want)
			b.must(err)
			if mac, err := from.NextHopMAC(b.ctx, c.IP.Addr()); err != nil || mac != c.MAC {
				t.Errorf("for %s, 192.168.10.200 is %s (%v), want %s of %s", from.Name, mac, err, c.MAC, want)
			}
		}
	})
	b.run("a tenant does not reach the other", func(t *testing.T, b *bed) {
		third, err := b.Container("green2") // at 192.168.10.201, where red has nobody
		b.must(err)
		for _, c := range red {
			b.unreachable(c, third.IP.Addr().String()) // by IPv6 both have it, and red's own answers
			b.trace(c, third, false)
		}
	})
	b.run("the MAC is a function of address and VNI", func(t *testing.T, b *bed) {
		before, err := b.api.Port(b.ctx, "red1")
		b.must(err)
		b.sdnctl("port", "create", "other", "--network", "green", "--node", "node2", "--ip", "192.168.10.150")
		b.sdnctl("port", "create", "same", "--network", "red", "--node", "node2", "--ip", "192.168.10.150")
		one, err := b.api.Port(b.ctx, "other")
		b.must(err)
		two, err := b.api.Port(b.ctx, "same")
		b.must(err)
		if one.Status.MAC == two.Status.MAC {
			t.Errorf("ports of two VNIs with the same address have the same MAC %s", one.Status.MAC)
		}
		ip := before.Status.IP
		red1, err := b.Container("red1")
		b.must(err)
		b.must(red1.Remove(b.ctx))
		b.sdnctl("port", "delete", "red1", "other", "same")
		b.sdnctl("port", "create", "again", "--network", "red", "--node", "node1", "--ip", ip)
		after, err := b.api.Port(b.ctx, "again")
		b.must(err)
		if after.Status.MAC != before.Status.MAC {
			t.Errorf("%s had the MAC %s, and now has %s", ip, before.Status.MAC, after.Status.MAC)
		}
	})
	b.verify()
}

// TestRelevance: a node has all flows for the networks that it has a port of, and none for
// the others.
func TestRelevance(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {vni: 77, cidr: 10.7.0.0/24}}
---
{kind: Port, name: a, spec: {network: blue, node: node1}}
---
{kind: Port, name: b, spec: {network: blue, node: node1}}
`)
	empty := b.flowSet("node2")
	a := b.plug("a", "node1")
	b.plug("b", "node1", func(c *lab.Container) { c.Interface = "veth-b" })
	b.bound("a", "b")
	if diff := cmp.Diff(empty, b.flowSet("node2")); diff != "" {
		t.Fatalf("node2 has no port of blue, and yet its flows changed (-before +after):\n%s", diff)
	}

	b.sdnctl("port", "create", "c", "--network", "blue", "--node", "node2", "--wait")
	c := b.plug("c", "node2")
	b.bound("c")
	if got := len(b.flowSet("node2")) - len(empty); got < 2*2+1 {
		t.Errorf("the first port of blue added %d flows on node2, too few for the two others", got)
	}
	b.reach(c, a.IP.Addr().String())
	b.reach(a, c.IP.Addr().String())

	b.must(c.Remove(b.ctx))
	b.sdnctl("port", "delete", "c", "--wait")
	if diff := cmp.Diff(empty, b.flowSet("node2")); diff != "" {
		t.Errorf("the last port of blue left node2, and something stayed (-before +after):\n%s", diff)
	}
	b.verify()
}

// TestFlowCost checks the cost: a constant per network and at most 6 flows per local and 2
// per relevant remote port, one more of each if the network is routed, and 1 per node that
// may send here.
func TestFlowCost(t *testing.T) {
	for _, routed := range []bool{false, true} {
		local, remote, name := 6, 2, "alone"
		if routed {
			local, remote, name = 7, 3, "routed"
		}
		t.Run(name, func(t *testing.T) {
			b := newBed(t, 2)
			b.join("node1", "node2")
			b.apply(nodes(2) + "{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n---\n{kind: Network, name: green, spec: {cidr: 10.8.0.0/24}}\n")
			if routed {
				b.apply("{kind: Router, name: r, spec: {networks: [blue, green]}}\n")
			}
			empty := b.flowCount("node1")
			add := func(port, node string) int {
				b.sdnctl("port", "create", port, "--network", "blue", "--node", node, "--wait")
				b.plug(port, node)
				b.bound(port)
				return b.flowCount("node1")
			}
			first := add("l1", "node1")
			constant := first - empty - local
			t.Logf("constant per network: %d (of %d in all), per local port at most %d, per remote %d", constant, first, local, remote)
			last := first
			for i := 2; i <= 4; i++ {
				now := add(fmt.Sprintf("l%d", i), "node1")
				if now-last > local {
					t.Errorf("a local port more costs %d flows, want at most %d", now-last, local)
				}
				last = now
			}
			for i := 1; i <= 3; i++ {
				now, most := add(fmt.Sprintf("r%d", i), "node2"), remote
				if i == 1 {
					most++ // node2 is admitted, once
				}
				if now-last > most {
					t.Errorf("a remote port more costs %d flows, want at most %d", now-last, most)
				}
				last = now
			}
			b.verify()
		})
	}
}

// TestOneHolder: one port per VNI holds an address, however many request it at the same
// time.
func TestOneHolder(t *testing.T) {
	t.Parallel()
	const creators = 50
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + "{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}\n")
	create := func(format string, spec model.PortSpec) (ok []string, refused int) {
		var wg sync.WaitGroup
		var mu sync.Mutex // guards ok and refused
		for i := range creators {
			wg.Go(func() {
				o, err := api.NewObject(fmt.Sprintf(format, i), nil, spec)
				if err == nil {
					_, err = b.api.Create(b.ctx, o)
				}
				mu.Lock()
				defer mu.Unlock()
				var problem *api.Error
				switch {
				case err == nil:
					ok = append(ok, o.Name)
				case errors.As(err, &problem):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return ok, refused
	}
	if ok, refused := create("same%d", model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.7.0.50")}); len(ok) != 1 || refused != creators-1 {
		t.Errorf("of %d that asked for one address, %v got it and %d were refused", creators, ok, refused)
	}
	ok, _ := create("any%d", model.PortSpec{Network: "blue"})
	if len(ok) != creators {
		t.Errorf("of %d that asked for any address, %d got one", creators, len(ok))
	}
	ports, err := b.api.Ports(b.ctx, api.ListOptions{})
	b.must(err)
	var held []string
	for _, p := range ports.Items {
		held = append(held, p.Status.IP)
	}
	slices.Sort(held)
	if unique := slices.Compact(slices.Clone(held)); len(unique) != len(held) || len(held) != creators+1 {
		t.Errorf("%d ports hold %d addresses", len(held), len(unique))
	}
	b.verify()
}
