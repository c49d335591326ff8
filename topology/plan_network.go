package topology

import (
	"fmt"
	"reflect"
)

// planNetworks adds the networks, with their VNIs: first those that networks had and keep,
// then those that specs give, then the lowest free ones. After that come the blocks of
// segmented networks.
func (p *planner) planNetworks() {
	var given, fresh []*item
	for _, it := range p.of(KindNetwork) {
		switch {
		case it.del || it.same || it.broken:
		case it.spec.(NetworkSpec).VNI != 0:
			given = append(given, it)
		case it.before != nil:
			p.placeNetwork(it, it.before.(*Network).VNI)
		default:
			fresh = append(fresh, it)
		}
	}
	for _, it := range given {
		p.placeNetwork(it, it.spec.(NetworkSpec).VNI)
	}
	for _, it := range fresh {
		vni, ok := p.x.vnis.free(0, span{small(FirstAllocatedVNI), small(MaxVNI)}, nil)
		if !ok {
			vni, ok = p.x.vnis.free(0, span{small(MinVNI), small(FirstAllocatedVNI - 1)}, nil)
		}
		if !ok {
			p.bad(it, Exhausted, "spec.vni", "all VNIs are taken", "delete networks that are not needed")
			continue
		}
		p.placeNetwork(it, VNI(vni.low))
	}
	p.checkHostAccess()
	p.planBlocks()
}

func (p *planner) placeNetwork(it *item, vni VNI) {
	if o, taken := p.x.networksByVNI.Get(vni); taken {
		p.bad(it, Conflict, "spec.vni", fmt.Sprintf("VNI %d belongs to %s", vni, o.Ref()), "choose another, or leave it out to get one")
		return
	}
	if o, taken := p.x.labelsWith(vni); taken {
		p.bad(it, Conflict, "spec.vni", fmt.Sprintf("VNI %d is one of the tunnel keys that %s uses for policies", vni, o.Of), "choose another, or leave it out to get one")
		return
	}
	n := &Network{Meta: p.meta(it), Spec: it.spec.(NetworkSpec), VNI: vni}
	n.GatewayMAC = n.Spec.GatewayMAC
	if n.GatewayMAC.IsZero() {
		n.GatewayMAC = GatewayMACFor(vni)
	}
	p.x.putNetwork(n)
	it.after = n
	if o, ok := it.before.(*Network); ok && readdressed(o, n) {
		p.moved[n.Name] = true
	}
}

// readdressed reports whether the ports or blocks of a network may no longer be valid after
// a change.
func readdressed(a, b *Network) bool {
	return a.VNI != b.VNI || a.Spec.Mode != b.Spec.Mode || a.GatewayMAC != b.GatewayMAC ||
		a.Spec.ContainersPerNode != b.Spec.ContainersPerNode || a.Spec.MaxNodes != b.Spec.MaxNodes ||
		!reflect.DeepEqual(a.Spec.Subnets, b.Spec.Subnets) || !reflect.DeepEqual(a.Spec.Blocks, b.Spec.Blocks)
}
