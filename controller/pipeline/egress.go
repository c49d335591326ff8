package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// UplinkChange says that a node's port to its kernel, or to a bridge, has another number; 0 is
// none.
type UplinkChange struct {
	Node string
	// Bridge is the name of the bridge, "" for the kernel.
	Bridge        string
	Before, After openflow.PortNo
}

// Uplink returns the number of the node's port that leads to its kernel, 0 if it has none.
func (v *View) Uplink(node string) openflow.PortNo {
	n, _ := v.uplinks.Get(node)
	return n
}

// egress describes how packets leave a router.
type egress struct {
	router *topology.Router
	uplink *topology.Uplink
	zone   topology.Zone
	// address is the source address that the packets get, by family; the zero Addr if
	// packets of the family do not leave.
	address [2]netip.Addr
}

// bridged reports whether packets leave by a bridge.
func (e *egress) bridged() bool { return e.uplink.Spec.Type == model.UplinkBridge }

// egressOf returns how packets leave a router; ok is false if it has no uplink.
func (v *View) egressOf(router string) (e *egress, ok bool) {
	r, ok := v.Topo.Router(router)
	if !ok || r.Spec.Egress == nil {
		return nil, false
	}
	u, ok := v.Topo.Uplink(r.Spec.Egress.Uplink)
	if !ok {
		return nil, false
	}
	n, ok := v.Topo.Numbering(r.Ref().String())
	if !ok {
		return nil, false
	}
	e = &egress{router: r, uplink: u, zone: n.Egress}
	for _, f := range model.Families() {
		if a, ok := u.Address(n, f); ok && v.routes(r, f) {
			e.address[f] = a
		}
	}
	return e, true
}

// LeavesBy reports whether packets of a family leave a router by an uplink of the type bridge: it joins a
// network of the family, and the uplink has a subnet of it.
func (v *View) LeavesBy(r *topology.Router, u *topology.Uplink, f topology.Family) bool {
	_, ok := u.Spec.SubnetOf(f)
	return ok && v.routes(r, f)
}

// LeavesIn reports whether packets of a family leave a router, by whatever uplink.
func (v *View) LeavesIn(r *topology.Router, f topology.Family) bool {
	e, ok := v.egressOf(r.Name)
	return ok && e.address[f].IsValid()
}

// Leaves reports whether packets leave the router of a network by an uplink.
func (v *View) Leaves(network string) bool {
	r, ok := v.Topo.RouterOf(network)
	return ok && r.Spec.Egress != nil
}

// routes reports whether a router joins a network of a family.
func (v *View) routes(r *topology.Router, f topology.Family) bool {
	for _, name := range r.Spec.Networks {
		if n, ok := v.Topo.Network(name); ok && n.Spec.Has(f) {
			return true
		}
	}
	return false
}

// each calls a function for each family whose packets leave.
func (e *egress) each(emit func(f topology.Family, a netip.Addr)) {
	for _, f := range model.Families() {
		if a := e.address[f]; a.IsValid() {
			emit(f, a)
		}
	}
}

// routerOf returns the unit of a network's router, for the first network only that the
// router joins, so that each router is returned once. A router without an uplink and static
// routes has no flows of its own.
func (v *View) routerOf(n *topology.Network) (Unit, bool) {
	r, ok := v.Topo.RouterOf(n.Name)
	if !ok || r.Spec.Egress == nil && !routed(r) || r.Spec.Networks[0] != n.Name {
		return Unit{}, false
	}
	return Unit{Kind: UnitRouter, Name: r.Name}, true
}

// leaves marks a router that has an uplink or static routes on all nodes that know it.
func (a *affected) leaves(r *topology.Router) {
	if r == nil || r.Spec.Egress == nil && !routed(r) || len(r.Spec.Networks) == 0 {
		return
	}
	// All of its networks are known to the same nodes.
	for n := range a.nodesOf(r.Spec.Networks[0]) {
		a.mark(n, Unit{Kind: UnitRouter, Name: r.Name})
	}
}

// uplink marks the routers that leave by an uplink that changes, and the nodes that have its
// bridge.
func (a *affected) uplink(c topology.Change) {
	a.floatingOf(c.Ref)
	for _, v := range []*View{a.before, a.after} {
		for r := range v.Topo.RoutersBy(c.Ref.Name) {
			a.leaves(r)
		}
		u, ok := v.Topo.Uplink(c.Ref.Name)
		if !ok || u.Spec.Bridge == "" {
			continue
		}
		a.after.bridges.Scan(func(k pair, _ openflow.PortNo) bool {
			if secondOf(k) == u.Spec.Bridge {
				a.mark(firstOf(k), Unit{Kind: UnitNode, Name: firstOf(k)})
			}
			return true
		})
	}
}
