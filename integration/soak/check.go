package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// settleTimeout is how long everything may take to come to rest. It is shorter than the time
// after which sdnd audits a switch by itself.
const settleTimeout = 15 * time.Second

// quiet waits until nothing is under way and checks everything. After a round without faults
// (calm), flows must be right as soon as sdnd says so. After a round with faults, tampering may
// not have been noticed yet.
func (s *soak) quiet(ctx context.Context, calm bool) error {
	err := lab.PollFor(ctx, settleTimeout, "everything to settle", func(ctx context.Context) error {
		if err := s.settled(ctx); err != nil || calm {
			return err
		}
		// No audit is requested here: it would repair what the changes left wrong.
		return s.flows(ctx)
	})
	if err == nil && calm {
		err = s.flows(ctx)
	}
	if err != nil {
		return err
	}
	for _, check := range []func(context.Context) error{s.declared, s.addresses, s.audited, s.revalidated, s.reachability, s.verdicts, s.outsideReached} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	if err := s.drifted(ctx, calm); err != nil {
		return err
	}
	s.points++
	return s.returned(ctx)
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
		if !has(s.absent, p.Node) {
			return fmt.Errorf("node %q: %s", p.Node, p.Reason)
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
	for _, name := range realNodes() {
		n, err := s.api.Node(ctx, name)
		if err != nil {
			return err
		}
		if st := n.Status; !st.Connected || !st.InSync || !st.OVSDB || st.LastError != "" {
			return fmt.Errorf("node %s: connected %t, by OVSDB %t, in sync %t, last error %q", name, st.Connected, st.OVSDB, st.InSync, st.LastError)
		}
	}
	return nil
}

// declared compares what sdnd says is declared with what it acknowledged, and looks for
// addresses that two ports have.
func (s *soak) declared(ctx context.Context) error {
	for _, kind := range []api.Kind{api.KindNode, api.KindNetwork, api.KindRouter, api.KindPort, api.KindPolicy, api.KindUplink, api.KindFloatingIP, api.KindService} {
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
	return nil
}

// addresses looks for addresses that two ports have, that differ from those of the interfaces,
// or that are locked for nobody.
func (s *soak) addresses(ctx context.Context) error {
	ports, err := s.api.Ports(ctx, api.ListOptions{})
	if err != nil {
		return err
	}
	holder := map[string]string{}
	for _, p := range ports.Items {
		whats := []string{"MAC " + p.Status.MAC}
		var has []netip.Addr
		for _, a := range p.Status.Links() {
			ip, err := netip.ParseAddr(a.IP)
			if err != nil {
				return fmt.Errorf("port %s: %w", p.Name, err)
			}
			whats, has = append(whats, "address "+a.IP), append(has, ip)
		}
		for _, what := range whats {
			key := p.Spec.Network + " " + what
			if other, taken := holder[key]; taken {
				return fmt.Errorf("%s: held by both %s and %s", key, other, p.Name)
			}
			holder[key] = p.Name
		}
		if c, ok := s.plugged[p.Name]; ok && (!sameAddresses(c.Addresses(), has) || c.MAC != p.Status.MAC) {
			return fmt.Errorf("port %s was given %v %s, and now is said to have %v %s", p.Name, c.Addresses(), c.MAC, has, p.Status.MAC)
		}
	}
	check, err := s.api.CheckIPAM(ctx)
	if err == nil && !check.OK {
		err = errors.New("ipam check: " + strings.Join(check.Differences, "; "))
	}
	return err
}

// sameAddresses compares addresses in any order.
func sameAddresses(x, y []netip.Addr) bool {
	slices.SortFunc(x, netip.Addr.Compare)
	slices.SortFunc(y, netip.Addr.Compare)
	return slices.Equal(x, y)
}
