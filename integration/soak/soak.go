package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// soak is one run.
type soak struct {
	*expected
	lab *lab.Lab
	api *api.Client
	// outside is the machine outside, on the network of the uplink.
	outside *lab.Outside
	rng     *rand.Rand
	opts    options
	out     io.Writer

	done      int
	recent    []string              // the newest operations, to find the cause of a failure
	count     map[string]int        // operations by name
	points    int                   // quiet points
	pings     int                   // pairs that one of pinged the other
	asked     int                   // connections that policies judge
	uncertain int                   // changes during which sdnd was killed
	made      int                   // containers, for their names
	disturbed map[string]chan error // nodes that later is restoring
	drift     uint64                // the newest that sdnd has reported
	base      usage
	most      usage
	now       usage
}

// op is a kind of operation. It returns false if it could not be done to anything.
type op struct {
	name   string
	weight int
	do     func(context.Context) (bool, error)
}

// changes are the operations that users and containers do.
func (s *soak) changes() []op {
	return []op{
		{"create network", 3, s.createNetwork}, {"delete network", 3, s.deleteNetwork}, {"delete network with ports", 1, s.deleteWithPorts},
		{"renumber gateway", 2, s.renumberGateway},
		{"create router", 3, s.createRouter}, {"change router", 2, s.changeRouter}, {"delete router", 2, s.deleteRouter},
		{"create node", 2, s.createAbsentNode}, {"renumber node", 2, s.renumberAbsentNode}, {"delete node", 2, s.deleteAbsentNode},
		{"create port", 16, s.createPort}, {"create ports at once", 2, s.burst},
		{"label port", 6, s.labelPort}, {"repin port", 6, s.repinPort}, {"delete port", 12, s.deletePort},
		{"let router out or in", 5, s.letOut}, {"create floating address", 4, s.createFloating}, {"move floating address", 3, s.moveFloating}, {"delete floating address", 2, s.deleteFloating},
		{"create service", 4, s.createService}, {"change service", 3, s.changeService}, {"delete service", 2, s.deleteService},
		{"create policy", 4, s.createPolicy}, {"change policy", 4, s.changePolicy}, {"delete policy", 3, s.deletePolicy}, {"replace policies", 2, s.replacePolicies},
		{"apply and prune", 3, s.apply}, {"restore", 1, s.restore},
		{"plug in", 24, s.plugIn}, {"unplug", 5, s.unplug}, {"move", 6, s.move}, {"let go", 4, s.clearInterfaceID}, {"take up", 6, s.setInterfaceID},
		{"renumber interface", 3, s.renumberInterface},
	}
}

// faults are the operations that disturb sdnd and the switches.
func (s *soak) faults() []op {
	return []op{
		{"tamper", 12, s.tamper},
		{"kill sdnd", 3, s.killSdnd}, {"kill sdnd in a change", 3, s.killSdndInChange}, {"stop sdnd", 2, s.stopSdnd},
		{"things happen without sdnd", 3, s.withoutSdnd},
		{"restart ovs-vswitchd", 4, s.restartSwitch}, {"freeze ovs-vswitchd", 4, s.freezeSwitch},
		{"cut connection", 8, s.cut}, {"isolate node", 4, s.isolate},
		{"reboot node", 1, s.reboot}, {"make br-int again", 1, s.remakeBridge},
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
		expected: newExpected(), lab: l, opts: o, out: out, count: map[string]int{},
		disturbed: map[string]chan error{},
		rng:       rand.New(rand.NewPCG(o.seed, 0)),
	}
	if err := l.Controller.Start(ctx); err != nil {
		return nil, err
	}
	var err error
	if s.api, err = api.NewClient(l.Controller.Host(), api.ClientOptions{Author: "soak"}); err != nil {
		return nil, err
	}
	if s.outside, err = l.AddExternal(ctx); err != nil {
		return nil, err
	}
	if err := s.declare(ctx, uplinkName, nil, uplinkSpec()); err != nil {
		return nil, err
	}
	for i, n := range l.Nodes {
		if err := s.join(ctx, n); err != nil {
			return nil, err
		}
		if err := s.declare(ctx, n.Name, nil, model.NodeSpec{TunnelIP: n.Addr, UplinkAddresses: nodeUplinkAddresses(i)}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// run does the operations in rounds, each with a quiet point at its end, and finally deletes
// everything. In every other round there are no faults, because what repairs the switches after
// a fault would also repair what earlier changes left wrong. It ends early, in good order, when
// stop is closed.
func (s *soak) run(ctx context.Context, stop <-chan struct{}) error {
	defer func() { _ = s.awaitAllNodes() }() // faults are already reported
	started := time.Now()
	if err := s.quiet(ctx, false); err != nil {
		return fmt.Errorf("before anything: %w", err)
	}
	s.base = s.most
	calm := s.changes()
	rough := slices.Concat(calm, s.faults())
	lastReport := time.Now()
	for round := 0; s.done < s.opts.ops && !closed(stop); round++ {
		kinds, faults := calm, round%2 == 1
		if faults {
			kinds = rough
		}
		if err := s.round(ctx, kinds, stop); err != nil {
			return err
		}
		if err := s.quiet(ctx, !faults); err != nil {
			return fmt.Errorf("at a quiet point: %w", err)
		}
		if s.opts.every > 0 && time.Since(lastReport) >= s.opts.every {
			lastReport = time.Now()
			s.progress(time.Since(started))
		}
	}
	if err := s.clear(ctx); err != nil {
		return fmt.Errorf("take everything away: %w", err)
	}
	if err := s.quiet(ctx, true); err != nil {
		return fmt.Errorf("with nothing left: %w", err)
	}
	if err := s.forget(ctx); err != nil {
		return fmt.Errorf("delete the nodes: %w", err)
	}
	s.summary(time.Since(started))
	return nil
}

// round does operations up to the next quiet point.
func (s *soak) round(ctx context.Context, kinds []op, stop <-chan struct{}) error {
	total := 0
	for _, o := range kinds {
		total += o.weight
	}
	for did := 0; did < s.opts.quiet && s.done < s.opts.ops && !closed(stop); {
		o := choose(s.rng, kinds, total)
		ok, err := o.do(ctx)
		if ok || err != nil {
			s.recent = append(s.recent[max(0, len(s.recent)-20):], o.name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		if ok {
			did++
			s.done++
			s.count[o.name]++
		}
	}
	return s.awaitAllNodes()
}

// closed reports whether a channel that nothing is sent to is closed.
func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// progress prints how far the run is.
func (s *soak) progress(elapsed time.Duration) {
	rate := float64(s.done) / elapsed.Seconds()
	left := time.Duration(float64(s.opts.ops-s.done) / rate * float64(time.Second))
	fmt.Fprintf(s.out, "%d of %d operations in %v, %.1f a second, %v to go; %d quiet points; sdnd has %d goroutines and %d MB\n",
		s.done, s.opts.ops, elapsed.Round(time.Second), rate, left.Round(time.Second), s.points, s.now.goroutines, s.now.memory>>20)
}

// summary prints what was done.
func (s *soak) summary(elapsed time.Duration) {
	fmt.Fprintf(s.out, "seed %d: %d operations in %v, nothing wrong at %d quiet points, %d pairs and %d connections asked; %d changes in doubt were there or were not, none by half; goroutines %d at first, %d at most, %d in the end; memory in MB %d, %d, %d\n",
		s.opts.seed, s.done, elapsed.Round(time.Second), s.points, s.pings, s.asked, s.uncertain,
		s.base.goroutines, s.most.goroutines, s.now.goroutines, s.base.memory>>20, s.most.memory>>20, s.now.memory>>20)
	for _, name := range sorted(s.count) {
		fmt.Fprintf(s.out, "  %6d %s\n", s.count[name], name)
	}
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
func (s *soak) declare(ctx context.Context, name string, labels map[string]string, spec model.Spec) error {
	got, err := s.change(ctx, name, labels, spec)
	if err == nil {
		s.put(got, spec)
	}
	return err
}

// change has sdnd create or replace an object.
func (s *soak) change(ctx context.Context, name string, labels map[string]string, spec model.Spec) (api.Object, error) {
	o, err := api.NewObject(name, labels, spec)
	if err != nil {
		return o, err
	}
	got, err := s.api.Put(ctx, o, 0)
	if err != nil {
		return got, fmt.Errorf("%s: %w", o.Ref(), err)
	}
	return got, nil
}

// remove deletes an object.
func (s *soak) remove(ctx context.Context, kind api.Kind, name string) error {
	if _, err := s.api.Delete(ctx, kind, name, 0); err != nil {
		return fmt.Errorf("delete %s %s: %w", kind.Lower(), name, err)
	}
	s.delete(kind, name)
	return nil
}

// inDoubt reports whether an error leaves open whether a change was made.
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
