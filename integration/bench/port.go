package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

const portSection = "One port added, until every node concerned has confirmed it"

// ports returns the benches of adding one port beside many, on two real switches.
func ports() []Bench {
	var all []Bench
	for _, mode := range []string{"segmented", "stretched"} {
		all = append(all, Bench{
			Name: "port/" + mode, Section: portSection, Limit: 4 * time.Minute,
			Run: func(ctx context.Context, e *Env, r *Report) error { return portAmongMany(ctx, e, r, mode) },
		}, Bench{
			Name: "port/least/" + mode, Section: portSection,
			Run: func(ctx context.Context, e *Env, r *Report) error { return portBesideLeast(ctx, e, r, mode) },
		})
	}
	return append(all,
		Bench{Name: "port/plugged", Section: portSection, Run: portAmongPlugged},
		Bench{Name: "port/commit", Section: portSection, Run: commitShare},
		Bench{Name: "port/process", Section: portSection, Run: portProcess})
}

// portSizes returns the numbers of existing ports.
func (e *Env) portSizes() []int {
	if e.Short {
		return []int{0, 200}
	}
	return []int{0, 1000, 5000, 10_000}
}

// portAmongMany measures adding a port beside ports that are declared on the two nodes but have
// no interface, like those of OVN in the same measurement.
func portAmongMany(ctx context.Context, e *Env, r *Report, mode string) (err error) {
	b, err := newPortBed(ctx, e, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	have, first := 0, Figure{}
	for _, size := range e.portSizes() {
		if err := b.fill(ctx, have, size, false); err != nil {
			return fmt.Errorf("get %d ports: %w", size, err)
		}
		have = size
		took, err := b.flipPort(ctx, e.Pick(500, 30))
		if err != nil {
			return err
		}
		name := fmt.Sprintf("add a port, %s, %s others", mode, number(float64(size)))
		ours := took.p50(time.Millisecond)
		flows, err := b.flowCount(ctx, "node1")
		if err != nil {
			return err
		}
		r.Add(Line{Name: name + ", p50", Unit: "ms", Ours: ours, Goal: AtMost(1.3),
			Note: fmt.Sprintf("API call to the last of two nodes' confirmation, the durable commit included; %s flows on node1.", number(float64(flows)))})
		r.Add(Line{Name: name + ", p99", Unit: "ms", Ours: took.p99(time.Millisecond), Goal: AtMost(5)})
		ovn := e.ovnFigures(ctx)
		goal := Goal{}
		switch size {
		case 0:
			first, goal = ours, TimesLess(10)
		case 5000:
			goal = TimesLess(100)
		}
		r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "ovn-nbctl --wait=hv", Theirs: ovn.process(size), Goal: goal})
		r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "ovn-nbctl's daemon asked by its socket, --wait=hv", Theirs: ovn.daemon(size)})
		if size > 0 {
			r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "with no others", Theirs: first, Goal: RatioAtMost(1.2)})
		}
	}
	return nil
}

// portAmongPlugged measures adding a port beside ports that are plugged into the two nodes, and
// which part of the time Open vSwitch takes.
func portAmongPlugged(ctx context.Context, e *Env, r *Report) (err error) {
	b, err := newPortBed(ctx, e, "stretched")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	node := b.Nodes[0]
	if _, err := node.VSCtl(ctx, "add-br", bareBridge, "--", "set", "bridge", bareBridge, "datapath_type=netdev", "fail_mode=secure"); err != nil {
		return err
	}
	have := 0
	for _, size := range []int{0, e.Pick(2000, 100)} {
		if err := b.fill(ctx, have, size, true); err != nil {
			return fmt.Errorf("plug in %d ports: %w", size, err)
		}
		have = size
		took, err := b.flipPort(ctx, e.Pick(500, 30))
		if err != nil {
			return err
		}
		bare, err := bareChanges(ctx, filepath.Join(node.Dir, bareBridge+".mgmt"), e.Pick(500, 30))
		if err != nil {
			return err
		}
		r.Add(Line{
			Name: fmt.Sprintf("add a port, stretched, %s others plugged in", number(float64(size))), Unit: "ms", Ours: took.p50(time.Millisecond),
			Baseline: "a bare bundle of five flows", Theirs: bare.p50(time.Millisecond),
			Note: "The least that Open vSwitch needs for a change with as many interfaces: bytes encoded before, on one node, no round trip but the last.",
		})
	}
	return nil
}

// bareBridge is a bridge beside br-int, of the same ovs-vswitchd.
const bareBridge = "br-bare"

// bareChanges adds five flows and deletes them again, with pre-encoded bundles. It returns how
// long adding took.
func bareChanges(ctx context.Context, socket string, n int) (samples, error) {
	w, err := dialWire(ctx, socket)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	adding, removing, err := bareBundles()
	if err != nil {
		return nil, err
	}
	var took samples
	for range n {
		start := time.Now()
		if err := w.commit(adding); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if err := w.commit(removing); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// bareBundles encodes bundles that add five flows and remove them.
func bareBundles() (adding, removing []byte, err error) {
	const cookie = 0xbe
	var add [][]byte
	for i := range 5 {
		f := openflow.Flow{Table: openflow.TableID(i), Priority: 1, Cookie: cookie, Match: openflow.Match(nil).InPort(1)}
		add = append(add, f.AppendAdd(nil, openflow.Xid(100+i)))
	}
	adding, err = encodeBundle(slices.Values(add))
	if err != nil {
		return nil, nil, err
	}
	removing, err = encodeBundle(slices.Values([][]byte{openflow.AppendFlowDeleteByCookie(nil, 100, openflow.TableAll, cookie)}))
	if err != nil {
		return nil, nil, err
	}
	return adding, removing, nil
}

// newPortBed returns two nodes with a network, and the interface of the port that is added and
// deleted.
func newPortBed(ctx context.Context, e *Env, mode string) (*daemonBed, error) {
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return nil, err
	}
	var req api.ApplyRequest
	err = add(&req, "n", portNetwork(mode))
	if err == nil {
		err = b.apply(ctx, req)
	}
	// Both nodes must have ports of the network from the start, as in the other measurements.
	if err == nil {
		err = b.fill(ctx, -2, 0, true)
	}
	if err == nil {
		err = b.plugPatches(ctx, "node1", []string{"extra"})
	}
	if err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

func portNetwork(mode string) model.NetworkSpec {
	s := model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/10")}
	if mode := model.Mode(mode); mode == model.Segmented {
		s.Mode, s.ContainersPerNode, s.MaxNodes = mode, 10_000, 100
	}
	return s
}

// fill adds ports up to a number, on the two nodes in turn, with an interface or without.
func (b *daemonBed) fill(ctx context.Context, have, want int, plugged bool) error {
	var req api.ApplyRequest
	names := map[string][]string{} // by node
	for i := have; i < want; i++ {
		name, node := fmt.Sprintf("p%d", i), fmt.Sprintf("node%d", 1+i&1)
		if i < 0 {
			name = fmt.Sprintf("q%d", -i)
		}
		if err := add(&req, name, model.PortSpec{Network: "n", Node: node}); err != nil {
			return err
		}
		names[node] = append(names[node], name)
	}
	if len(req.Objects) == 0 {
		return nil
	}
	if plugged {
		for node, some := range names {
			if err := b.plugPatches(ctx, node, some); err != nil {
				return err
			}
		}
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	for _, n := range b.Nodes {
		if err := calm(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// plugPatches plugs in interfaces for ports. They are patch ports without a peer, which are
// bound like others but cost the machine little.
func (b *daemonBed) plugPatches(ctx context.Context, node string, names []string) error {
	n, err := b.Node(node)
	if err != nil {
		return err
	}
	return plugPatches(ctx, n, names)
}

// plugPatches plugs in such interfaces on a node.
func plugPatches(ctx context.Context, n *lab.Node, names []string) error {
	for some := range slices.Chunk(names, 500) {
		var args []string
		for _, name := range some {
			args = append(args, "--", "add-port", "br-int", name, "--", "set", "interface", name,
				"type=patch", "options:peer=x"+name, "external_ids:iface-id="+name)
		}
		if _, err := n.VSCtl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// flipPort n times creates a port, waits until all nodes have confirmed it, and deletes it. It
// returns how long creating took.
func (b *daemonBed) flipPort(ctx context.Context, n int) (samples, error) {
	flip, err := b.portFlip(ctx)
	if err != nil {
		return nil, err
	}
	var all samples
	for range n {
		took, err := flip()
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// portFlip returns a function that creates a port, waits until all nodes have confirmed it, and
// deletes it. The function returns how long creating took. portFlip has already called it a few
// times, to open connections.
func (b *daemonBed) portFlip(ctx context.Context) (func() (time.Duration, error), error) {
	o, err := api.NewObject("extra", nil, model.PortSpec{Network: "n", Node: "node1"})
	if err != nil {
		return nil, err
	}
	client := b.api.Confirming(time.Minute)
	flip := func() (time.Duration, error) {
		start := time.Now()
		created, err := client.Create(ctx, o)
		if err != nil {
			return 0, err
		}
		if err := client.Wait(ctx, created.Meta.Revision, nil); err != nil {
			return 0, err
		}
		took := time.Since(start)
		rev, err := client.Delete(ctx, api.KindPort, "extra", 0)
		if err != nil {
			return 0, err
		}
		return took, client.Wait(ctx, rev, nil)
	}
	for range 5 {
		if _, err := flip(); err != nil {
			return nil, err
		}
	}
	return flip, nil
}
