package topology

import (
	"fmt"
	"iter"
)

// Router joins networks: each can reach every other's addresses. A network is
// joined to at most one router.
type Router struct {
	Meta
	Spec RouterSpec `json:"spec"`
	// ID is the router's number in the data path, allocated, above MaxVNI so
	// that it shares no value with a VNI.
	ID uint32 `json:"id"`
}

// Ref returns the object's name in the form kind/name.
func (r *Router) Ref() Ref { return Ref{Kind: KindRouter, Name: r.Name} }

func (r *Router) spec() Spec { return r.Spec }

func (r *Router) clone() Object {
	c := *r
	return &c
}

func (r *Router) load(l *Loader) error {
	if _, taken := l.x.routerIDs.at(0, small(r.ID)); taken {
		return fmt.Errorf("%s: another router has its number %d", r.Ref(), r.ID)
	}
	for _, n := range r.Spec.Networks {
		if _, ok := l.x.networks.Get(n); !ok {
			return fmt.Errorf("%s: there is no network %q", r.Ref(), n)
		}
		if h, ok := l.x.routerOf.Get(n); ok {
			return fmt.Errorf("%s: network %q is joined to %s", r.Ref(), n, h.Ref())
		}
	}
	if e := r.Spec.Egress; e != nil {
		if _, ok := l.x.uplinks.byName.Get(e.Uplink); !ok {
			return fmt.Errorf("%s: there is no uplink %q", r.Ref(), e.Uplink)
		}
	}
	l.x.putRouter(r)
	return nil
}

func (r *Router) drop(x, _ *indexes) { x.dropRouter(r) }

func (x *indexes) putRouter(r *Router) {
	x.routers.Set(r.Name, r)
	x.routerIDs.add(0, just(small(r.ID)))
	if r.Spec.RoutesIPv6() {
		x.routedIPv6.Set(routedKey(r.Spec.Egress.Uplink, r.Name), r)
	}
	for _, n := range r.Spec.Networks {
		x.routerOf.Set(n, r)
		if network, ok := x.networks.Get(n); ok {
			x.names.putNetwork(r.Ref(), network)
		}
	}
}

func (x *indexes) dropRouter(r *Router) {
	x.routers.Delete(r.Name)
	x.routerIDs.remove(0, just(small(r.ID)))
	if r.Spec.RoutesIPv6() {
		x.routedIPv6.Delete(routedKey(r.Spec.Egress.Uplink, r.Name))
	}
	for _, n := range r.Spec.Networks {
		x.routerOf.Delete(n)
		if network, ok := x.networks.Get(n); ok { // or it has taken itself out
			x.names.dropNetwork(r.Ref(), network)
		}
	}
}

// routedKey is the key of a router in indexes.routedIPv6. No name has a byte of 0.
func routedKey(uplink, router string) string { return uplink + "\x00" + router }

func (x *indexes) routedBy(uplink string) iter.Seq[*Router] {
	return func(yield func(*Router) bool) {
		x.routedIPv6.Ascend(routedKey(uplink, ""), func(_ string, r *Router) bool {
			return r.Spec.Egress.Uplink == uplink && yield(r)
		})
	}
}

// RoutersRouted returns the routers that IPv6 leaves by an uplink with the addresses of their ports, by
// name.
func (s *Snapshot) RoutersRouted(uplink string) iter.Seq[*Router] { return s.x.routedBy(uplink) }

// Router returns the router of that name.
func (s *Snapshot) Router(name string) (*Router, bool) { return s.x.routers.Get(name) }

// RouterOf returns the router that a network is joined to.
func (s *Snapshot) RouterOf(network string) (*Router, bool) { return s.x.routerOf.Get(network) }

// Routers returns all routers by name.
func (s *Snapshot) Routers() iter.Seq[*Router] { return all(s.x.routers) }

// NumRouters returns how many routers there are.
func (s *Snapshot) NumRouters() int { return s.x.routers.Len() }
