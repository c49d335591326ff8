package model

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Bounds of the routes of a router.
const (
	MaxRoutes    = 64
	MaxRouteHops = 16
)

// Route sends what is for a range of addresses to next hops.
type Route struct {
	To  netip.Prefix `json:"to" doc:"Destinations; 0.0.0.0/0 or ::/0 for all that no other route leads to" example:"10.51.0.0/24"`
	Via []netip.Addr `json:"via" doc:"Next hops that share the connections, at most 16: addresses of ports in networks of the router, or addresses in the subnets of the bridge uplink by which it leaves" example:"[\"10.0.0.2\",\"10.0.0.3\"]"`
}

// ParseRoute reads a route as String writes it. The error is a *ValueError.
func ParseRoute(b string) (r Route, err error) {
	wrong := func(what string) error {
		return &ValueError{fmt.Sprintf("%q is not a route: %s", b, what), "write it as in 10.51.0.0/24=10.0.0.2,10.0.0.3"}
	}
	to, via, ok := strings.Cut(b, "=")
	if !ok {
		return r, wrong("it has no = between the destination and the next hops")
	}
	p, err := netip.ParsePrefix(strings.TrimSpace(to))
	if err != nil {
		return r, wrong(fmt.Sprintf("%q is no range of addresses", to))
	}
	r.To = p
	for _, text := range strings.Split(via, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return r, wrong(fmt.Sprintf("%q is no address", text))
		}
		r.Via = append(r.Via, a)
	}
	return r, nil
}

// String returns the route as in 10.51.0.0/24=10.0.0.2,10.0.0.3.
func (r Route) String() string {
	via := make([]string, len(r.Via))
	for i, a := range r.Via {
		via[i] = a.String()
	}
	return r.To.String() + "=" + strings.Join(via, ",")
}

// normalRoutes checks the routes of a router by themselves.
func normalRoutes(routes []Route, bad Reporter) []Route {
	routes = cloned(routes)
	if len(routes) > MaxRoutes {
		bad(Invalid, "spec.routes", fmt.Sprintf("%d routes, at most %d are allowed", len(routes), MaxRoutes), "join ranges to shorter prefixes")
		return nil
	}
	for i := range routes {
		r := &routes[i]
		field := fmt.Sprintf("spec.routes[%d]", i)
		r.Via = cloned(r.Via)
		if !checkRouteTo(r.To, field+".to", bad) {
			continue
		}
		if j := slices.IndexFunc(routes[:i], func(o Route) bool { return o.To == r.To }); j >= 0 {
			bad(Invalid, field+".to", fmt.Sprintf("%s is the destination of spec.routes[%d], too", r.To, j), "list all next hops in one route")
		}
		checkRouteVia(r, field+".via", bad)
	}
	return routes
}

// checkRouteTo reports whether a destination can be used.
func checkRouteTo(to netip.Prefix, field string, bad Reporter) bool {
	switch a := to.Addr(); {
	case !to.IsValid():
		bad(Invalid, field, "the destination is missing", "give a range such as 10.51.0.0/24, or 0.0.0.0/0 for all")
	case a.Is4In6():
		bad(Invalid, field, fmt.Sprintf("%s is IPv4 mapped into IPv6", to), "write it as IPv4")
	case to != to.Masked():
		bad(Invalid, field, fmt.Sprintf("%s has bits set after its prefix", to), fmt.Sprintf("write %s", to.Masked()))
	case a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() && to.Bits() >= 8:
		bad(Invalid, field, fmt.Sprintf("no router forwards to %s", to), "give addresses that hosts behind the next hops have, or 0.0.0.0/0 or ::/0 for all")
	default:
		return true
	}
	return false
}

// checkRouteVia checks the next hops of a route.
func checkRouteVia(r *Route, field string, bad Reporter) {
	switch n := len(r.Via); {
	case n == 0:
		bad(Invalid, field, "the route has no next hop", "give the address of a port that forwards the packets, or remove the route")
	case n > MaxRouteHops:
		bad(Invalid, field, fmt.Sprintf("%d next hops, at most %d are allowed", n, MaxRouteHops), "give fewer")
		return
	}
	for i := range r.Via {
		at := fmt.Sprintf("%s[%d]", field, i)
		a := r.Via[i].Unmap()
		r.Via[i] = a
		switch {
		case zoned(a, at, bad):
		case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast():
			bad(Invalid, at, fmt.Sprintf("%s is no address of a next hop", a), "give the address of a port in a network of the router")
		case FamilyOf(a) != FamilyOf(r.To.Addr()):
			bad(Invalid, at, fmt.Sprintf("%s is %s, and %s is %s", a, FamilyOf(a), r.To, FamilyOf(r.To.Addr())), "give next hops of the family of the destination")
		case slices.Contains(r.Via[:i], a):
			bad(Invalid, at, fmt.Sprintf("%s is listed twice", a), "list it once: next hops have equal shares")
		}
	}
}
