package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// groupPort is the port of multicast DNS (RFC 6762, 3).
const groupPort = 5353

// listener is a container that has joined the groups of multicast DNS, and takes broadcasts.
type listener struct {
	*lab.Container
	mu  sync.Mutex
	got map[string]int // by text: how often it came
}

// on has a socket send by, and take from, the container's interface only.
func on(_, _ string, c syscall.RawConn) (err error) {
	fault := c.Control(func(fd uintptr) { err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "eth0") })
	return errors.Join(fault, err)
}

// listen begins to count what comes to a container by the groups and by broadcast, until the test ends.
func (b *bed) listen(c *lab.Container) *listener {
	b.t.Helper()
	l := &listener{Container: c, got: map[string]int{}}
	var open []net.PacketConn
	b.must(c.Inside(func() error {
		nic, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		v4, err := net.ListenMulticastUDP("udp4", nic, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: groupPort})
		if err != nil {
			return err
		}
		open = append(open, v4)
		v6, err := net.ListenMulticastUDP("udp6", nic, &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: groupPort})
		if err != nil {
			return err
		}
		open = append(open, v6)
		all, err := net.ListenPacket("udp4", ":5000")
		open = append(open, all)
		return err
	}))
	for _, conn := range open {
		go l.take(conn)
		b.t.Cleanup(func() { _ = conn.Close() }) // ends take
	}
	return l
}

// take counts what comes by a socket until that is closed.
func (l *listener) take(conn net.PacketConn) {
	buf := make([]byte, 2000)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.got[string(buf[:n])]++
		l.mu.Unlock()
	}
}

// says has a container send a text to a group or the broadcast address.
func (b *bed) says(c *lab.Container, to, text string) {
	b.t.Helper()
	b.must(c.Inside(func() error {
		conn, err := (&net.Dialer{Control: on}).DialContext(b.ctx, "udp", to)
		if err != nil {
			return err
		}
		_, err = conn.Write([]byte(text))
		return errors.Join(err, conn.Close())
	}))
}

// reaches sends texts to an address until one has come to all of some, who get each of them once, and
// nobody else gets any.
func (b *bed) reaches(from *lab.Container, to string, all []*listener, some ...*listener) {
	b.t.Helper()
	n, began := 0, time.Now()
	text := func(i int) string { return fmt.Sprintf("%s to %s, %v, %d", from.Name, to, began, i) }
	has := func(l *listener) (times []int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := range n {
			times = append(times, l.got[text(i)])
		}
		return times
	}
	err := lab.PollFor(b.ctx, 20*time.Second, to, func(context.Context) error {
		b.says(from, to, text(n))
		n++
		for _, l := range some {
			if !slices.Contains(has(l), 1) {
				return fmt.Errorf("%s has got %v of %d", l.Name, has(l), n)
			}
		}
		return nil
	})
	if err != nil {
		b.t.Errorf("%s from %s: %v", to, from.Name, err)
	}
	b.revalidated() // longer than any packet is on its way
	for _, l := range all {
		for i, times := range has(l) {
			// The sender's own kernel gives it a copy.
			if times > 1 || times > 0 && !slices.Contains(some, l) && l.Container != from {
				b.t.Errorf("%s got %q %d times", l.Name, text(i), times)
			}
		}
	}
}

// TestFloodedMulticast: a network with multicast carries packets to groups and to the broadcast
// address to all other ports of its layer-2 domain, each once, by both families: over nodes where it
// is stretched, on the node where it is in blocks; to ports that policies judge only what these allow.
// Two hosts find each other by multicast DNS, and one leases its address from a server that is a port.
func TestFloodedMulticast(t *testing.T) {
	t.Parallel()
	needs(t, "busybox")
	b := newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], multicast: flood}}
---
{kind: Network, name: quiet, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, subnets: [{cidr: 10.244.0.0/16}, {cidr: "fd00:244::/64"}], containersPerNode: 20, maxNodes: 10, multicast: flood}}
---
{kind: Router, name: r, spec: {networks: [blue, quiet, pods]}}
---
{kind: Service, name: s, spec: {addresses: [10.96.0.10], networks: [blue], ports: [{port: 80}], backends: {selector: {matchLabels: {app: none}}}}}
---
{kind: Policy, name: closed, spec: {subject: {selector: {matchLabels: {app: closed}}}, isolates: [ingress]}}
---
{kind: Policy, name: open, spec: {subject: {selector: {matchLabels: {app: open}}}, ingress: [{action: allow, peers: [{selector: {matchLabels: {app: web}}}]}]}}
---
{kind: Port, name: web, labels: {app: web}, spec: {network: blue, node: node1}}
---
{kind: Port, name: db, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: open, labels: {app: open}, spec: {network: blue, node: node2}}
---
{kind: Port, name: closed, labels: {app: closed}, spec: {network: blue, node: node2}}
---
{kind: Port, name: shut, labels: {app: closed}, spec: {network: blue, node: node1}}
---
{kind: Port, name: still, spec: {network: quiet, node: node1}}
---
{kind: Port, name: still2, spec: {network: quiet, node: node1}}
---
{kind: Port, name: job, spec: {network: pods, node: node1}}
---
{kind: Port, name: job2, spec: {network: pods, node: node1}}
---
{kind: Port, name: job3, spec: {network: pods, node: node2}}
`)
	at := map[string]string{"web": "node1", "db": "node1", "far": "node2", "open": "node2", "closed": "node2", "shut": "node1", "still": "node1", "still2": "node1", "job": "node1", "job2": "node1", "job3": "node2"}
	who := map[string]*listener{}
	for _, name := range slices.Sorted(maps.Keys(at)) {
		who[name] = b.listen(b.plug(name, at[name]))
	}
	b.bound(slices.Sorted(maps.Keys(at))...)
	b.revalidated()
	everyone := slices.Collect(maps.Values(who))
	to := []string{"224.0.0.251:5353", "[ff02::fb]:5353", "255.255.255.255:5000"}
	b.run("stretched", func(t *testing.T, b *bed) {
		for _, to := range append(to, "10.7.0.255:5000") {
			b.reaches(who["web"].Container, to, everyone, who["db"], who["far"], who["open"])
			b.reaches(who["far"].Container, to, everyone, who["web"], who["db"])
		}
	})
	b.run("segmented", func(t *testing.T, b *bed) {
		for _, to := range to {
			b.reaches(who["job"].Container, to, everyone, who["job2"])
		}
	})
	b.run("off", func(t *testing.T, b *bed) {
		for _, to := range to {
			b.reaches(who["still"].Container, to, everyone)
		}
	})
	b.run("neighbours", func(t *testing.T, b *bed) {
		for _, to := range []netip.Addr{who["far"].IP.Addr(), who["far"].IP6.Addr()} {
			b.must(who["web"].ForgetNeighbours(b.ctx))
			b.must(lab.PollFor(b.ctx, 20*time.Second, to.String(), func(context.Context) error {
				_, err := who["web"].Reaches(b.ctx, to)
				return err
			}))
		}
	})
	b.run("multicast DNS", func(t *testing.T, b *bed) { b.findByMulticastDNS(who["web"].Container, who["far"].Container) })
	b.run("a server of DHCP", func(t *testing.T, b *bed) { b.leaseFrom(who["far"].Container, "node3") })
	b.run("comes and goes", func(t *testing.T, b *bed) {
		b.apply("{kind: Port, name: late, spec: {network: blue, node: node3}}")
		late := b.listen(b.plug("late", "node3"))
		b.bound("late")
		b.reaches(who["web"].Container, to[0], append(everyone, late), who["db"], who["far"], who["open"], late)
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.reaches(late.Container, to[1], append(everyone, late), who["web"], who["db"], who["far"])
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		if n := b.flowMods(); n != 0 {
			t.Errorf("a restart sent %d flow-mods", n)
		}
		b.sdnctl("network", "set", "blue", "--multicast", "off", "--wait")
		b.revalidated()
		b.reaches(who["web"].Container, to[0], append(everyone, late))
	})
	b.verify()
}

// findByMulticastDNS has one host ask for a name, which the other one answers to all (RFC 6762, 6).
func (b *bed) findByMulticastDNS(asker, host *lab.Container) {
	b.t.Helper()
	open := func(c *lab.Container) (conn *net.UDPConn) {
		b.must(c.Inside(func() error {
			nic, err := net.InterfaceByName("eth0")
			if err == nil {
				conn, err = net.ListenMulticastUDP("udp4", nic, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: groupPort})
			}
			return err
		}))
		return conn
	}
	hosts, askers := open(host), open(asker)
	defer askers.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 2000)
		for {
			n, _, err := hosts.ReadFrom(buf)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buf[:n]) != nil || q.Response || len(q.Question) != 1 || q.Question[0].Name != "host.local." {
				continue
			}
			m := new(dns.Msg)
			m.Response, m.Authoritative = true, true
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "host.local.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 120}, A: net.IP(host.IP.Addr().AsSlice())}}
			if text, err := m.Pack(); err == nil {
				b.says(host, "224.0.0.251:5353", string(text))
			}
		}
	}()
	defer func() { _ = hosts.Close(); <-ended }()
	q, err := new(dns.Msg).SetQuestion("host.local.", dns.TypeA).Pack()
	b.must(err)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "an answer by multicast", func(context.Context) error {
		b.says(asker, "224.0.0.251:5353", string(q))
		if err := askers.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		buf := make([]byte, 2000)
		for {
			n, _, err := askers.ReadFrom(buf)
			if err != nil {
				return err
			}
			m := new(dns.Msg)
			if m.Unpack(buf[:n]) == nil && m.Response && len(m.Answer) == 1 {
				if got, _ := netip.AddrFromSlice(m.Answer[0].(*dns.A).A.To4()); got != host.IP.Addr() {
					return fmt.Errorf("%s", m)
				}
				return nil
			}
		}
	}))
}

// leaseFrom has a real client lease the address of its port from a real server, which is another port.
func (b *bed) leaseFrom(server *lab.Container, node string) {
	b.t.Helper()
	b.apply("{kind: Port, name: client, spec: {network: blue, node: " + node + "}}")
	d := b.plugBare("client", node)
	p, err := b.api.Port(b.ctx, "client")
	b.must(err)
	conf := filepath.Join(d.dir, "udhcpd.conf")
	b.must(os.WriteFile(conf, []byte(strings.Join([]string{
		"interface eth0", "start " + p.Status.IP, "end " + p.Status.IP, "max_leases 1", "option subnet 255.255.255.0", "option domain served.example",
		"lease_file " + d.dir + "/leases", "pidfile " + d.dir + "/pid", "",
	}, "\n")), 0o600))
	b.must(os.WriteFile(d.dir+"/leases", nil, 0o600))
	s := &dhcpClient{b: b, c: server}
	s.start("busybox", "udhcpd", "-f", conf)
	d.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", d.script, "-T", "1")
	d.await("bound ip="+p.Status.IP, "domain=served.example")
}
