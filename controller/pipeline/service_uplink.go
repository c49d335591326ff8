package pipeline

import (
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Services with addresses on an uplink of the type bridge. All nodes that have addresses of their own there, of the
// same families, have the flows by which packets from outside reach backends; one of them answers for the addresses.

// ExposedNode is a node that may answer for addresses of services on an uplink.
type ExposedNode struct {
	Node string
	// Bridge says that it has a port to the bridge of the uplink, or that this is not known yet, as after
	// a start.
	Bridge bool
	// Reached is as in Gateway.
	Reached bool
	// own says of which families it has addresses of its own there.
	own [2]bool
}

// Serves reports whether the node has an address of its own on the uplink of each family that a service has
// there. Only then machines outside reach the service by it.
func (n ExposedNode) Serves(o *topology.Service) bool {
	for _, f := range model.Families() {
		if o.Spec.OnUplinkBy(f) && !n.own[f] {
			return false
		}
	}
	return true
}

// Has reports whether the node has an address of a family there.
func (n ExposedNode) Has(f topology.Family) bool { return n.own[f] }

// ExposedNodes returns the nodes that have an address of their own on an uplink, of any family, by name. It looks at all
// nodes.
func (v *View) ExposedNodes(uplink string) (all []ExposedNode) {
	u, ok := v.Topo.Uplink(uplink)
	if !ok || u.Spec.Bridge == "" {
		return nil
	}
	for n := range v.Topo.Nodes() {
		var own [2]bool
		for _, f := range model.Families() {
			_, own[f] = n.Spec.UplinkAddressOf(u.Spec, f)
		}
		if own == [2]bool{} {
			continue
		}
		_, known := v.Away(n.Name)
		all = append(all, ExposedNode{n.Name, !known || v.Bridge(n.Name, u.Spec.Bridge) != 0, v.Reached(n.Name), own})
	}
	return all
}

// ServiceHolder returns the node that answers for a service's addresses on an uplink, "" if there is none.
func (v *View) ServiceHolder(name string) string {
	node, _ := v.holders.Get(name)
	return node
}

// holderOf chooses the node among those that may answer. Which it is follows from the names, so that the
// services are spread over the nodes, and a node that comes or goes moves few others (rendezvous hashing).
// With the external traffic policy Local a node with backends comes first.
func (v *View) holderOf(o *topology.Service, nodes []ExposedNode) (best string) {
	var backends map[string]bool
	if externalLocal(o) {
		backends = v.nodesAnswering(o)
	}
	var highest uint64
	has := false
	for _, n := range nodes {
		if !n.Bridge || !n.Reached || !n.Serves(o) {
			continue
		}
		h := xxhash.Sum64String(o.Name + "\x00" + n.Node)
		if at := backends[n.Node]; best == "" || at && !has || at == has && h > highest {
			best, highest, has = n.Node, h, at
		}
	}
	return best
}

// nodesAnswering returns the nodes with backends of a service that get new connections from outside.
func (v *View) nodesAnswering(o *topology.Service) map[string]bool {
	nodes := map[string]bool{}
	s, ok := v.outsideOf(o)
	if !ok {
		return nodes
	}
	for b := range v.Topo.Backends(o) {
		if b.Endpoint.State == model.EndpointReady && v.domainOf(b.Spec.Network) == s.domain && v.answers(b.Port) && v.serves(o, b.Name) {
			nodes[v.Location(b.Port)] = true
		}
	}
	return nodes
}

// HasServicesOnUplinks reports whether any service has addresses on an uplink.
func (v *View) HasServicesOnUplinks() bool {
	for range v.Topo.ServicesOnUplinks() {
		return true
	}
	return false
}

// ServicesOnUplinksIn returns the services with addresses on an uplink for which an update may choose another
// node, or whose addresses it may change.
func (u *Update) ServicesOnUplinksIn(before, after *View) map[string]bool {
	names := map[string]bool{}
	if !before.HasServicesOnUplinks() && !after.HasServicesOnUplinks() {
		return names
	}
	add := func(o *topology.Service) {
		if o.Spec.Uplink != nil {
			names[o.Name] = true
		}
	}
	local := func(o *topology.Service) {
		if externalLocal(o) {
			add(o)
		}
	}
	all := len(u.Uplinks)+len(u.Contacts)+len(u.Absences) > 0
	for _, c := range u.Changes {
		switch c.Ref.Kind {
		case topology.KindNode, topology.KindUplink:
			all = true
		}
	}
	both := []*View{before, after}
	for _, v := range both {
		if all {
			for o := range v.Topo.ServicesOnUplinks() {
				add(o)
			}
		}
		if !v.exposesLocally() {
			continue
		}
		port := func(name string) {
			if p, ok := v.Topo.Port(name); ok {
				for _, o := range v.Topo.ServicesWith(p) {
					local(o)
				}
			}
		}
		for _, c := range u.Changes {
			switch c.Ref.Kind {
			case topology.KindPort:
				port(c.Ref.Name)
			case model.KindPortGroup:
				for o := range v.Topo.ServicesNaming(c.Ref) {
					local(o)
				}
			case topology.KindRouter, topology.KindNetwork:
				for o := range v.Topo.ServicesOnUplinks() {
					local(o)
				}
			}
		}
		u.portsLinked(port)
		for _, h := range u.Health {
			if o, ok := v.Topo.Service(h.Service); ok {
				local(o)
			}
		}
	}
	for _, c := range u.Changes {
		for _, x := range []topology.Object{c.Before, c.After} {
			if o, ok := x.(*topology.Service); ok {
				add(o)
			}
		}
	}
	return names
}

// exposesLocally reports whether the node that answers for a service may depend on where backends are.
func (v *View) exposesLocally() bool {
	for o := range v.Topo.ServicesOnUplinks() {
		if externalLocal(o) {
			return true
		}
	}
	return false
}

// placeServices chooses the nodes that answer for services, of some by name.
func (v *View) placeServices(names map[string]bool) {
	nodes := map[string][]ExposedNode{} // by uplink
	for name := range names {
		o, ok := v.Topo.Service(name)
		if !ok || o.Spec.Uplink == nil {
			v.holders.Delete(name)
			continue
		}
		by := o.Spec.Uplink.Name
		if _, known := nodes[by]; !known {
			nodes[by] = v.ExposedNodes(by)
		}
		if at := v.holderOf(o, nodes[by]); at != "" {
			v.holders.Set(name, at)
		} else {
			v.holders.Delete(name)
		}
	}
}

// ServiceMoves returns the services whose addresses on an uplink an update puts on other nodes than before, as
// FloatingMoves does.
func ServiceMoves(before, after *View, u Update) (all []FloatingMove) {
	for name := range u.ServicesOnUplinksIn(before, after) {
		if m := (FloatingMove{name, before.ServiceHolder(name), after.ServiceHolder(name)}); m.From != m.To {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b FloatingMove) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// ServicesHeldBy returns the services for whose addresses on an uplink a node answers, by name.
func (v *View) ServicesHeldBy(node string) (names []string) {
	v.holders.Scan(func(name, at string) bool {
		if at == node {
			names = append(names, name)
		}
		return true
	})
	return names
}

// servicesOnUplinks marks the services whose addresses on an uplink are on another node than before.
func (a *affected) servicesOnUplinks(u Update) {
	for _, m := range ServiceMoves(a.before, a.after, u) {
		for _, node := range []string{m.From, m.To} {
			if node != "" {
				a.mark(node, Unit{Kind: UnitService, Name: m.Name})
			}
		}
	}
}

// exposedAt returns the uplink with a service's addresses as a node has it; ok is false if the node takes no
// packets for them.
func (v *View) exposedAt(o *topology.Service, node string) (u bridgeUplink, ok bool) {
	if o.Spec.Uplink == nil {
		return u, false
	}
	for u := range v.bridgeUplinks(node) {
		n := ExposedNode{own: [2]bool{u.address.IsValid(), u.address6.IsValid()}}
		if u.Name == o.Spec.Uplink.Name && n.Serves(o) {
			return u, true
		}
	}
	return u, false
}
