package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// flows compares, as text, the flows of every switch as ovs-ofctl prints them with those that
// sdnd compiles for it.
func (s *soak) flows(ctx context.Context) error {
	return s.everyNode(func(n *lab.Node) error {
		want, err := s.wanted(ctx, n)
		if err != nil {
			return err
		}
		for {
			got, err := n.Flows(ctx)
			if err != nil {
				return err
			}
			differ := compare(want, slices.DeleteFunc(got, learnedOnSwitch))
			if differ == nil {
				return nil
			}
			// Other flows may be wanted since: nodes admit what another node sent in a network for a
			// moment after it has left it.
			now, err := s.wanted(ctx, n)
			if err != nil {
				return err
			}
			if slices.EqualFunc(now, want, func(a, b api.Flow) bool { return a.Table == b.Table && a.Cookie == b.Cookie }) {
				return differ
			}
			want = now
		}
	})
}

// wanted returns the flows that sdnd lists for a node, without those that its switch has learned.
func (s *soak) wanted(ctx context.Context, n *lab.Node) ([]api.Flow, error) {
	all, err := s.api.Flows(ctx, n.Name)
	return slices.DeleteFunc(all.Flows, learned), err
}

// learned reports whether a switch has learned a flow by itself, as those that remember the MACs of
// machines on the uplink's network.
func learned(f api.Flow) bool { return strings.HasPrefix(f.Why, "learned: ") }

// learnedOnSwitch reports the same of a flow as ovs-ofctl prints it.
func learnedOnSwitch(flow string) bool {
	match, _, _ := strings.Cut(flow, "actions=")
	return strings.Contains(match, fmt.Sprintf("table=%d,", pipeline.TableNextHop)) && strings.Contains(match, "idle_timeout=")
}

// everyNode calls f for all nodes at once.
func (s *soak) everyNode(f func(*lab.Node) error) error {
	failed := make(chan error)
	for _, n := range s.lab.Nodes {
		go func() {
			err := f(n)
			if err != nil {
				err = fmt.Errorf("node %s: %w", n.Name, err)
			}
			failed <- err
		}()
	}
	var errs []error
	for range s.lab.Nodes {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// compare returns an error that names the flows in which sdnd and ovs-ofctl differ.
func compare(want []api.Flow, got []string) error {
	missing := map[string]api.Flow{}
	var errs []error
	for _, f := range want {
		if f.Installed != api.FlowInstalled {
			errs = append(errs, fmt.Errorf("sdnd has it that a flow is %s: table=%d priority=%d %s actions=%s (%s)", f.Installed, f.Table, f.Priority, f.Match, f.Actions, f.Object))
		}
		text := "cookie=" + f.Cookie + ",priority=" + strconv.Itoa(f.Priority) + "," + f.Match + " actions=" + f.Actions
		if f.Table != 0 {
			text = "table=" + strconv.Itoa(f.Table) + "," + text
		}
		missing[canonical(text)] = f
	}
	for _, line := range got {
		text := canonical(line)
		if _, ok := missing[text]; !ok {
			errs = append(errs, errors.New("on the switch, and not wanted: "+text))
		}
		delete(missing, text)
	}
	for _, text := range sorted(missing) {
		errs = append(errs, fmt.Errorf("wanted, and not on the switch: %s (%s, %s)", text, missing[text].Object, missing[text].Why))
	}
	return errors.Join(errs...)
}

// canonical sorts the words of a flow, because ovs-ofctl and sdnd may write the fields of a
// match in different orders.
func canonical(flow string) string {
	match, actions, _ := strings.Cut(flow, "actions=")
	words := strings.FieldsFunc(match, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(words)
	return strings.Join(words, ",") + " actions=" + strings.TrimSpace(actions)
}

// audited has sdnd compare every switch; it must find no difference.
func (s *soak) audited(ctx context.Context) error {
	return s.everyNode(func(n *lab.Node) error {
		a, err := s.api.Audit(ctx, n.Name)
		if err == nil && a.Verdict != "equal" {
			err = fmt.Errorf("audit: %+v", a)
		}
		return err
	})
}

// drifted records the drifts that sdnd has reported. Without faults there must be none.
func (s *soak) drifted(ctx context.Context, calm bool) error {
	drifts, err := s.api.Drifts(ctx, "")
	if err != nil {
		return err
	}
	for _, d := range drifts.Items {
		if calm && d.Seq > s.drift {
			return fmt.Errorf("sdnd reports a change by others, and there was none: %+v", d)
		}
	}
	s.drift = 0 // sdnd numbers drifts from its start
	if n := len(drifts.Items); n > 0 {
		s.drift = drifts.Items[n-1].Seq
	}
	return nil
}
