package condition

import (
	"fmt"
	"strings"
)

// ServiceFacts is what is known of a service.
type ServiceFacts struct {
	Name string
	// Selected is how many backends it has; Draining, Elsewhere, Unbound and LinkDown how many of
	// them get no new connections because they are draining, because no port that may use
	// the service is in their routing domain, because they have no interface, because its link
	// is down, because they have none of the ports that the service names (Unnamed), and because
	// they do not pass its health check (Unhealthy).
	Selected, Draining, Elsewhere, Unbound, LinkDown, Unnamed, Unhealthy int
	// Failing is the first of the unhealthy by name that can be checked, and Why what its last
	// probe found; "" while that has no result.
	Failing, Why string
	// Unchecked is how many of the unhealthy cannot be checked, NotChecked the first of them by
	// name, and Obstacle why.
	Unchecked  int
	NotChecked string
	Obstacle   Obstacle
	// Max is how many of the others the switches choose among at most.
	Max int
	// NoGateway are the networks that it names and whose ports cannot use it, because the
	// network has no gateway; sorted.
	NoGateway []string
	// Without are the nodes with ports that may use it and reach only backends on their own
	// node, but have none there; sorted.
	Without []string
	// NoEntry says that it has node ports, and no node has an uplink by which machines outside
	// could reach them.
	NoEntry bool
	// Taken are the node ports that programs of nodes' own listen at, OldEntries the nodes whose
	// uplink was made before there were node ports, and Unreserved the nodes whose kernel gives
	// node ports to programs that ask for any port; sorted.
	Taken                  []TakenPort
	OldEntries, Unreserved []string
	// Uplink is the uplink on which it has addresses, "" without; Bridge the bridge to which that leads, and
	// Holder the node that answers for them, "" if there is none: Unfit are the nodes that have an address of
	// their own there.
	Uplink, Bridge, Holder string
	Unfit                  []EgressNode
	// Lists says that the service lists its backends instead of selecting them.
	Lists bool
	// Headless says that its name has the addresses of the backends, and NotReady that it has
	// those of the unbound and unhealthy, too. Max is of no account then.
	Headless, NotReady bool
	// Nameless is one of the networks whose ports may look its name up, if it is headless and none of
	// these has DNS; else "".
	Nameless string
}

// Obstacle is why sdnd cannot check a backend of a service. One of its fields is set.
type Obstacle struct {
	// Away is its node, which is not connected.
	Away string
	// NamedPort is the name of the port that the check asks, which it has not.
	NamedPort string
	// NoFamily is its network, which has no addresses of the families of the service.
	NoFamily string
	// NoGateway is its network, which has no gateway.
	NoGateway string
}

// Text says why, and what to do, for a backend of a service; "" if nothing is in the way.
func (o Obstacle) Text(service, port string) (why, fix string) {
	switch {
	case o.NamedPort != "":
		return fmt.Sprintf("it has no port of TCP named %s, which the check asks", o.NamedPort),
			fmt.Sprintf("sdnctl port set %s --named-port %s=tcp/NUMBER, or have the check ask a number: sdnctl service set %s --health-check tcp,port=NUMBER", port, o.NamedPort, service)
	case o.NoFamily != "":
		return fmt.Sprintf("its network %s has no addresses of the service's family", o.NoFamily),
			fmt.Sprintf("give the service an address of the other family: sdnctl service set %s --address; or the network a subnet of the service's", service)
	case o.NoGateway != "":
		return fmt.Sprintf("its network %s has no gateway, from which probes come", o.NoGateway),
			fmt.Sprintf("sdnctl router create NAME --network %s, or add the network to a router that exists", o.NoGateway)
	case o.Away != "":
		return fmt.Sprintf("its node %s is not connected", o.Away),
			fmt.Sprintf("sdnctl node show %s says why, or do without the check: sdnctl service set %s --health-check none", o.Away, service)
	}
	return "", ""
}

// Ready returns how many backends get new connections.
func (f ServiceFacts) Ready() int {
	if f.Headless {
		return f.usable()
	}
	return min(f.usable(), f.Max)
}

// usable returns how many backends could get new connections if there were no maximum.
func (f ServiceFacts) usable() int {
	return f.Selected - f.Draining - f.Elsewhere - f.Unbound - f.LinkDown - f.Unnamed - f.Unhealthy
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
	none, fail := "none of its backends gets new connections, which therefore fail", "new connections to it fail"
	if f.Headless {
		none, fail = "its name has no addresses, since none of its backends would get new connections", "its name has no addresses"
	}
	switch {
	case f.Headless && f.NotReady && f.Selected > f.Draining+f.Elsewhere:
	case !f.Headless && usable > f.Max:
		l.add(TooManyBackends,
			fmt.Sprintf("it has more than %d backends, and only the first by name get new connections", f.Max),
			"split the service, or select fewer ports")
	case usable > 0:
	case f.Selected == 0 && f.Lists:
		l.add(NoBackends, "it lists no backends; "+fail, fmt.Sprintf("sdnctl service set %s --endpoint PORT", f.Name))
	case f.Selected == 0:
		l.add(NoBackends, "no port is selected as its backend; "+fail,
			fmt.Sprintf("give ports the labels that it selects: sdnctl port set PORT --label KEY=VALUE; or select others: sdnctl service set %s --backends SELECTOR", f.Name))
	default:
		what := "plug in their interfaces"
		if f.LinkDown > 0 {
			what = "bring up the links of their interfaces, in the container or machine and on the node"
		}
		l.add(NoBackends,
			fmt.Sprintf("%s: %s", none, f.why()),
			fmt.Sprintf("sdnctl service show %s lists the backends; %s, or give the service others", f.Name, what))
	}
	if len(f.Without) > 0 && usable > 0 {
		l.add(NoLocalBackends,
			fmt.Sprintf("ports on %s have no backend on their own node, so their new connections are refused", TunnelNodes{f.Without, len(f.Without)}.text()),
			fmt.Sprintf("start a backend on each of these nodes, or let clients reach all: sdnctl service set %s --internal-traffic-policy Cluster", f.Name))
	}
	if f.Nameless != "" {
		l.add(NoNames, fmt.Sprintf("nobody can look its name up: %s has no DNS, nor has any other network whose ports may", f.Nameless),
			fmt.Sprintf("sdnctl network set %s --dns", f.Nameless))
	}
	f.nodePorts(&l)
	f.onUplink(&l)
	if f.Unhealthy > f.Unchecked {
		l.add(BackendUnhealthy, f.unhealthy(),
			fmt.Sprintf("start the server of %s, or have the check ask another port: sdnctl service set %s --health-check tcp,port=PORT", f.Failing, f.Name))
	}
	if f.Unchecked > 0 {
		why, fix := f.Obstacle.Text(f.Name, f.NotChecked)
		what := fmt.Sprintf("%s gets no new connections, because sdnd cannot check it: %s", f.NotChecked, why)
		if f.Unchecked > 1 {
			what = fmt.Sprintf("%d backends get no new connections, because sdnd cannot check them, the first of them %s: %s", f.Unchecked, f.NotChecked, why)
		}
		l.add(BackendUnchecked, what, fix)
	}
	return l
}

// TakenPort is a node port at which a program of a node itself listens.
type TakenPort struct {
	Node string
	// Port is as in tcp/30080.
	Port string
}

// nodePorts adds what is wrong with the service's node ports.
func (f ServiceFacts) nodePorts(l *list) {
	if f.NoEntry {
		l.add(NodePortNowhere, "it has node ports, and no node has an uplink, so no machine outside reaches them",
			"declare an uplink: sdnctl uplink create wan; and on the nodes that machines outside are to reach: sdnctl node join NODE --controller ADDRESS --uplink host, beside the flags that they joined with")
	}
	if n := len(f.Taken); n > 0 {
		what := fmt.Sprintf("a program of %s listens at %s", f.Taken[0].Node, f.Taken[0].Port)
		if n > 1 {
			what += fmt.Sprintf(", and so do %d others on nodes with its node ports", n-1)
		}
		l.add(NodePortTaken, what+"; machines outside that connect there reach that program instead of the service",
			fmt.Sprintf("have the program listen elsewhere, or give the service another node port: sdnctl service set %s --ports …@auto; then on %s: systemctl restart sdnctl-uplink, or without systemd: /etc/sdnctl/uplink start", f.Name, f.Taken[0].Node))
	}
	if n := len(f.OldEntries); n > 0 {
		l.add(NodePortUplinkOld, fmt.Sprintf("the uplink of %s was made by a release without node ports, so machines outside do not reach the service there", TunnelNodes{f.OldEntries, n}.text()),
			fmt.Sprintf("on %s, with the present sdnctl: sdnctl node join %s --controller ADDRESS --uplink host, beside the flags that it joined with", f.OldEntries[0], f.OldEntries[0]))
	}
	if n := len(f.Unreserved); n > 0 {
		l.add(NodePortsNotReserved, fmt.Sprintf("the kernel of %s gives ports of the range 30000-32767 to programs that ask for any port; what listens at one is not reached from outside if it began after the uplink was set up", TunnelNodes{f.Unreserved, n}.text()),
			fmt.Sprintf("on %s: sysctl -w net.ipv4.ip_local_reserved_ports=30000-32767, and the same in /etc/sysctl.d; then: systemctl restart sdnctl-uplink, or without systemd: /etc/sdnctl/uplink start", f.Unreserved[0]))
	}
}

// onUplink adds what is wrong with the service's addresses on an uplink.
func (f ServiceFacts) onUplink(l *list) {
	if f.Uplink == "" || f.Holder != "" {
		return
	}
	why, cure := unfitNodes(f.Unfit, f.Uplink, f.Bridge)
	if len(why) == 0 {
		why = []string{"no node has an uplinkAddress on uplink " + f.Uplink}
		cure = fmt.Sprintf("give one to each node that is to answer: sdnctl node set NODE --uplink-address ADDRESS; and on these: sdnctl node join NODE --controller ADDRESS --uplink bridge:%s, beside the flags that they joined with", f.Bridge)
	}
	l.add(ServiceUplinkNowhere, strings.Join(why, "; ")+": machines outside do not reach its addresses there", cure)
}

// unhealthy says which backends do not pass the health check.
func (f ServiceFacts) unhealthy() string {
	why := f.Why
	if why == "" {
		why = "its first probe has no result yet"
	}
	n := f.Unhealthy - f.Unchecked
	if n == 1 {
		return fmt.Sprintf("%s gets no new connections, because it does not pass the health check: %s", f.Failing, why)
	}
	return fmt.Sprintf("%d backends get no new connections, because they do not pass the health check, the first of them %s: %s", n, f.Failing, why)
}

// why counts the backends that get no new connections, by cause.
func (f ServiceFacts) why() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{f.Unbound, "not bound"}, {f.LinkDown, "with their link down"}, {f.Draining, "draining"},
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
