package topology

import (
	"fmt"
	"net/netip"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// addressHolders are the objects that have addresses on uplinks of the type bridge.
type addressHolders struct {
	byAddress *btree.Map[string, Ref] // by addressKey
	// byMAC has the addresses by their MACs, and themselves. Those of IPv6 may come to have the same MAC, by which
	// neighbours, and nodes among themselves, know them.
	byMAC *btree.Map[string, netip.Addr]
}

func newAddressHolders() addressHolders {
	return addressHolders{btree.NewMap[string, Ref](treeDegree), btree.NewMap[string, netip.Addr](treeDegree)}
}

func (x addressHolders) fork() addressHolders {
	return addressHolders{x.byAddress.Copy(), x.byMAC.Copy()}
}

// outsideKey begins the keys under which addressHolders has what has a MAC.
func outsideKey(a netip.Addr) string {
	mac := model.OutsideMAC(a)
	return string(mac[:])
}

func (x addressHolders) hold(a netip.Addr, by Ref) {
	x.byAddress.Set(addressKey(a), by)
	x.byMAC.Set(outsideKey(a)+addressKey(a), a)
}

func (x addressHolders) release(a netip.Addr) {
	x.byAddress.Delete(addressKey(a))
	x.byMAC.Delete(outsideKey(a) + addressKey(a))
}

// of returns who has an address.
func (x addressHolders) of(a netip.Addr) (Ref, bool) { return x.byAddress.Get(addressKey(a)) }

// withMAC returns another address that has the MAC of one, and who has it.
func (x addressHolders) withMAC(a netip.Addr) (other netip.Addr, by Ref, ok bool) {
	for other := range under(x.byMAC, outsideKey(a)) {
		if other != a {
			by, _ := x.of(other)
			return other, by, true
		}
	}
	return other, by, false
}

// checkHolder requires that no other object has an address on an uplink, or another address with its MAC. fix says
// what to do if one has it.
func (p *planner) checkHolder(it *item, field string, a netip.Addr, fix string) {
	if by, taken := p.x.uplinks.holders.of(a); taken {
		p.bad(it, Conflict, field, fmt.Sprintf("%s belongs to %s", a, by), fix)
	} else if other, by, same := p.x.uplinks.holders.withMAC(a); same {
		p.bad(it, Conflict, field, fmt.Sprintf("%s gets the same MAC as %s of %s, %s, since MACs follow from IPv6 addresses by a hash of 40 bits", a, other, by, model.OutsideMAC(a)), "give another of the uplink's addresses")
	}
}
