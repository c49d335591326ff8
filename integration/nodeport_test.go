package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// nodePortBed is a bed with a machine outside of three nodes with uplinks of the type host. node1
// and node2 have backends, node3 has no port at all. Two tenants have equal addresses; one leaves
// by the uplink, the other does not.
type nodePortBed struct {
	*serviceBed
	outside *lab.Outside
	// own are the addresses of the nodes on a bridge, by their names; nil if the uplinks are of the type host.
	own map[string][2]netip.Addr
}

const nodePortObjects = `
{kind: Uplink, name: wan, spec: {}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}]}}
---
{kind: Network, name: other, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, pods], egress: {uplink: wan}}}
---
{kind: Router, name: q, spec: {networks: [other]}}
---
{kind: Port, name: web1, labels: {app: web}, spec: {network: blue, node: node1, ips: [10.7.0.11, "fd00:7::11"]}}
---
{kind: Port, name: web2, labels: {app: web}, spec: {network: blue, node: node2}}
---
{kind: Port, name: pod1, labels: {app: pod}, spec: {network: pods, node: node1}}
---
{kind: Port, name: pod2, labels: {app: pod}, spec: {network: pods, node: node2}}
---
{kind: Port, name: other1, labels: {app: other}, spec: {network: other, node: node1, ips: [10.7.0.11, "fd00:7::11"]}}
---
`

// nodePortService is a service with two node ports, TCP and UDP.
func nodePortService(name, router, last string, tcp, udp int, more string) string {
	return fmt.Sprintf(`{kind: Service, name: %s, spec: {addresses: [10.96.0.%s, "fd00:96::%s"], routers: [%s], %s
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: %d}, {name: dns, protocol: udp, port: 53, targetPort: 8080, nodePort: %d}]}}
---
`, name, last, last, router, more, tcp, udp)
}

func selecting(app string) string {
	return "backends: {selector: {matchLabels: {app: " + app + "}}},"
}

// nodePortServices are those that the bed begins with.
func nodePortServices() string {
	return nodePortService("web", "r", "10", 30080, 30080, selecting("web")) +
		nodePortService("pod", "r", "11", 30081, 30081, selecting("pod")) +
		nodePortService("other", "q", "12", 30082, 30082, selecting("other"))
}

func newNodePortBed(t *testing.T) *nodePortBed {
	t.Helper()
	b := &nodePortBed{serviceBed: &serviceBed{newBed(t, 3, withIPv6), map[string]*lab.Container{}}}
	var err error
	b.outside, err = b.AddOutside(b.ctx, 1500)
	b.must(err)
	up := &outsideBed{bed: b.bed}
	for _, name := range []string{"node1", "node2", "node3"} {
		b.must(b.node(name).RouteOutside(b.ctx))
		up.joinUplink(name)
	}
	b.apply(nodes(3) + nodePortObjects + nodePortServices())
	for name, node := range map[string]string{"web1": "node1", "web2": "node2", "pod1": "node1", "pod2": "node2", "other1": "node1"} {
		c := b.plug(name, node)
		b.hosts[name] = c
		b.serve(c)
	}
	b.bound("web1", "web2", "pod1", "pod2", "other1")
	return b
}

func (b *nodePortBed) part(name string, f func(b *nodePortBed)) {
	b.run(name, func(_ *testing.T, inner *bed) { f(&nodePortBed{&serviceBed{inner, b.hosts}, b.outside, b.own}) })
}

// at returns a node port of a node, of a family.
func (b *nodePortBed) at(node string, port int, six bool) string {
	own, bridged := b.own[node]
	if !bridged {
		own = [2]netip.Addr{b.node(node).Addr, b.node(node).Addr6}
	}
	a := own[0]
	if six {
		a = own[1]
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

// enter connects from the machine outside, from a port of it or any for 0.
func (b *nodePortBed) enter(network, to string, from int) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, servicePatience)
	defer cancel()
	err = b.outside.Inside(func() (err error) {
		d := net.Dialer{Control: reuse}
		if from != 0 {
			if d.LocalAddr = (&net.TCPAddr{Port: from}); network == "udp" {
				d.LocalAddr = &net.UDPAddr{Port: from}
			}
		}
		conn, err = d.DialContext(ctx, network, to)
		return err
	})
	return conn, err
}

// who makes a connection from outside and returns who answers, and the address that it sees.
func (b *nodePortBed) who(network, to string) (who, saw string, err error) {
	conn, err := b.enter(network, to, 0)
	if err != nil {
		return "", "", err
	}
	who, saw, err = ask(conn)
	return who, saw, errors.Join(err, conn.Close())
}

// answers waits until a node port answers, and checks that the backend sees the true client. By
// TCP all the backends answer in time; by UDP Open vSwitch's own datapath has one of them answer
// all that a client asks.
func (b *nodePortBed) answers(network, to string, want ...string) {
	b.t.Helper()
	left := map[string]bool{}
	for _, w := range want {
		left[w] = true
	}
	b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("answers of %v at %s by %s", want, to, network), func(context.Context) error {
		who, saw, err := b.who(network, to)
		if err != nil {
			return err
		}
		if host := b.outside.Addr.String(); strings.HasPrefix(to, "[") {
			if saw != b.outside.Addr6.String() {
				b.t.Errorf("%s at %s by %s sees %s, want %s", who, to, network, saw, b.outside.Addr6)
			}
		} else if saw != host {
			b.t.Errorf("%s at %s by %s sees %s, want %s", who, to, network, saw, host)
		}
		delete(left, who)
		if len(left) > 0 && (network == "tcp" || len(left) == len(want)) {
			return fmt.Errorf("%s answers; still to answer: %v", who, left)
		}
		return nil
	}))
}

// refused waits until a node port refuses at once.
func (b *nodePortBed) refused(network, to string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, to+" to refuse by "+network, func(context.Context) error {
		begun := time.Now()
		who, _, err := b.who(network, to)
		switch {
		case err == nil:
			return fmt.Errorf("%s answers", who)
		case !errors.Is(err, syscall.ECONNREFUSED):
			return fmt.Errorf("after %v: %w", time.Since(begun), err)
		}
		return nil
	}))
}

// each calls f for both protocols and both families of a node port of a node.
func (b *nodePortBed) each(node string, port int, f func(network, to string)) {
	for _, network := range []string{"tcp", "udp"} {
		for _, six := range []bool{false, true} {
			f(network, b.at(node, port, six))
		}
	}
}

// TestNodePorts: a machine outside reaches services at the addresses of nodes, wherever their
// backends are, which see its true address.
func TestNodePorts(t *testing.T) {
	t.Parallel()
	b := newNodePortBed(t)
	b.part("any node, any backend, both families, both protocols, the true client", func(b *nodePortBed) {
		for _, node := range []string{"node1", "node2", "node3"} {
			b.each(node, 30080, func(network, to string) { b.answers(network, to, "web1", "web2") })
			b.each(node, 30081, func(network, to string) { b.answers(network, to, "pod1", "pod2") })
			b.each(node, 30082, func(network, to string) { b.answers(network, to, "other1") })
		}
	})
	b.part("P-SVC-06: without a backend, and to no node port: refused at once", (*nodePortBed).nodePortRefused)
	b.part("P-SVC-02, P-SVC-27: one client port to several nodes and node ports", (*nodePortBed).oneClientPort)
	b.part("P-SVC-08: what is no part of a connection does not leave", (*nodePortBed).nodePortWindow)
	b.part("P-SVC-11, P-SVC-12: external traffic policy Local", (*nodePortBed).externalLocal)
	b.part("P-SVC-13: the health port", (*nodePortBed).nodePortHealth)
	b.part("P-SVC-20: policies judge the client's own address", (*nodePortBed).nodePortPolicies)
	b.part("P-SVC-15, P-SVC-17: UDP when a node port or a backend goes", (*nodePortBed).nodePortUDP)
	b.part("P-ICM-02: a client behind a narrow path", (*nodePortBed).narrow)
	b.part("P-ICM-03: errors come from the address that was used", (*nodePortBed).errorSources)
	b.part("P-SVC-19: on the node itself, and from ports", (*nodePortBed).nodePortInside)
	b.part("programs of the machine keep their ports", (*nodePortBed).nodePortTaken)
	b.part("without sdnd, and restarts", (*nodePortBed).nodePortRestart)
}

func (b *nodePortBed) nodePortRefused() {
	b.each("node3", 30099, b.refused) // of no service
	b.apply(nodePortService("none", "r", "13", 30083, 30083, selecting("none")))
	for _, node := range []string{"node1", "node3"} {
		b.each(node, 30083, b.refused)
	}
	b.apply(nodePortService("none", "r", "13", 30083, 30083, selecting("web")))
	b.each("node3", 30083, func(network, to string) { b.answers(network, to, "web1", "web2") })
	b.apply(nodePortService("none", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web1, state: draining}]},"))
	b.each("node3", 30083, b.refused)
	b.sdnctl("service", "delete", "none", "--wait=20s")
	b.each("node1", 30083, b.refused)
}

// live sends a line over a connection and fails the test unless a server answers.
func (b *nodePortBed) live(what string, conn net.Conn, want string) {
	b.t.Helper()
	if who, _, err := ask(conn); err != nil || who != want {
		b.t.Errorf("%s: %q answers, want %s: %v", what, who, want, err)
	}
}

func (b *nodePortBed) oneClientPort() {
	only := "backends: {endpoints: [{port: web1}]},"
	b.apply(nodePortService("one", "r", "13", 30083, 30083, only) + nodePortService("two", "r", "14", 30084, 30084, only))
	for _, six := range []bool{false, true} {
		for _, to := range []int{30083, 30084} {
			for _, node := range []string{"node1", "node2", "node3"} {
				b.answers("tcp", b.at(node, to, six), "web1")
			}
		}
		from := 7000 + len(b.at("node1", 0, six))
		for _, second := range []string{b.at("node2", 30083, six), b.at("node1", 30084, six)} {
			// By the backend's node and another one, and by two node ports of one node: both live.
			from++
			one, err := b.enter("tcp", b.at("node1", 30083, six), from)
			b.must(err)
			b.live("the first", one, "web1")
			two, err := b.enter("tcp", second, from)
			if err != nil {
				b.t.Errorf("the second, at %s: %v", second, err)
			} else {
				b.live("the second, at "+second, two, "web1")
				two.Close()
			}
			b.live("the first, after the second", one, "web1")
			one.Close()
		}
		// By two nodes that have not the backend: the second is refused, the first lives. So it is if
		// the client's port is in use by the backend's own node, too, so that the backend sees another.
		for _, network := range []string{"tcp", "udp"} {
			for _, entered := range [][]string{{"node2"}, {"node1", "node2"}} {
				from++
				var before []net.Conn
				for _, node := range entered {
					conn, err := b.enter(network, b.at(node, 30083, six), from)
					b.must(err)
					b.live("what enters first, at "+node+" by "+network, conn, "web1")
					before = append(before, conn)
				}
				b.refusedFrom(network, b.at("node3", 30083, six), from)
				for i, conn := range before {
					b.live("what entered first, at "+entered[i]+" by "+network+", after what was refused", conn, "web1")
					conn.Close()
				}
			}
		}
	}
	b.sdnctl("service", "delete", "one", "two", "--wait=20s")
}

// refusedFrom waits until a node port refuses what comes from a port of the machine outside.
func (b *nodePortBed) refusedFrom(network, to string, from int) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, fmt.Sprintf("%s to refuse what comes from port %d by %s", to, from, network), func(context.Context) error {
		conn, err := b.enter(network, to, from)
		if err == nil {
			var who string
			if who, _, err = ask(conn); err == nil {
				b.t.Errorf("%s answers at %s what comes from port %d by %s, whose connection entered elsewhere", who, to, from, network)
			}
			conn.Close()
		}
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		return nil
	}))
}

func (b *nodePortBed) externalLocal() {
	local := "externalTrafficPolicy: Local, "
	b.apply(nodePortService("local", "r", "13", 30083, 30083, local+"backends: {endpoints: [{port: web1}]},"))
	b.each("node1", 30083, func(network, to string) { b.answers(network, to, "web1") })
	for _, node := range []string{"node2", "node3"} {
		b.each(node, 30083, b.refused)
	}
	// Ports of the networks still reach it from any node, by its address.
	for _, c := range []string{"web2", "pod1", "pod2"} {
		if who, _, err := b.whoAnswers(b.hosts[c], "tcp", "10.96.0.13:80"); who != "web1" {
			b.t.Errorf("%s asks the service's address: %q, %v", c, who, err)
		}
	}
	// A node whose only backend is draining sends it what comes; once it is gone, it refuses.
	b.apply(nodePortService("local", "r", "13", 30083, 30083, local+"backends: {endpoints: [{port: web1, state: draining}, {port: web2}]},"))
	b.each("node1", 30083, func(network, to string) { b.answers(network, to, "web1") })
	b.each("node2", 30083, func(network, to string) { b.answers(network, to, "web2") })
	b.apply(nodePortService("local", "r", "13", 30083, 30083, local+"backends: {endpoints: [{port: web2}]},"))
	b.each("node1", 30083, b.refused)
	b.apply(nodePortService("local", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web2}]},"))
	b.each("node1", 30083, func(network, to string) { b.answers(network, to, "web2") })
	b.sdnctl("service", "delete", "local", "--wait=20s")
}

// shut waits until a node port is not reached by TCP.
func (b *nodePortBed) shut(to string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, to+" to be shut", func(context.Context) error {
		who, _, err := b.who("tcp", to)
		if err == nil {
			return fmt.Errorf("%s answers", who)
		}
		return nil
	}))
}

func (b *nodePortBed) nodePortPolicies() {
	client4, client6 := netip.PrefixFrom(b.outside.Addr, 24).Masked(), netip.PrefixFrom(b.outside.Addr6, 64).Masked()
	from := func(cidr4, cidr6 string) {
		b.apply(`{kind: Policy, name: from, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{cidr: ` + cidr4 + `}, {cidr: "` + cidr6 + `"}], ports: [tcp/8080]}]}}`)
	}
	_, live, err := func() (string, net.Conn, error) {
		c, err := b.enter("tcp", b.at("node3", 30080, false), 0)
		return "", c, err
	}()
	b.must(err)
	defer live.Close()
	from(client4.String(), client6.String())
	for _, node := range []string{"node1", "node3"} {
		for _, six := range []bool{false, true} {
			b.answers("tcp", b.at(node, 30080, six), "web1", "web2")
		}
	}
	if _, _, err := ask(live); err != nil {
		b.t.Errorf("a connection that the policy allows: %v", err)
	}
	from("198.51.100.0/24", "2001:db8:5::/64")
	for _, node := range []string{"node1", "node3"} {
		for _, six := range []bool{false, true} {
			b.shut(b.at(node, 30080, six))
		}
	}
	if who, _, err := ask(live); err == nil {
		b.t.Errorf("%s still answers on a connection that a policy denies", who)
	}
	b.sdnctl("policy", "delete", "from", "--wait=20s")
	b.answers("tcp", b.at("node3", 30080, false), "web1", "web2")
}

func (b *nodePortBed) nodePortUDP() {
	b.apply(nodePortService("udp", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web1}]},"))
	for _, six := range []bool{false, true} {
		for _, node := range []string{"node1", "node3"} {
			to := b.at(node, 30083, six)
			b.answers("udp", to, "web1")
			conn, err := b.enter("udp", to, 0)
			b.must(err)
			b.live("a socket at "+to, conn, "web1")
			// The socket goes on sending: with the backend's change it reaches the other one.
			b.apply(nodePortService("udp", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web2}]},"))
			b.must(lab.PollFor(b.ctx, 10*time.Second, "the socket at "+to+" to reach web2", func(context.Context) error {
				if who, _, err := ask(conn); err != nil || who != "web2" {
					return fmt.Errorf("%q answers: %w", who, errors.Join(err, errors.New("not yet")))
				}
				return nil
			}))
			// Without its node port it is refused.
			b.sdnctl("service", "set", "udp", "--ports", "http=tcp/80:8080@30083,dns=udp/53:8080", "--wait=20s")
			b.must(lab.PollFor(b.ctx, 10*time.Second, "the socket at "+to+" to be refused", func(context.Context) error {
				if who, _, err := ask(conn); !errors.Is(err, syscall.ECONNREFUSED) {
					return fmt.Errorf("%q answers: %w", who, errors.Join(err, errors.New("not yet")))
				}
				return nil
			}))
			conn.Close()
			b.answers("tcp", b.at(node, 30083, six), "web2") // the other protocol stays
			b.apply(nodePortService("udp", "r", "13", 30083, 30083, "backends: {endpoints: [{port: web1}]},"))
		}
	}
	b.sdnctl("service", "delete", "udp", "--wait=20s")
}

func (b *nodePortBed) nodePortInside() {
	on := b.node("node1")
	try := func(to string) (err error) {
		ctx, cancel := context.WithTimeout(b.ctx, servicePatience)
		defer cancel()
		return errors.Join(on.Inside(func() error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", to)
			if err == nil {
				conn.Close()
			}
			return err
		}))
	}
	for _, to := range []string{"127.0.0.1:30080", "[::1]:30080", b.at("node1", 30080, false), b.at("node1", 30080, true)} {
		if err := try(to); !errors.Is(err, syscall.ECONNREFUSED) {
			b.t.Errorf("on the node itself to %s: %v, want it refused at once", to, err)
		}
	}
	for _, to := range []string{b.at("node2", 30080, false), b.at("node3", 30080, true)} {
		if err := try(to); err != nil {
			b.t.Errorf("on a node to %s: %v", to, err)
		}
	}
	for _, to := range []string{b.at("node1", 30080, false), b.at("node3", 30080, false), b.at("node1", 30080, true)} {
		if who, _, err := b.whoAnswers(b.hosts["pod1"], "tcp", to); err != nil {
			b.t.Errorf("a port on node1 to %s: %q, %v", to, who, err)
		}
	}
}

// nodePortTaken: a program that listens when the uplink is set up keeps its port, which sdnd learns.
func (b *nodePortBed) nodePortTaken() {
	on := b.node("node3")
	var l net.Listener
	b.must(on.Inside(func() (err error) {
		l, err = net.Listen("tcp", ":30080")
		return err
	}))
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "the machine's own 0.0.0.0:0\n")
			conn.Close()
		}
	}()
	again := func() {
		up := &outsideBed{bed: b.bed}
		up.joinUplink("node3")
	}
	again()
	b.serviceHas("web", "NodePortTaken", "tcp/30080", true)
	conn, err := b.enter("tcp", b.at("node3", 30080, false), 0)
	b.must(err)
	buf := make([]byte, 64)
	n, _ := conn.Read(buf)
	conn.Close()
	if !strings.HasPrefix(string(buf[:n]), "the machine's own") {
		b.t.Errorf("%q answers, want the program of the machine", buf[:n])
	}
	b.answers("udp", b.at("node3", 30080, false), "web1", "web2") // of the other protocol nobody listens
	b.must(l.Close())
	again()
	b.serviceHas("web", "NodePortTaken", "", false)
	b.answers("tcp", b.at("node3", 30080, false), "web1", "web2")
	// The kernel gives node ports to programs that ask for any, until they are reserved.
	set := func(what string) {
		_, err := on.Exec(b.ctx, "sysctl", "-qw", "net.ipv4."+what)
		b.must(err)
	}
	set("ip_local_port_range=20000 60999")
	again()
	b.serviceHas("web", "NodePortsNotReserved", "node3", true)
	set("ip_local_reserved_ports=30000-32767")
	again()
	b.serviceHas("web", "NodePortsNotReserved", "", false)
	set("ip_local_port_range=32768 60999")
	set("ip_local_reserved_ports=")
}

// serviceHas waits until a service has a condition whose message has a text, or no longer has it.
func (b *nodePortBed) serviceHas(name, reason, text string, want bool) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, name+" and "+reason, func(ctx context.Context) error {
		o, err := b.api.Service(ctx, name)
		if err != nil {
			return err
		}
		for _, c := range o.Status.Conditions {
			if string(c.Reason) == reason {
				if want && strings.Contains(c.Message, text) {
					return nil
				}
				return fmt.Errorf("it has %s: %s", reason, c.Message)
			}
		}
		if want {
			return fmt.Errorf("it has only %v", o.Status.Conditions)
		}
		return nil
	}))
}

func (b *nodePortBed) nodePortRestart() {
	conn, err := b.enter("tcp", b.at("node3", 30080, false), 0)
	b.must(err)
	defer conn.Close()
	who, _, err := ask(conn)
	b.must(err)
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.live("without sdnd", conn, who)
	b.each("node3", 30081, func(network, to string) { b.answers(network, to, "pod1", "pod2") })
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	b.live("with sdnd again", conn, who)
	b.verify()
}
