package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

const portSection = "One port added, until every node concerned has confirmed it"

// ports: one port added among many, on two real switches.
func ports() []Bench {
	var all []Bench
	for _, mode := range []string{"segmented", "stretched"} {
		all = append(all, Bench{
			Name: "port/" + mode, Section: portSection, Limit: 4 * time.Minute,
			Run: func(ctx context.Context, e *Env, r *Report) error { return portAmongMany(ctx, e, r, mode) },
		})
	}
	return append(all,
		Bench{Name: "port/commit", Section: portSection, Run: commitShare},
		Bench{Name: "port/process", Section: portSection, Run: portProcess})
}

// portSizes are how many ports there are already.
func (e *Env) portSizes() []int {
	if e.Short {
		return []int{0, 200}
	}
	return []int{0, 1000, 5000, 10_000}
}

func portAmongMany(ctx context.Context, e *Env, r *Report, mode string) (err error) {
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	if err := add(&req, "n", portNetwork(mode)); err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	// The interface of the port that comes and goes is always there.
	if err := b.plugIn(ctx, "extra", 1); err != nil {
		return err
	}
	have, first := 0, Figure{}
	for _, size := range e.portSizes() {
		if err := b.fill(ctx, have, size); err != nil {
			return fmt.Errorf("get %d ports: %w", size, err)
		}
		have = size
		flows, err := b.flowCount(ctx, "node1")
		if err != nil {
			return err
		}
		took, err := b.flipPort(ctx, e.Pick(500, 30), api.PortSpec{Network: "n", Node: "node1"})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("add a port, %s, %s others", mode, number(float64(size)))
		ours := took.p50(time.Millisecond)
		r.Add(Line{Name: name + ", p50", Unit: "ms", Ours: ours, Goal: AtMost(1.3),
			Note: fmt.Sprintf("API call to the last of two nodes' confirmation, the durable commit included; %d flows on node1.", flows)})
		r.Add(Line{Name: name + ", p99", Unit: "ms", Ours: took.p99(time.Millisecond), Goal: AtMost(5)})
		ovn := e.ovnFigures(ctx)
		goal := Goal{}
		switch size {
		case 0:
			first, goal = ours, TimesLess(10)
		case 5000:
			goal = TimesLess(100)
		}
		r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "ovn-nbctl --wait=hv", Theirs: ovn.process(size), Goal: goal,
			Note: "OVN's other ports are not bound to an interface; ours are."})
		r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "ovn-nbctl's daemon asked by its socket, --wait=hv", Theirs: ovn.daemon(size)})
		if size > 0 {
			r.Add(Line{Name: name, Unit: "ms", Ours: ours, Baseline: "with no others", Theirs: first, Goal: RatioAtMost(1.2)})
		}
	}
	return nil
}

func portNetwork(mode string) api.NetworkSpec {
	s := api.NetworkSpec{CIDR: "10.64.0.0/10"}
	if mode == "segmented" {
		s.Mode, s.ContainersPerNode, s.MaxNodes = mode, 10_000, 100
	}
	return s
}

// home is the node of the i-th port.
func home(i int) string { return fmt.Sprintf("node%d", 1+i%2) }

// fill adds bound ports until there are so many.
func (b *daemonBed) fill(ctx context.Context, have, want int) error {
	var req api.ApplyRequest
	for i := have; i < want; i++ {
		if err := add(&req, fmt.Sprintf("p%d", i), api.PortSpec{Network: "n", Node: home(i)}); err != nil {
			return err
		}
	}
	if len(req.Objects) == 0 {
		return nil
	}
	for first := range 2 {
		var names []string
		for i := have; i < want; i++ {
			if i%2 == first {
				names = append(names, fmt.Sprintf("p%d", i))
			}
		}
		if err := b.plugPatches(ctx, home(first), names); err != nil {
			return err
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

// plugIn plugs in an interface of that name into the i-th node.
func (b *daemonBed) plugIn(ctx context.Context, name string, i int) error {
	return b.plugPatches(ctx, fmt.Sprintf("node%d", i), []string{name})
}

// plugPatches plugs in interfaces for ports of those names. They are patch
// ports that lead nowhere: bound like any other, they cost the machine little.
func (b *daemonBed) plugPatches(ctx context.Context, node string, names []string) error {
	n, err := b.Node(node)
	if err != nil {
		return err
	}
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

// flipPort creates a port, waits until all confirmed, and deletes it again, n
// times; it returns how long creating took.
func (b *daemonBed) flipPort(ctx context.Context, n int, spec api.PortSpec) (samples, error) {
	o, err := api.NewObject("extra", nil, spec)
	if err != nil {
		return nil, err
	}
	var all samples
	for i := range n + 5 { // the first few, unmeasured, open connections and the like
		start := time.Now()
		created, err := b.api.Create(ctx, o)
		if err != nil {
			return nil, err
		}
		if err := b.api.Wait(ctx, created.Meta.Revision, nil); err != nil {
			return nil, err
		}
		if i >= 5 {
			all = append(all, time.Since(start))
		}
		rev, err := b.api.Delete(ctx, api.KindPort, "extra", 0)
		if err != nil {
			return nil, err
		}
		if err := b.api.Wait(ctx, rev, nil); err != nil {
			return nil, err
		}
	}
	return all, nil
}
