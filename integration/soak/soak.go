package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// soak is one run.
type soak struct {
	*model
	lab  *lab.Lab
	api  *api.Client
	rng  *rand.Rand
	opts options
	out  io.Writer

	done    int
	count   map[string]int // operations by name
	doubted int            // changes that sdnd was killed in
	made    int            // containers, for their names
	base    usage
	most    usage
}

// op is a kind of operation. It reports false when there is nothing that it
// could be done to.
type op struct {
	name   string
	weight int
	do     func(context.Context) (bool, error)
}

func (s *soak) ops() []op {
	return []op{
		{"create network", 3, s.createNetwork}, {"delete network", 3, s.deleteNetwork},
		{"create router", 3, s.createRouter}, {"change router", 2, s.changeRouter}, {"delete router", 2, s.deleteRouter},
		{"create node", 2, s.createGhost}, {"renumber node", 2, s.renumberGhost}, {"delete node", 2, s.deleteGhost},
		{"create port", 20, s.createPort}, {"label port", 8, s.labelPort}, {"repin port", 6, s.repinPort}, {"delete port", 12, s.deletePort},
		{"plug in", 14, s.plugIn}, {"unplug", 6, s.unplug}, {"move", 5, s.move}, {"let go", 4, s.letGo}, {"take up", 6, s.takeUp},
		{"tamper", 6, s.tamper},
		{"kill sdnd", 2, s.killSdnd}, {"kill sdnd in a change", 2, s.killSdndInChange}, {"stop sdnd", 1, s.stopSdnd},
		{"restart ovs-vswitchd", 2, s.restartSwitch}, {"cut connection", 4, s.cut},
	}
}

// realNodes are those with an Open vSwitch.
func realNodes() []string { return []string{"node1", "node2", "node3"} }

func realNode(name string) (int, bool) {
	for i, n := range realNodes() {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

// newSoak starts sdnd and joins the nodes.
func newSoak(ctx context.Context, l *lab.Lab, o options, out io.Writer) (*soak, error) {
	s := &soak{
		model: newModel(), lab: l, opts: o, out: out, count: map[string]int{},
		rng: rand.New(rand.NewPCG(o.seed, 0)),
	}
	if err := l.Controller.Start(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.api, err = api.NewClient(l.Controller.Host(), api.ClientOptions{Author: "soak"}); err != nil {
		return nil, err
	}
	for _, n := range l.Nodes {
		if _, err := n.Exec(ctx, "sdnctl", "node", "join", n.Name,
			"--controller", l.Controller.Addr.String(), "--tunnel-ip", n.Addr.String()); err != nil {
			return nil, err
		}
		if err := s.declare(ctx, n.Name, nil, api.NodeSpec{TunnelIP: n.Addr.String()}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// run does the operations, with a quiet point now and then, and at the end takes
// everything away again.
func (s *soak) run(ctx context.Context) error {
	started := time.Now()
	if err := s.quiet(ctx); err != nil {
		return fmt.Errorf("before anything: %w", err)
	}
	s.base = s.most
	ops, total := s.ops(), 0
	for _, o := range ops {
		total += o.weight
	}
	for s.done < s.opts.ops {
		o := choose(s.rng, ops, total)
		did, err := o.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		if !did {
			continue
		}
		s.done++
		s.count[o.name]++
		if s.done%s.opts.quiet == 0 {
			if err := s.quiet(ctx); err != nil {
				return fmt.Errorf("at a quiet point: %w", err)
			}
		}
	}
	if err := s.clear(ctx); err != nil {
		return fmt.Errorf("take everything away: %w", err)
	}
	if err := s.quiet(ctx); err != nil {
		return fmt.Errorf("with nothing left: %w", err)
	}
	end, err := s.back(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "seed %d: %d operations in %v, nothing wrong; %d changes in doubt were there or were not, none by half; goroutines %d at first, %d at most, %d in the end; memory in MB %d, %d, %d\n",
		s.opts.seed, s.done, time.Since(started).Round(time.Second), s.doubted,
		s.base.goroutines, s.most.goroutines, end.goroutines, s.base.memory>>20, s.most.memory>>20, end.memory>>20)
	for _, name := range sorted(s.count) {
		fmt.Fprintf(s.out, "  %5d %s\n", s.count[name], name)
	}
	return nil
}

func choose(rng *rand.Rand, ops []op, total int) op {
	n := rng.IntN(total)
	for _, o := range ops {
		if n -= o.weight; n < 0 {
			return o
		}
	}
	panic("weights do not add up")
}

// declare creates or replaces an object.
func (s *soak) declare(ctx context.Context, name string, labels map[string]string, spec any) error {
	o, err := api.NewObject(name, labels, spec)
	if err != nil {
		return err
	}
	got, err := s.api.Put(ctx, o, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Ref(), err)
	}
	s.put(got, spec)
	return nil
}

// remove deletes an object.
func (s *soak) remove(ctx context.Context, kind api.Kind, name string) error {
	if _, err := s.api.Delete(ctx, kind, name, 0); err != nil {
		return fmt.Errorf("delete %s %s: %w", kind.Lower(), name, err)
	}
	s.delete(kind, name)
	return nil
}

// inDoubt reports whether an error leaves open if a change was made.
func inDoubt(err error) bool {
	var said *api.Error
	return err != nil && !errors.As(err, &said)
}

// restart starts sdnd again after it was ended by sig.
func (s *soak) restart(ctx context.Context, sig syscall.Signal) error {
	if err := s.lab.Controller.Stop(ctx, sig); err != nil {
		return err
	}
	s.api.Close() // of connections that are gone
	return s.lab.Controller.Start(ctx)
}

// clear takes everything away but the real nodes.
func (s *soak) clear(ctx context.Context) error {
	for _, name := range sorted(s.plugged) {
		if err := s.pull(ctx, name); err != nil {
			return err
		}
	}
	for _, o := range []struct {
		kind  api.Kind
		names []string
	}{
		{api.KindPort, sorted(s.ports)}, {api.KindRouter, sorted(s.routers)},
		{api.KindNetwork, sorted(s.networks)}, {api.KindNode, sorted(s.ghosts)},
	} {
		for _, name := range o.names {
			if err := s.remove(ctx, o.kind, name); err != nil {
				return err
			}
		}
	}
	if left := sorted(s.objects); len(left) != len(realNodes()) {
		return errors.New("the model still has " + strings.Join(left, ", "))
	}
	return nil
}
