package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// reachability asks from every port to every other, and to the gateways of each, in
// each family that both have.
// All ask anew who has which address, so that ARP and ND are checked too, and that who
// talked to a gateway, or to a port that is no more, may find another MAC.
func (s *soak) reachability(ctx context.Context) error {
	var all []lab.Reach // by IPv4 first
	live := s.live()
	for _, from := range live {
		c := s.plugged[from]
		if err := c.ForgetNeighbours(ctx); err != nil {
			return fmt.Errorf("port %s: %w", from, err)
		}
		for _, to := range live {
			for _, a := range s.plugged[to].Addresses() {
				if from != to && c.Has(a) {
					all = append(all, lab.Reach{From: c, To: a, Want: s.reaches(from, to)})
				}
			}
		}
		for _, gateway := range c.Gateways() {
			all = append(all, lab.Reach{From: c, To: gateway, Want: s.routed(s.ports[from].Network)})
		}
	}
	slices.SortStableFunc(all, func(a, b lab.Reach) int { return cmp.Compare(a.To.BitLen(), b.To.BitLen()) })
	s.pings += len(all)
	at := slices.IndexFunc(all, func(r lab.Reach) bool { return r.To.Is6() })
	if at < 0 {
		at = len(all)
	}
	if err := lab.CheckReach(ctx, all[:at]); err != nil {
		return err
	}
	return s.reachability6(ctx, all[at:])
}

// reachability6 asks by IPv6. Open vSwitch 3.1.0 now and then goes on to drop the
// neighbour solicitations of an interface that was let go and taken up again, as long
// as they come: its tables answer them, and count them as answered, but its datapath
// keeps the flow that drops them. So if something is wrong, the datapaths are emptied
// and all is asked once more; the summary says how often.
func (s *soak) reachability6(ctx context.Context, all []lab.Reach) error {
	err := lab.CheckReach(ctx, all)
	if err == nil {
		return nil
	}
	s.stale++
	for _, n := range s.lab.Nodes {
		if _, purge := n.AppCtl(ctx, "revalidator/purge"); purge != nil {
			return errors.Join(err, purge)
		}
	}
	if again := lab.CheckReach(ctx, all); again != nil {
		return errors.Join(err, again)
	}
	return nil
}
