package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// patience is how long all may take to come to rest: less than it takes sdnd to
// audit a switch by itself.
const patience = 15 * time.Second

// quiet waits until nothing is under way and checks everything.
func (s *soak) quiet(ctx context.Context) error {
	if err := lab.PollFor(ctx, patience, "everything to settle", s.settled); err != nil {
		return err
	}
	if err := s.declared(ctx); err != nil {
		return err
	}
	if _, err := s.lab.Controller.SDNCtl(ctx, "ipam", "check"); err != nil {
		return err
	}
	for _, name := range realNodes() {
		if a, err := s.api.Audit(ctx, name); err != nil || a.Verdict != "equal" {
			return fmt.Errorf("node %s: audit %+v (%w)", name, a, err)
		}
	}
	if err := s.reachability(ctx); err != nil {
		return err
	}
	u, err := s.usage(ctx)
	s.most.goroutines = max(s.most.goroutines, u.goroutines)
	s.most.memory = max(s.most.memory, u.memory)
	return err
}

// settled returns an error while something is under way.
func (s *soak) settled(ctx context.Context) error {
	status, err := s.api.Status(ctx)
	if err != nil {
		return err
	}
	acks, err := s.api.Acks(ctx, status.Revision, 0)
	if err != nil {
		return err
	}
	for _, p := range acks.Pending {
		if !has(s.ghosts, p.Node) {
			return fmt.Errorf("node %q: %s", p.Node, p.Reason)
		}
	}
	for _, name := range realNodes() {
		n, err := s.api.Node(ctx, name)
		if err != nil {
			return err
		}
		if !n.Status.Connected || !n.Status.InSync || !n.Status.OVSDB || n.Status.LastError != "" {
			return fmt.Errorf("node %s: %+v", name, n.Status)
		}
	}
	ports, err := s.api.Ports(ctx, api.ListOptions{})
	if err != nil {
		return err
	}
	live := s.live()
	for _, p := range ports.Items {
		want := slices.Contains(live, p.Name)
		if p.Status.Bound != want || want && p.Status.Node != s.plugged[p.Name].Node {
			return fmt.Errorf("port %s: bound %t on %q (%s), want %t", p.Name, p.Status.Bound, p.Status.Node, p.Status.Message, want)
		}
	}
	// What was tampered with may not have been noticed yet. No audit is asked
	// for, which would mend what the changes left wrong.
	return s.flows(ctx)
}

// declared compares what sdnd says is declared with what it acknowledged, and
// looks for addresses that two have.
func (s *soak) declared(ctx context.Context) error {
	for _, kind := range []api.Kind{api.KindNode, api.KindNetwork, api.KindRouter, api.KindPort} {
		list, err := s.api.Objects(ctx, kind, api.ListOptions{})
		if err != nil {
			return err
		}
		got := map[string]bool{}
		for _, o := range list.Items {
			got[o.Ref()] = true
			want, ok := s.objects[o.Ref()]
			if !ok {
				return fmt.Errorf("%s is declared, which was never asked for or was deleted", o.Ref())
			}
			if string(o.Spec) != string(want.Spec) || !maps.Equal(o.Labels, want.Labels) {
				return fmt.Errorf("%s is %s %v, and was acknowledged as %s %v", o.Ref(), o.Spec, o.Labels, want.Spec, want.Labels)
			}
		}
		for ref, o := range s.objects {
			if o.Kind == kind && !got[ref] {
				return fmt.Errorf("%s was acknowledged, and is not declared", ref)
			}
		}
	}
	ports, err := s.api.Ports(ctx, api.ListOptions{})
	if err != nil {
		return err
	}
	holder := map[string]string{}
	for _, p := range ports.Items {
		for _, what := range []string{"address " + p.Status.IP, "MAC " + p.Status.MAC} {
			key := p.Spec.Network + " " + what
			if other, taken := holder[key]; taken {
				return fmt.Errorf("%s: held by both %s and %s", key, other, p.Name)
			}
			holder[key] = p.Name
		}
		if c, ok := s.plugged[p.Name]; ok && (c.IP.Addr().String() != p.Status.IP || c.MAC != p.Status.MAC) {
			return fmt.Errorf("port %s was given %s %s, and now is said to have %s %s", p.Name, c.IP, c.MAC, p.Status.IP, p.Status.MAC)
		}
	}
	return nil
}

// flows compares what every switch has with what sdnd compiles for it, by the
// word of both.
func (s *soak) flows(ctx context.Context) error {
	for _, n := range s.lab.Nodes {
		got, err := s.api.Flows(ctx, n.Name)
		if err != nil {
			return err
		}
		for _, f := range got.Flows {
			if f.Installed != api.FlowInstalled {
				return fmt.Errorf("%s: flow is %s: table=%d priority=%d %s actions=%s (%s)", n.Name, f.Installed, f.Table, f.Priority, f.Match, f.Actions, f.Object)
			}
		}
		count, err := n.FlowCount(ctx)
		if err == nil && count != len(got.Flows) {
			err = fmt.Errorf("%s: sdnd wants %d flows, ovs-ofctl shows %d", n.Name, len(got.Flows), count)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reachability pings between a sample of ports.
func (s *soak) reachability(ctx context.Context) error {
	live := s.live()
	var sample []*lab.Container
	ports := map[string]string{} // by container
	for _, i := range s.rng.Perm(len(live))[:min(len(live), 4)] {
		c := s.plugged[live[i]]
		sample, ports[c.Name] = append(sample, c), live[i]
	}
	return lab.CheckMatrix(ctx, sample, func(from, to *lab.Container) bool { return s.reaches(ports[from.Name], ports[to.Name]) })
}

// usage is what sdnd takes of the machine.
type usage struct {
	goroutines int
	memory     int64 // resident, in bytes
}

func (s *soak) usage(ctx context.Context) (u usage, err error) {
	var text string
	if err := s.lab.Controller.Get(ctx, "/metrics", &text); err != nil {
		return u, err
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		v, _ := strconv.ParseFloat(value, 64) // of others: zero, and not looked at
		switch name {
		case "go_goroutines":
			u.goroutines = int(v)
		case "process_resident_memory_bytes":
			u.memory = int64(v)
		}
	}
	if u.goroutines == 0 || u.memory == 0 {
		err = errors.New("the metrics tell neither goroutines nor memory")
	}
	return u, err
}

// back waits until sdnd takes no more than it did at first, but for what a Go
// program does not give back at once.
func (s *soak) back(ctx context.Context) (u usage, err error) {
	const slack, extra = 6, 64 << 20
	err = lab.PollFor(ctx, patience, "goroutines and memory to return to base", func(ctx context.Context) error {
		s.api.Close() // each connection of ours costs sdnd a goroutine
		if u, err = s.usage(ctx); err != nil {
			return err
		}
		if u.goroutines > s.base.goroutines+slack || u.memory > s.base.memory+extra {
			return fmt.Errorf("%d goroutines and %d MB, %d and %d at first", u.goroutines, u.memory>>20, s.base.goroutines, s.base.memory>>20)
		}
		return nil
	})
	return u, err
}
