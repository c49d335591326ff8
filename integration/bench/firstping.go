package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// firstPings returns the benches of the time from setting an interface's identity to the
// container's first ping.
func firstPings() []Bench {
	return []Bench{{
		Name: "firstping", Section: "A container's first ping, from setting iface-id to the first reply",
		Run: firstPing,
	}}
}

func firstPing(ctx context.Context, e *Env, r *Report) (err error) {
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	err = errors.Join(add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16")}),
		add(&req, "moving", model.PortSpec{Network: "n"}), add(&req, "here", model.PortSpec{Network: "n"}), add(&req, "there", model.PortSpec{Network: "n"}))
	if err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	moving, err := b.plugContainer(ctx, "moving", "node1", false)
	if err != nil {
		return err
	}
	here, err := b.plugContainer(ctx, "here", "node1", true)
	if err != nil {
		return err
	}
	there, err := b.plugContainer(ctx, "there", "node2", true)
	if err != nil {
		return err
	}
	bind := binder{
		node: b.Nodes[0], moving: moving,
		bind:   func(ctx context.Context) error { return setIfaceID(ctx, b.Nodes[0], moving.Interface, "moving") },
		bound:  func(ctx context.Context) error { return b.awaitBound(ctx, "moving", true) },
		unbind: func(ctx context.Context) error { return b.awaitBound(ctx, "moving", false) },
	}
	n := e.Pick(100, 5)
	ovn := e.ovnFigures(ctx)
	for _, to := range []struct {
		where  string
		target *lab.Container
		theirs samples
	}{{"of the other node", there, ovn.pinged}, {"of the same node", here, ovn.pingedHere}} {
		ours, err := bind.firstPings(ctx, n, to.target)
		if err != nil {
			return err
		}
		r.Add(Line{
			Name: "first reply " + to.where, Unit: "ms", Ours: ours.p50(time.Millisecond), Goal: AtMost(5),
			Baseline: "OVN", Theirs: ovn.figure(to.theirs, ovn.pingErr),
			Note: "The interface is on br-int already, neighbour entries are fixed, a request is sent every half millisecond. The port is not pinned: both nodes hear of its place.",
		})
	}
	return nil
}

// binder binds one container's interface to its port over and over.
type binder struct {
	node   *lab.Node
	moving *lab.Container
	// bind sets the interface's identity. bound waits until the port is bound. unbind removes
	// the identity and waits until the port is unbound everywhere.
	bind, bound, unbind func(context.Context) error
}

// firstPings returns the times from setting the identity to the first reply.
func (b *binder) firstPings(ctx context.Context, n int, to *lab.Container) (samples, error) {
	if err := knowEachOther(ctx, b.moving, to); err != nil {
		return nil, err
	}
	p, err := newPinger(ctx, b.moving, to.IP.Addr())
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var all samples
	for i := range n + 1 { // the first one is not counted
		if err := setIfaceID(ctx, b.node, b.moving.Interface, ""); err != nil {
			return nil, err
		}
		if err := b.unbind(ctx); err != nil {
			return nil, err
		}
		if err := p.drain(); err != nil {
			return nil, err
		}
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		start := time.Now()
		err := b.bind(limit)
		if err == nil {
			err = p.first(limit)
		}
		took := time.Since(start)
		cancel()
		if err == nil {
			err = b.bound(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s to %s, sample %d: %w", b.moving.Name, to.Name, i, err)
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	return all, nil
}

// knowEachOther enters two containers, or the gateways between them, in each other's neighbour
// tables. Otherwise the kernel's pause of a second between ARP requests would dominate the
// measurement.
func knowEachOther(ctx context.Context, a, b *lab.Container) error {
	for _, c := range [][2]*lab.Container{{a, b}, {b, a}} {
		next, mac := c[1].IP.Addr(), c[1].MAC
		if !c[0].IP.Contains(next) {
			next = c[0].Gateway
			// Only in OVN's bed, the containers are in different networks.
			mac, _ = ovnAddr(int(next.As4()[1])-101, 1)
		}
		if _, err := c[0].Exec(ctx, "ip", "neigh", "replace", next.String(), "lladdr", mac, "dev", "eth0", "nud", "permanent"); err != nil {
			return err
		}
	}
	return nil
}

// plugContainer makes a container for a declared port and plugs it in, bound
// or not yet.
func (b *daemonBed) plugContainer(ctx context.Context, port, node string, bound bool) (*lab.Container, error) {
	p, err := b.api.Port(ctx, port)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(p.Status.IP)
	if err != nil {
		return nil, err
	}
	c := lab.Container{
		Name: port, Node: node, Interface: "v" + port,
		IP: netip.PrefixFrom(ip, p.Status.PrefixLength), MAC: p.Status.MAC, MTU: p.Status.MTU,
	}
	if bound {
		c.InterfaceID = port
	}
	got, err := b.AddContainer(ctx, c)
	if err != nil || !bound {
		return got, err
	}
	return got, b.awaitBound(ctx, port, true)
}

// awaitBound waits until a port is bound, or unbound, and every node has confirmed the flows
// that change with that.
func (b *daemonBed) awaitBound(ctx context.Context, port string, want bool) error {
	return lab.PollFor(ctx, 10*time.Second, fmt.Sprintf("%s to have bound=%t", port, want), func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err != nil {
			return err
		}
		if p.Status.Bound != want {
			return errors.New(p.Status.Message)
		}
		for _, n := range b.Nodes {
			node, err := b.api.Node(ctx, n.Name)
			if err != nil {
				return err
			}
			if !node.Status.InSync {
				return errors.New(n.Name + " is not in sync")
			}
		}
		return nil
	})
}
