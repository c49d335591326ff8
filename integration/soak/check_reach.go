package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// reachability pings from every port every other one, and the gateways of both, in each family
// that both have. All resolve every address again. So ARP and ND are checked, too, and a port
// may find that a gateway, or a port that was replaced, has another MAC.
func (s *soak) reachability(ctx context.Context) error {
	j, err := s.judge()
	if err != nil {
		return err
	}
	var all []lab.Reach // IPv4 comes first
	live := s.live()
	for _, from := range live {
		c := s.plugged[from]
		if err := c.ForgetNeighbours(ctx); err != nil {
			return fmt.Errorf("port %s: %w", from, err)
		}
		for _, to := range live {
			for _, a := range s.plugged[to].Addresses() {
				if from != to && c.Has(a) {
					all = append(all, lab.Reach{From: c, To: a, Want: s.reaches(from, to) && j.allows(from, to, a, echo(a))})
				}
			}
		}
		for _, gateway := range c.Gateways() {
			all = append(all, lab.Reach{From: c, To: gateway, Want: s.routed(s.ports[from].Network)})
		}
	}
	slices.SortStableFunc(all, func(a, b lab.Reach) int { return cmp.Compare(a.To.BitLen(), b.To.BitLen()) })
	s.pings += len(all)
	return lab.CheckReach(ctx, all)
}
