package integration

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// servicesMany: 10,000 connections are spread evenly over 24, 100 and 600 backends, of which
// the last are in several groups. One backend less changes one of these, and the flow of the
// backend.
func servicesMany(t *testing.T, b *serviceBed) {
	const most = 600
	var objects strings.Builder
	objects.WriteString("{kind: Network, name: farm, spec: {mode: segmented, containersPerNode: 700, maxNodes: 10, cidr: 10.32.0.0/16}}\n---\n" +
		"{kind: Router, name: r, spec: {networks: [blue, red, pods, farm]}}\n")
	names := make([]string, most)
	var plug, unplug []string
	for i := range names {
		names[i] = fmt.Sprintf("m%03d", i)
		fmt.Fprintf(&objects, "---\n{kind: Port, name: %s, spec: {network: farm, node: node2}}\n", names[i])
		plug = append(plug, "--", "add-port", "br-int", names[i], "--", "set", "interface", names[i], "type=internal", "external_ids:iface-id="+names[i])
		unplug = append(unplug, "--", "del-port", "br-int", names[i])
	}
	b.apply(objects.String())
	_, err := b.node("node2").VSCtl(b.ctx, plug...)
	b.must(err)
	_, err = b.node("node2").Exec(b.ctx, "sh", "-c", "for i in /sys/class/net/m[0-9][0-9][0-9]; do ip link set ${i##*/} up; done")
	b.must(err)
	b.bound(names...)
	var services []string
	defer func() {
		b.sdnctl(append([]string{"delete", "service"}, services...)...)
		b.sdnctl(append([]string{"delete", "port"}, names...)...)
		_, err := b.node("node2").VSCtl(b.ctx, unplug...)
		b.must(err)
		b.apply("{kind: Router, name: r, spec: {networks: [blue, red, pods]}}")
		b.sdnctl("delete", "network", "farm")
		b.settle()
	}()
	for i, n := range []int{24, 100, most} {
		service, address := fmt.Sprintf("farm%d", n), netip.AddrFrom4([4]byte{10, 96, 1, byte(i)})
		b.apply(farm(service, address, names[:n]))
		services = append(services, service)
		b.settle()
		b.spread(t, service, netip.AddrPortFrom(address, 80), n)
	}
	changed := b.changes(func() { b.apply(farm("farm600", netip.AddrFrom4([4]byte{10, 96, 1, 2}), names[:most-1])) }, "node1", "node2")
	// The group of a part, that which chooses the part, the backend's flow, and the stamp.
	if changed["node1"] > 4 || changed["node2"] > 4 {
		t.Errorf("changes for one backend less: %v", changed)
	}
}

// farm is a service with backends.
func farm(name string, address netip.Addr, backends []string) string {
	var endpoints []string
	for _, p := range backends {
		endpoints = append(endpoints, "{port: "+p+"}")
	}
	return fmt.Sprintf("{kind: Service, name: %s, spec: {addresses: [%v], routers: [r], ports: [{port: 80}], backends: {endpoints: [%s]}}}\n", name, address, strings.Join(endpoints, ", "))
}

// spread fails the test unless 10,000 connections, each from a port of its own, pass a
// chi-square test at 0.1 %.
func (b *serviceBed) spread(t *testing.T, service string, to netip.AddrPort, backends int) {
	const n, batch, firstPort = 10000, 100, 20000
	count := func() (got []float64, sum float64, err error) {
		c, err := b.api.ServiceCounters(b.ctx, service)
		if err == nil && (!c.Complete || len(c.Backends) != backends) {
			err = fmt.Errorf("%s: counters of %d backends, complete: %t", service, len(c.Backends), c.Complete)
		}
		for _, x := range c.Backends {
			got, sum = append(got, float64(x.Connections)), sum+float64(x.Connections)
		}
		return got, sum, err
	}
	var before []float64
	var had float64
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the counters", func(context.Context) (err error) {
		before, had, err = count()
		return err
	}))
	near := b.hosts["near"]
	for i := range n / batch {
		b.must(near.Inside(func() error { return beginFrom(near.IP.Addr(), firstPort+i*batch, to, batch) }))
		// One that is answered shows that the switch has taken what was sent before.
		b.must(lab.PollFor(b.ctx, 30*time.Second, "a connection to be answered behind the others", func(context.Context) error {
			began := time.Now()
			_, _, err := b.whoAnswers(near, "tcp", service4+":80")
			if err != nil {
				t.Logf("%s: after %d connections one was not answered within %v: %v", service, (i+1)*batch, time.Since(began), err)
			}
			return err
		}))
	}
	var after []float64
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the connections to be counted", func(context.Context) error {
		got, sum, err := count()
		if err == nil && sum-had < 0.9*n { // a busy machine loses packets
			err = fmt.Errorf("%v of %d", sum-had, n)
		}
		after = got
		return err
	}))
	sum, chi := chiSquare(before, after)
	t.Logf("%d backends: %v connections, %v to %v each, chi-square %.1f", backends, sum, slices.Min(after), slices.Max(after), chi)
	if limit := chiSquareLimit(float64(backends - 1)); chi > limit {
		t.Errorf("%d backends: chi-square %.1f, want at most %.1f", backends, chi, limit)
	}
}

// chiSquare returns by how much counters have grown in all, and how far from evenly. It leaves in after by how
// much each has.
func chiSquare(before, after []float64) (sum, chi float64) {
	for i := range after {
		after[i] -= before[i]
		sum += after[i]
	}
	for _, got := range after {
		want := sum / float64(len(after))
		chi += (got - want) * (got - want) / want
	}
	return sum, chi
}

// chiSquareLimit is what chi-square exceeds by chance in one of a thousand tests, by the
// approximation of Wilson and Hilferty.
func chiSquareLimit(freedom float64) float64 {
	return freedom * math.Pow(1-2/(9*freedom)+3.09*math.Sqrt(2/(9*freedom)), 3)
}

// beginFrom sends the first segments of n connections, each from the next port, and closes
// each at once.
func beginFrom(from netip.Addr, port int, to netip.AddrPort, n int) error {
	for i := range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		err = errors.Join(
			syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
			syscall.Bind(fd, &syscall.SockaddrInet4{Port: port + i, Addr: from.As4()}),
		)
		if err == nil {
			err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
		}
		if errors.Is(err, syscall.EINPROGRESS) {
			err = nil
		}
		if err := errors.Join(err, syscall.Close(fd)); err != nil {
			return err
		}
	}
	return nil
}

// servicesLocal: with the traffic policy Local each client reaches the backends on its own
// node only, by TCP and UDP of both families, and is refused where there are none. The
// service says on which nodes that is so.
func servicesLocal(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	local := strings.Replace(serviceWeb(allWeb), "routers: [r]", "internalTrafficPolicy: Local, routers: [r]", 1)
	sender, err := b.connect(b.hosts["near"], "udp", service4+":53", 0)
	b.must(err)
	defer sender.Close()
	_, _, err = ask(sender)
	b.must(err)
	b.apply(local)
	b.revalidated()
	b.must(sender.SetDeadline(time.Time{}))
	if err := b.moves(sender, "web1"); err != nil {
		t.Errorf("a socket of UDP that had any backend: %v", err)
	}
	here := map[string][]string{"near": {"web1"}, "pod": {"web1"}, "far": {"web2", "web3"}}
	for name, want := range here {
		for _, way := range addresses(b.hosts[name]) {
			for range 8 {
				if who, _, err := b.whoAnswers(b.hosts[name], way[0], way[1]); err != nil || !slices.Contains(want, who) {
					t.Errorf("%s to %s %s: %q, %v, want one of %v", name, way[0], way[1], who, err, want)
				}
			}
		}
	}
	b.sdnctl("port", "set", "web1", "--label", "app=other", "--wait")
	b.revalidated()
	for _, way := range addresses(b.hosts["near"]) {
		if _, _, err := b.whoAnswers(b.hosts["near"], way[0], way[1]); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("node1 has no backend: near to %s %s: %v, want that it is refused", way[0], way[1], err)
		}
	}
	if out := b.sdnctl("status"); !strings.Contains(out, "service/web: NoLocalBackends (warning") || !strings.Contains(out, "ports on node1 have no backend") {
		t.Errorf("status:\n%s", out)
	}
	b.sdnctl("port", "set", "web1", "--label", "app=web", "--wait")
}
