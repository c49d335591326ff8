package condition

import (
	"fmt"
	"strings"
)

// RouterFacts is what is known of the static routes of a router.
type RouterFacts struct {
	Name   string
	Routes []RouteFacts
}

// RouteFacts is what is known of a static route.
type RouteFacts struct {
	// To is its destination.
	To string
	// Works is how many of its next hops get packets, as far as is known.
	Works int
	// Free are the next hops that no port has, with their networks; Unplugged the ports of those
	// that have no interface, and Restricted of those that may not send from the destination.
	Free, Unplugged, Restricted []string
}

// missing says which next hops of a route get no packets, and what to do.
func (r RouteFacts) missing() (message, fix string) {
	var parts []string
	if n := len(r.Free); n > 0 {
		parts = append(parts, "no port has "+strings.Join(r.Free[:min(n, maxNamed)], ", "))
		fix = "give the address to the port that forwards the packets, or correct the next hop: sdnctl router set"
	}
	if n := len(r.Unplugged); n > 0 {
		parts = append(parts, strings.Join(r.Unplugged[:min(n, maxNamed)], ", ")+" has no interface")
		fix = fmt.Sprintf("sdnctl port show %s; plug in its interface", r.Unplugged[0])
	}
	return strings.Join(parts, ", and "), fix
}

// Router returns what is wrong with the static routes of a router, in the order of the table of
// reasons. It names the first route that has each problem.
func Router(f RouterFacts) []Condition {
	var l list
	first := func(reason Reason, has func(RouteFacts) bool, say func(RouteFacts) (message, fix string)) {
		n := 0
		var message, fix string
		for _, r := range f.Routes {
			if has(r) {
				if n++; n == 1 {
					message, fix = say(r)
				}
			}
		}
		if n > 1 {
			message += fmt.Sprintf("; and %d more routes", n-1)
		}
		if n > 0 {
			l.add(reason, message, fix)
		}
	}
	missing := func(r RouteFacts) bool { return len(r.Free)+len(r.Unplugged) > 0 }
	first(RouteUnusable, func(r RouteFacts) bool { return r.Works == 0 && missing(r) }, func(r RouteFacts) (string, string) {
		why, fix := r.missing()
		return fmt.Sprintf("packets for %s are dropped: %s", r.To, why), fix
	})
	first(RouteHopMissing, func(r RouteFacts) bool { return r.Works > 0 && missing(r) }, func(r RouteFacts) (string, string) {
		why, fix := r.missing()
		return fmt.Sprintf("packets for %s go to the other next hops: %s", r.To, why), fix
	})
	first(RouteHopRestricted, func(r RouteFacts) bool { return len(r.Restricted) > 0 }, func(r RouteFacts) (string, string) {
		return fmt.Sprintf("%s may not send from %s, so answers from there are dropped", strings.Join(r.Restricted[:min(len(r.Restricted), maxNamed)], ", "), r.To),
			fmt.Sprintf("as an admin: sdnctl port set %s --port-security off", r.Restricted[0])
	})
	return l
}
