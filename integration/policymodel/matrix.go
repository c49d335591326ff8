package policymodel

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Cell is the verdict about a connection between two ports.
type Cell struct {
	From, To string // names of ports
	Family   model.Family
	What     model.PolicyPort
	Verdict
}

// String returns "web1 to db1, IPv4 tcp/80: denied by policy/db isolates ingress".
func (c Cell) String() string {
	verdict, by := "denied", c.By
	if c.Allowed {
		verdict = "allowed"
	}
	if by == "" {
		by = "no policy"
	}
	return fmt.Sprintf("%s to %s, %s %s: %s by %s", c.From, c.To, c.Family, c.What, verdict, by)
}

// Matrix returns the verdicts about connections from each port to each other port that it could
// reach without policies: those of its own network, and of networks that a router joins with it.
// There is a cell for each family in which both have an address and for each protocol in what,
// except "icmp" for IPv6 and "icmpv6" for IPv4. The cells are sorted by the names of the ports.
func Matrix(s *topology.Snapshot, what []model.PolicyPort) []Cell {
	var cells []Cell
	for from := range s.Ports() {
		for to := range s.Ports() {
			if from == to || !connected(s, from, to) {
				continue
			}
			for _, f := range model.Families() {
				a, hasFrom := addressOf(from, f)
				b, hasTo := addressOf(to, f)
				if !hasFrom || !hasTo {
					continue
				}
				for _, w := range what {
					if w.Protocol == model.ProtocolICMP && f == model.IPv6 || w.Protocol == model.ProtocolICMPv6 && f == model.IPv4 {
						continue
					}
					cells = append(cells, Cell{from.Name, to.Name, f, w, Judge(s, End{from, a}, End{to, b}, w)})
				}
			}
		}
	}
	return cells
}

// connected reports whether two ports are of one network or of networks that a router joins.
func connected(s *topology.Snapshot, a, b *topology.Port) bool {
	if a.Spec.Network == b.Spec.Network {
		return true
	}
	r, ok := s.RouterOf(a.Spec.Network)
	return ok && slices.Contains(r.Spec.Networks, b.Spec.Network)
}

// addressOf returns a port's address of a family.
func addressOf(p *topology.Port, f model.Family) (netip.Addr, bool) {
	for _, a := range p.Addresses {
		if model.FamilyOf(a) == f {
			return a, true
		}
	}
	return netip.Addr{}, false
}
