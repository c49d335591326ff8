package pipeline

import (
	"github.com/sdnctl/sdnctl/topology"
)

// LinkChange says that the link of a port's interface is down, or up again. It does not
// matter for a port that has no interface.
type LinkChange struct {
	Port string
	Down bool
}

// LinkDown reports whether the link of a port's interface is down, as far as is known: the
// interface takes no packets, or sends none. While the port's node is away it stays what it was.
func (v *View) LinkDown(port string) bool {
	if v.down.Len() == 0 {
		return false
	}
	_, down := v.down.Get(port)
	return down
}

// learnLinks puts what an update says of links into the view. A new interface, also one on
// another node, counts as having a link until an update says otherwise.
func (v *View) learnLinks(before *View, u Update) {
	for _, p := range u.Places {
		if was, is := before.Place(p.Port), v.Place(p.Port); was.Node != is.Node || was.Interface != is.Interface {
			v.down.Delete(p.Port)
		}
	}
	for _, l := range u.Links {
		if l.Down && v.Place(l.Port).Node != "" {
			v.down.Set(l.Port, struct{}{})
		} else {
			v.down.Delete(l.Port)
		}
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindPort && c.After == nil {
			v.down.Delete(c.Ref.Name)
		}
	}
}

// portsLinked calls visit for the ports whose link an update may change, in the order of the update. One
// may come more than once.
func (u *Update) portsLinked(visit func(port string)) {
	for _, p := range u.Places {
		visit(p.Port)
	}
	for _, l := range u.Links {
		visit(l.Port)
	}
}

// serves reports whether the link of a backend and the health checks of a service let the backend
// get new connections.
func (v *View) serves(o *topology.Service, port string) bool {
	return !v.LinkDown(port) && v.passes(o, port)
}

// links marks the services of which a port is a backend whose link went down or came up.
func (a *affected) links(u Update) {
	u.portsLinked(func(port string) {
		if a.before.LinkDown(port) == a.after.LinkDown(port) {
			return
		}
		p, ok := a.after.Topo.Port(port)
		if !ok {
			return // its services are marked, as it is deleted
		}
		for _, o := range a.after.Topo.ServicesWith(p) {
			for node := range a.after.nodesServing(o) {
				a.mark(node, Unit{Kind: UnitService, Name: o.Name})
			}
		}
	})
}
