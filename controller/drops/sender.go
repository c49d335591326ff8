package drops

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// worst returns the most informative sender: one whose address is neither the port's nor
// unspecified (as that of a host that requests an address by DHCP).
func worst(all []worker.Sender, p *topology.Port) *worker.Sender {
	rank := func(s worker.Sender) int {
		switch {
		case !p.HasMAC(s.MAC) && s.IP.IsValid():
			return 0
		case !p.HasMAC(s.MAC):
			return 1
		case s.IP.IsValid() && !s.IP.IsUnspecified() && !p.Has(s.IP):
			return 2
		case s.Tagged:
			return 3
		}
		return 4
	}
	if len(all) == 0 {
		return nil
	}
	s := slices.MinFunc(all, func(a, b worker.Sender) int { return cmp.Compare(rank(a), rank(b)) })
	if rank(s) == 4 {
		return nil
	}
	return &s
}

// expected returns the addresses that a port may use instead of the given one: those of the
// same family or, if the port has none, all; its link-local address instead of another one.
func expected(p *topology.Port, instead netip.Addr) string {
	if instead.Is6() && instead.IsLinkLocalUnicast() {
		return model.LinkLocal(p.MAC).String()
	}
	var of, all []string
	for _, a := range p.Addresses {
		all = append(all, a.String())
		if a.BitLen() == instead.BitLen() {
			of = append(of, a.String())
		}
	}
	if len(of) > 0 {
		all = of
	}
	return strings.Join(all, ", ")
}
