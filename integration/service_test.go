package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestServices: services by real packets, over two nodes, three networks, a router and both
// families.
func TestServices(t *testing.T) {
	t.Parallel()
	b := newServiceBed(t)
	b.part("P-SVC-25: everybody reaches every backend at another port, and is seen as it is", servicesReached)
	b.part("P-SVC-01: one client port to the service and straight to its backend", servicesSamePort)
	b.part("P-SVC-27: one client port to two services with the same backend", servicesTwo)
	b.part("P-SVC-26: two questions at once from one socket of UDP are both answered", servicesPairs)
	b.part("P-SVC-18: a backend on the client's own node answers from the service's address", servicesOneSocket)
	b.part("P-SVC-22: a server that has left the service ends its connections", servicesLastFIN)
	b.part("P-SVC-08: what is no part of a connection does not end it", servicesWindow)
	b.part("connections are spread over the backends", servicesSpread)
	b.part("the traffic policy Local: only backends on the client's node", servicesLocal)
	b.part("connections are spread over many backends, in several groups", servicesMany)
	b.part("P-SVC-07: what the service does not offer is refused, and goes nowhere", servicesOnly)
	b.part("P-ICM-01: errors about translated packets reach the client", servicesErrors)
	b.part("P-SVC-05, P-SVC-06, P-SVC-29: backends come and go, connections stay", servicesChange)
	b.part("a backend whose link is down gets no connections from any node", servicesUnlinked)
	b.part("P-SVC-17: a socket of UDP that keeps sending moves to a backend that serves", servicesUDP)
	b.part("the draining time: connections to what left are reset when it is over", servicesDraining)
	b.part("the draining time: the backend's end is reset, too", servicesCut)
	b.part("P-SVC-04: backends are called on their own number of a named port", servicesNamed)
	b.part("health checks: a server that dies leaves the rotation, and returns", servicesChecked)
	b.part("health checks by HTTP: what servers answer, properly or not", servicesCheckedByHTTP)
	b.part("labels and interfaces alone make backends", servicesReselected)
	b.part("P-POL-11, P-POL-12: policies judge the client and the backend", servicesJudged)
	b.part("sdnd restarts and sends nothing", servicesRestart)
	b.part("P-SVC-09, P-SVC-10, P-SVC-28: clients keep their backend", servicesAffine)
	b.part("a dead interface leaves the rotation with sdnd stopped", servicesHealed)
}

// servicesReached also tests hairpins: backends reach themselves by the service.
func servicesReached(t *testing.T, b *serviceBed) {
	for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
		c := b.hosts[name]
		for _, way := range addresses(c) {
			seen := map[string]bool{}
			want := 3
			if way[0] == "udp" {
				want = 1 // the hash of Open vSwitch's own datapath has no ports of UDP
			}
			for n := 0; n < 60 && len(seen) < want; n++ {
				who, saw, err := b.whoAnswers(c, way[0], way[1])
				if err != nil {
					t.Fatalf("%s to %s %s, try %d: %v", name, way[0], way[1], n+1, err)
				}
				seen[who] = true
				own := c.IP.Addr().String()
				if way[1][0] == '[' {
					own = c.IP6.Addr().String()
				}
				if who == name {
					own, _, _ = net.SplitHostPort(way[1])
				}
				if saw != own {
					t.Errorf("%s to %s %s: %s has seen %s, want %s", name, way[0], way[1], who, saw, own)
				}
			}
			if len(seen) < want {
				t.Errorf("%s to %s %s: reaches only %v", name, way[0], way[1], seen)
			}
		}
		if _, err := c.Reaches(b.ctx, netip.MustParseAddr(service4)); err != nil {
			t.Errorf("%s: ping of the service: %v", name, err)
		}
	}
}

// servicesSamePort: both connections live, whichever begins first.
func servicesSamePort(t *testing.T, b *serviceBed) {
	b.apply(serviceWeb("{endpoints: [{port: web2}]}"))
	defer b.apply(serviceWeb(allWeb))
	direct := netip.AddrPortFrom(b.hosts["web2"].IP.Addr(), 8080).String()
	direct6 := netip.AddrPortFrom(b.hosts["web2"].IP6.Addr(), 8080).String()
	for i, order := range [][2]string{{service4 + ":80", direct}, {direct, service4 + ":80"}, {"[" + service6 + "]:80", direct6}, {direct6, "[" + service6 + "]:80"}} {
		first, err := b.connect(b.hosts["near"], "tcp", order[0], 41000+i)
		b.must(err)
		defer first.Close()
		if _, _, err := ask(first); err != nil {
			t.Errorf("%v: the first: %v", order, err)
		}
		second, err := b.connect(b.hosts["near"], "tcp", order[1], 41000+i)
		if err != nil {
			t.Errorf("%v: the second: %v", order, err)
			continue
		}
		defer second.Close()
		for _, c := range []net.Conn{second, first, second} {
			if who, _, err := ask(c); err != nil || who != "web2" {
				t.Errorf("%v: both live: %q, %v", order, who, err)
			}
		}
	}
}

// servicesSpread: the distribution of 10,000 connections over three backends passes a
// chi-square test at 0.1 %. The endpoint flows count them.
func servicesSpread(t *testing.T, b *serviceBed) {
	const n = 10000
	count := func() (got []float64, sum float64) {
		b.revalidated()
		out, err := b.node("node1").OFCtl(b.ctx, "dump-flows", "br-int", "table=17,tcp")
		b.must(err)
		for _, name := range []string{"web1", "web2", "web3"} {
			ip := b.hosts[name].IP.Addr().As4()
			flow := regexp.MustCompile(fmt.Sprintf(`n_packets=(\d+),.*reg3=0x1f90,reg12=0x%x `, binary.BigEndian.Uint32(ip[:]))).FindStringSubmatch(out)
			if flow == nil {
				t.Fatalf("no flow for %s:\n%s", name, out)
			}
			packets, err := strconv.ParseFloat(flow[1], 64)
			b.must(err)
			got, sum = append(got, packets), sum+packets
		}
		return got, sum
	}
	before, had := count()
	const batch = 100 // the one that is answered behind them shows that the switch has taken them
	for range n / batch {
		b.must(b.hosts["near"].Inside(func() error { return begin(netip.MustParseAddrPort(service4+":80"), batch-1) }))
		_, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80")
		b.must(err)
	}
	var after []float64
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the connections to be counted", func(context.Context) (err error) {
		var sum float64
		if after, sum = count(); sum-had < 0.9*n { // a busy machine loses packets
			err = fmt.Errorf("%v of %d", sum-had, n)
		}
		return err
	}))
	sum, chi := chiSquare(before, after)
	if t.Logf("%v connections: %v, chi-square %.2f", sum, after, chi); chi > 13.8 { // 2 degrees of freedom
		t.Error("they are not spread evenly")
	}
	c, err := b.api.ServiceCounters(b.ctx, "web")
	b.must(err)
	if !c.Complete || len(c.Backends) != len(after) || len(c.Nodes) != 2 {
		t.Fatalf("counters: %+v", c)
	}
	for i, got := range c.Backends {
		if got.Connections < uint64(after[i]) {
			t.Errorf("%s got %d connections, want at least %v", got.Port, got.Connections, after[i])
		}
	}
}

// begin sends the first segments of n connections, and closes each at once.
func begin(to netip.AddrPort, n int) error {
	for range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		if errors.Is(err, syscall.EINPROGRESS) {
			err = nil
		}
		if err := errors.Join(err, syscall.Close(fd)); err != nil {
			return err
		}
	}
	return nil
}

// servicesOnly: other ports of a service's address are refused at once, by TCP and UDP of both
// families, and no packet for the address is sent to other nodes or delivered.
func servicesOnly(t *testing.T, b *serviceBed) {
	s := b.sniffUnderlay("node1")
	for _, way := range addresses(b.hosts["near"]) {
		host, _, err := net.SplitHostPort(way[1])
		b.must(err)
		if _, _, err := b.whoAnswers(b.hosts["near"], way[0], net.JoinHostPort(host, "81")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("port 81 of %s by %s: %v, want it refused", host, way[0], err)
		}
		if _, err := b.hosts["near"].Reaches(b.ctx, netip.MustParseAddr(host)); err != nil {
			t.Errorf("ping of %s: %v", host, err)
		}
	}
	for _, vip := range []string{service4, service6} {
		left := b.frames(s, func(f lab.Frame) bool {
			_, inner, tunnelled := f.VXLAN() // sdnd is asked by the underlay, too
			return tunnelled && bytes.Contains(inner.Data, netip.MustParseAddr(vip).AsSlice())
		})
		if len(left) > 0 {
			t.Errorf("%d packets of %s left the node", len(left), vip)
		}
	}
}

// servicesChange: without backends, with some, and with others: established connections are
// not moved, and new ones follow at once, also those of one socket that sends all the time.
func servicesChange(t *testing.T, b *serviceBed) {
	var live []net.Conn
	var who []string
	for range 12 {
		c, err := b.connect(b.hosts["near"], "tcp", service4+":80", 0)
		b.must(err)
		defer c.Close()
		w, _, err := ask(c)
		b.must(err)
		live, who = append(live, c), append(who, w)
	}
	goOn := func(when string) {
		t.Helper()
		for i, c := range live {
			if w, _, err := ask(c); err != nil || w != who[i] {
				t.Errorf("%s: a connection to %s: %q, %v", when, who[i], w, err)
			}
		}
	}
	b.apply(serviceWeb("{endpoints: [{port: web1, state: draining}, {port: web2}, {port: web3, state: draining}]}"))
	goOn("draining")
	b.revalidated()
	for range 5 {
		if w, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80"); err != nil || w != "web2" {
			t.Errorf("two of three are draining: %q, %v", w, err)
		}
	}
	b.apply(serviceWeb("{endpoints: [{port: web1, state: draining}, {port: web2, state: draining}, {port: web3, state: draining}]}"))
	b.refuses("all are draining")
	b.apply(serviceWeb("{}"))
	goOn("no backends")
	b.refuses("no backends")
	sender, err := b.connect(b.hosts["near"], "udp", service4+":53", 0)
	b.must(err)
	defer sender.Close()
	_, err = sender.Write([]byte("nobody\n"))
	b.must(err)
	changed := b.changes(func() { b.apply(serviceWeb("{endpoints: [{port: web3}]}")) }, "node1", "node2")
	// 2 protocols, 2 families: a group and a flow each, for UDP another flow, and the stamp.
	if changed["node1"] > 11 || changed["node2"] > 11 {
		t.Errorf("changes for one backend: %v", changed)
	}
	b.must(lab.PollFor(b.ctx, 10*time.Second, "the socket's packets to arrive", func(context.Context) error {
		w, _, err := ask(sender)
		if err == nil && w != "web3" {
			err = fmt.Errorf("%s answers", w)
		}
		return err
	}))
	b.apply(serviceWeb(allWeb))
	goOn("all again")
}

// servicesNamed: backends whose releases listen on different ports serve one service by the
// name of the port.
func servicesNamed(t *testing.T, b *serviceBed) {
	named := strings.Replace(serviceWeb("{endpoints: [{port: web1}, {port: web2}]}"), "targetPort: 8080", "targetPort: http", 1)
	b.sdnctl("port", "set", "web1", "--named-port", "http=tcp/8080", "--wait")
	b.sdnctl("port", "set", "web2", "--named-port", "http=tcp/8087", "--wait")
	l, err := b.hosts["web2"].Listen("tcp", ":8087")
	b.must(err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerLines(conn, "web2 on 8087")
		}
	}()
	b.apply(named)
	b.revalidated()
	seen := map[string]bool{}
	for n := 0; n < 60 && len(seen) < 2; n++ {
		who, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80")
		b.must(err)
		seen[who] = true
	}
	if !seen["web1"] || !seen["web2"] {
		t.Errorf("only %v answer", seen)
	}
	b.sdnctl("port", "set", "web1", "--named-port", "http=udp/8080", "--wait")
	b.revalidated()
	for range 8 {
		if who, saw, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80"); err != nil || who != "web2" || !strings.HasPrefix(saw, "on 8087") {
			t.Errorf("only web2 has the name: %q, %q, %v", who, saw, err)
		}
	}
	b.apply(serviceWeb(allWeb))
	b.revalidated()
}

// refuses fails the test unless the service refuses everybody at once, whatever they ask.
func (b *serviceBed) refuses(when string) {
	b.t.Helper()
	b.revalidated()
	for name, c := range b.hosts {
		for _, way := range addresses(c) {
			if _, _, err := b.whoAnswers(c, way[0], way[1]); !errors.Is(err, syscall.ECONNREFUSED) {
				b.t.Errorf("%s: %s asks %s %s: %v, want that it is refused", when, name, way[0], way[1], err)
			}
		}
	}
}

// servicesReselected: a port becomes a backend by its labels alone, for clients of all nodes,
// and stops being one on other nodes when its interface is gone. Without backends the service
// says so.
func servicesReselected(t *testing.T, b *serviceBed) {
	for _, port := range []string{"web2", "web3"} {
		b.sdnctl("port", "set", port, "--label", "app=other", "--wait")
	}
	answers := func(client, want string) {
		t.Helper()
		b.revalidated()
		for range 8 {
			if who, _, err := b.whoAnswers(b.hosts[client], "tcp", service4+":80"); err != nil || who != want {
				t.Fatalf("%s: %q, %v, want %s", client, who, err, want)
			}
		}
	}
	answers("near", "web1")
	answers("far", "web1")
	b.sdnctl("port", "set", "web1", "--label", "app=other", "--wait")
	const none = "service/web: NoBackends (error, since "
	if out := b.sdnctl("status"); !strings.Contains(out, none) {
		t.Errorf("status without %q:\n%s", none, out)
	}
	b.refused("status", "--exit-code")
	b.sdnctl("port", "set", "web2", "--label", "app=web", "--wait")
	answers("near", "web2")
	answers("far", "web2")
	web2 := b.hosts["web2"]
	_, err := b.node("node2").VSCtl(b.ctx, "remove", "interface", web2.Interface, "external_ids", "iface-id")
	b.must(err)
	b.sdnctl("port", "set", "web1", "--label", "app=web", "--wait")
	b.must(lab.PollFor(b.ctx, 10*time.Second, "web2 to be not bound", func(ctx context.Context) error {
		p, err := b.api.Port(ctx, "web2")
		if err == nil && p.Status.Bound {
			err = errors.New("bound")
		}
		return err
	}))
	b.settle()
	answers("near", "web1")
	answers("far", "web1")
	_, err = b.node("node2").VSCtl(b.ctx, "set", "interface", web2.Interface, "external_ids:iface-id=web2")
	b.must(err)
	b.sdnctl("wait", "--for", "bound", "port/web2")
	b.sdnctl("port", "set", "web3", "--label", "app=web", "--wait")
	b.sdnctl("wait", "--for", "ready", "service/web")
}

// servicesJudged: a policy for the backends sees the client, whatever address it used; one
// for the client sees the backend. So rules have the backend's port and address; those
// of the service match nothing. What a backend sends itself by the service is not judged.
func servicesJudged(t *testing.T, b *serviceBed) {
	reach := func(client, way string, want bool) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 10*time.Second, client+" and the policy", func(context.Context) error {
			_, _, err := b.whoAnswers(b.hosts[client], "tcp", way)
			if (err == nil) != want {
				return fmt.Errorf("%s reaches %s: %v, want %t", client, way, err, want)
			}
			return nil
		}))
	}
	b.apply(`{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{selector: {matchLabels: {app: client}}}], ports: [tcp/8080]}]}}`)
	for range 4 {
		reach("far", service4+":80", true)
	}
	reach("near", service4+":80", false)
	reach("pod", "["+service6+"]:80", false)
	reach("far", b.hosts["web1"].IP.Addr().String()+":8080", true)
	b.apply(`{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{ports: [tcp/80]}]}}`)
	reach("far", service4+":80", false)
	b.apply(`{kind: Policy, name: web, spec: {subject: {selector: {matchLabels: {app: web}}}, isolates: [ingress, egress]}}`)
	b.apply(serviceWeb("{endpoints: [{port: web1}]}"))
	reach("web1", service4+":80", true)
	reach("web1", "["+service6+"]:80", true)
	reach("near", service4+":80", false)
	b.apply(serviceWeb("{endpoints: [{port: web2}]}"))
	reach("web1", service4+":80", false)
	b.apply(serviceWeb(allWeb))
	b.sdnctl("delete", "policy", "web")
	b.apply(`{kind: Policy, name: out, spec: {subject: {networks: [pods]}, egress: [{peers: [{cidr: ` + service4 + `/32}], ports: [tcp]}]}}`)
	reach("pod", service4+":80", false)
	b.apply(`{kind: Policy, name: out, spec: {subject: {networks: [pods]}, egress: [{peers: [{selector: {matchLabels: {app: web}}}], ports: [tcp/8080]}]}}`)
	for range 4 {
		reach("pod", service4+":80", true)
		reach("pod", "["+service6+"]:80", true)
	}
	if _, _, err := b.whoAnswers(b.hosts["pod"], "udp", service4+":53"); err == nil {
		t.Error("the client sends what its policy denies")
	}
	reach("near", service4+":80", true)
	b.sdnctl("delete", "policy", "out")
}

func servicesRestart(t *testing.T, b *serviceBed) {
	c, err := b.connect(b.hosts["near"], "tcp", service4+":80", 0)
	b.must(err)
	defer c.Close()
	first, _, err := ask(c)
	b.must(err)
	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if sent["node1"]+sent["node2"] != 0 {
		t.Errorf("changes sent: %v, want none", sent)
	}
	if who, _, err := ask(c); err != nil || who != first {
		t.Errorf("%q, %v", who, err)
	}
	b.verify()
}

// servicesHealed: the switch itself stops using a backend on its node.
func servicesHealed(t *testing.T, b *serviceBed) {
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	_, err := b.hosts["web1"].Exec(b.ctx, "ip", "link", "set", "eth0", "down")
	b.must(err)
	time.Sleep(300 * time.Millisecond) // the time within which the switch must stop using it
	for range 20 {
		who, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80")
		if err != nil || who == "web1" {
			t.Errorf("300 ms after its interface has gone down: %q, %v", who, err)
		}
	}
	_, err = b.hosts["web1"].Exec(b.ctx, "ip", "link", "set", "eth0", "up")
	b.must(err)
	b.must(b.Controller.Start(b.ctx))
	b.settle()
}
