package main

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// reachability asks from every port to every other, and to the gateway of each.
// All ask anew who has which address, so that ARP is checked too, and that who
// talked to a gateway, or to a port that is no more, may find another MAC.
func (s *soak) reachability(ctx context.Context) error {
	var all []lab.Reach
	live := s.live()
	for _, from := range live {
		c := s.plugged[from]
		if err := c.ForgetNeighbours(ctx); err != nil {
			return fmt.Errorf("port %s: %w", from, err)
		}
		for _, to := range live {
			if from != to {
				all = append(all, lab.Reach{From: c, To: s.plugged[to].IP.Addr(), Want: s.reaches(from, to)})
			}
		}
		all = append(all, lab.Reach{From: c, To: c.Gateway, Want: s.routed(s.ports[from].Network)})
	}
	s.pings += len(all)
	return lab.CheckReach(ctx, all)
}
