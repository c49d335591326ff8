package condition

import (
	"fmt"
	"strings"
)

// ServiceFacts is what is known of a service.
type ServiceFacts struct {
	Name string
	// Selected is how many backends it has; Draining, Elsewhere and Unbound how many of
	// them get no new connections because they are draining, because no port that may use
	// the service is in their routing domain, because they have no interface, and because
	// they have none of the ports that the service names (Unnamed), and because they do not
	// pass its health check (Unhealthy).
	Selected, Draining, Elsewhere, Unbound, Unnamed, Unhealthy int
	// Failing is the first of the unhealthy by name, and Why what its last probe found; ""
	// while that has no result.
	Failing, Why string
	// Max is how many of the others the switches choose among at most.
	Max int
	// NoGateway are the networks that it names and whose ports cannot use it, because the
	// network has no gateway; sorted.
	NoGateway []string
	// Without are the nodes with ports that may use it and reach only backends on their own
	// node, but have none there; sorted.
	Without []string
	// Lists says that the service lists its backends instead of selecting them.
	Lists bool
}

// Ready returns how many backends get new connections.
func (f ServiceFacts) Ready() int {
	return min(f.usable(), f.Max)
}

// usable returns how many backends could get new connections if there were no maximum.
func (f ServiceFacts) usable() int {
	return f.Selected - f.Draining - f.Elsewhere - f.Unbound - f.Unnamed - f.Unhealthy
}

// Service returns what is wrong with a service, in the order of the table of reasons.
func Service(f ServiceFacts) []Condition {
	var l list
	if len(f.NoGateway) > 0 {
		l.add(NoGateway,
			fmt.Sprintf("ports of %s cannot use it: they reach a service by their gateway, and %s has none", strings.Join(f.NoGateway, ", "), f.NoGateway[0]),
			fmt.Sprintf("sdnctl router create NAME --network %s, or add the network to a router that exists", f.NoGateway[0]))
	}
	usable := f.usable()
	switch {
	case usable > f.Max:
		l.add(TooManyBackends,
			fmt.Sprintf("it has more than %d backends, and only the first by name get new connections", f.Max),
			"split the service, or select fewer ports")
	case usable > 0:
	case f.Selected == 0 && f.Lists:
		l.add(NoBackends, "it lists no backends; new connections to it fail", fmt.Sprintf("sdnctl service set %s --endpoint PORT", f.Name))
	case f.Selected == 0:
		l.add(NoBackends, "no port is selected as its backend; new connections to it fail",
			fmt.Sprintf("give ports the labels that it selects: sdnctl port set PORT --label KEY=VALUE; or select others: sdnctl service set %s --backends SELECTOR", f.Name))
	default:
		l.add(NoBackends,
			fmt.Sprintf("none of its backends gets new connections, which therefore fail: %s", f.why()),
			fmt.Sprintf("sdnctl service show %s lists the backends; plug in their interfaces, or give the service others", f.Name))
	}
	if len(f.Without) > 0 && usable > 0 {
		l.add(NoLocalBackends,
			fmt.Sprintf("ports on %s have no backend on their own node, so their new connections are refused", TunnelNodes{f.Without, len(f.Without)}.text()),
			fmt.Sprintf("start a backend on each of these nodes, or let clients reach all: sdnctl service set %s --internal-traffic-policy Cluster", f.Name))
	}
	if f.Unhealthy > 0 {
		l.add(BackendUnhealthy, f.unhealthy(),
			fmt.Sprintf("start the server of %s, or have the check ask another port: sdnctl service set %s --health-check tcp,port=PORT", f.Failing, f.Name))
	}
	return l
}

// unhealthy says which backends do not pass the health check.
func (f ServiceFacts) unhealthy() string {
	why := f.Why
	if why == "" {
		why = "its first probe has no result yet"
	}
	if f.Unhealthy == 1 {
		return fmt.Sprintf("%s gets no new connections, because it does not pass the health check: %s", f.Failing, why)
	}
	return fmt.Sprintf("%d backends get no new connections, because they do not pass the health check, the first of them %s: %s", f.Unhealthy, f.Failing, why)
}

// why counts the backends that get no new connections, by cause.
func (f ServiceFacts) why() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{f.Unbound, "not bound"}, {f.Draining, "draining"},
		{f.Elsewhere, "in a network that no router joins with one whose ports may use the service"},
		{f.Unnamed, "without a named port that the service calls"},
		{f.Unhealthy, "not healthy"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}
