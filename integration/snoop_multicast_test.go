package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// member is a program in a container that has joined a group by a socket of the kernel.
type member struct {
	c    *lab.Container
	conn *net.UDPConn
	got  atomic.Int64
	done chan struct{}
	// missed is how many numbered texts did not come between the first and the last that came; only the
	// goroutine writes it before done is closed.
	first, last, missed int
}

// streamPort is the port of streams to groups.
const streamPort = 7000

// joins has a container join a group until leave or the end of the test.
func (b *bed) joins(c *lab.Container, group string) *member {
	b.t.Helper()
	m := &member{c: c, done: make(chan struct{}), first: -1, last: -1}
	network := "udp4"
	if strings.Contains(group, ":") {
		network = "udp6"
	}
	b.must(c.Inside(func() error {
		nic, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		m.conn, err = net.ListenMulticastUDP(network, nic, &net.UDPAddr{IP: net.ParseIP(group), Port: streamPort})
		return err
	}))
	go m.take()
	b.t.Cleanup(m.leave)
	return m
}

func (m *member) take() {
	defer close(m.done)
	buf := make([]byte, 2000)
	for {
		n, _, err := m.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		m.got.Add(1)
		var number int
		if _, err := fmt.Sscanf(string(buf[:n]), "number %d", &number); err != nil {
			continue
		}
		if m.first < 0 {
			m.first = number
		} else if number > m.last+1 {
			m.missed += number - m.last - 1
		}
		m.last = max(m.last, number)
	}
}

// leave has the container leave, as a program does that ends.
func (m *member) leave() {
	_ = m.conn.Close()
	<-m.done
}

// gets waits until something has come to members since they were asked.
func (b *bed) gets(all ...*member) {
	b.t.Helper()
	for _, m := range all {
		had := m.got.Load()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the stream at "+m.c.Name, func(context.Context) error {
			if m.got.Load() == had {
				return errors.New("nothing comes")
			}
			return nil
		}))
	}
}

// stream has a container send numbered texts to a group, one in 2 ms, until stop is called, which
// returns how many it has sent.
func (b *bed) stream(c *lab.Container, group string) (stop func() int) {
	b.t.Helper()
	return b.streams(c, group, 2*time.Millisecond)
}

func (b *bed) streams(c *lab.Container, group string, every time.Duration) (stop func() int) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	sent := make(chan int, 1)
	var conn net.Conn
	b.must(c.Inside(func() (err error) {
		conn, err = (&net.Dialer{Control: on}).DialContext(b.ctx, "udp", net.JoinHostPort(group, fmt.Sprint(streamPort)))
		return err
	}))
	go func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				_ = conn.Close()
				sent <- i
				return
			case <-t.C:
				_, _ = fmt.Fprintf(conn, "number %d", i)
			}
		}
	}()
	stop = sync.OnceValue(func() int { cancel(); return <-sent })
	b.t.Cleanup(func() { stop() })
	return stop
}

// memberList is what 'sdnctl multicast' shows, with one space between columns.
func (b *bed) memberList(network string) string {
	b.t.Helper()
	var lines []string
	for line := range strings.Lines(b.sdnctl("multicast", network)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// hasMembers waits until a group has exactly these members in a network; "" is no group.
func (b *bed) hasMembers(network, group, members string) {
	b.t.Helper()
	if err := lab.PollFor(b.ctx, 20*time.Second, "members of "+group, func(context.Context) error {
		all := b.memberList(network)
		for line := range strings.Lines(all) {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), group+" "); ok {
				if _, ports, _ := strings.Cut(rest, " "); ports == members {
					return nil
				}
				return errors.New(line)
			}
		}
		if members == "" {
			return nil
		}
		return fmt.Errorf("none in %q", all)
	}); err != nil {
		b.t.Fatalf("%v; hosts reported:\n%s", err, b.sdnctl("answers", "--cause", "group-report"))
	}
}

// noMembers waits until the programs of tests that have ended have left their groups.
func (b *bed) noMembers(network string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "no members", func(context.Context) error {
		if all := b.memberList(network); strings.Contains(all, "239.") || strings.Contains(all, "ff15:") {
			return errors.New(all)
		}
		return nil
	}))
}

// silent checks that no stream comes to containers while a member gets one.
func (b *bed) silent(while *member, all ...*lab.Container) {
	b.t.Helper()
	b.revalidated()
	var sniffers []*lab.Sniffer
	for _, c := range all {
		sniffers = append(sniffers, b.sniff(c))
	}
	for range 3 {
		b.gets(while)
	}
	for i, s := range sniffers {
		if n := len(b.frames(s, streamed)); n > 0 {
			b.t.Errorf("%s got %d packets of what it has not joined", all[i].Name, n)
		}
	}
}

// streamed keeps frames of streams that the container received.
func streamed(f lab.Frame) bool { return !f.Sent && strings.Contains(string(f.Data), "number ") }

// snoopBed is three nodes with a network of both families that snoops.
func snoopBed(t *testing.T) (b *bed, plug func(port, node string) *lab.Container) {
	b = newBed(t, 3)
	b.join("node1", "node2", "node3")
	b.apply(nodes(3) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], multicast: snoop}}
---
{kind: Network, name: alone, spec: {subnets: [{cidr: 10.8.0.0/24}], multicast: snoop}}
---
{kind: Network, name: six, spec: {subnets: [{cidr: "fd00:9::/64"}], multicast: snoop}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Policy, name: closed, spec: {subject: {selector: {matchLabels: {app: closed}}}, isolates: [ingress]}}
---
{kind: Port, name: web, spec: {network: blue, node: node1}}
---
{kind: Port, name: db, spec: {network: blue, node: node1}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: shut, labels: {app: closed}, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: other, spec: {network: blue, node: node2}}
---
{kind: Port, name: third, spec: {network: blue, node: node3}}
---
{kind: Port, name: vm, spec: {network: blue, node: node1, portSecurity: off}}
---
{kind: Port, name: lone, spec: {network: alone, node: node1}}
---
{kind: Port, name: sixth, spec: {network: six, node: node1}}
`)
	return b, func(port, node string) *lab.Container {
		c := b.plug(port, node)
		b.bound(port)
		return c
	}
}

// TestSnoopedMulticast: in a network that snoops, ports get what is sent to groups that they have
// joined, by both families and over nodes, and no other ports do; what hosts need not join goes to all;
// policies judge the copies; and a restart of sdnd neither sends anything nor interrupts a stream.
func TestSnoopedMulticast(t *testing.T) {
	t.Parallel()
	b, plug := snoopBed(t)
	web, db, near, shut := plug("web", "node1"), plug("db", "node1"), plug("near", "node1"), plug("shut", "node1")
	far, other, third := plug("far", "node2"), plug("other", "node2"), plug("third", "node3")
	b.run("members only", func(t *testing.T, b *bed) {
		for _, group := range []string{"239.1.2.3", "ff15::7"} {
			b.stream(web, group)
			b.joins(shut, group)
			first, second := b.joins(db, group), b.joins(far, group)
			b.gets(first, second)
			b.hasMembers("blue", group, "db (node1), shut (node1), far (node2)")
			b.joins(near, "239.9.9.9")
			b.silent(second, near, other, third, shut)
			first.leave()
			b.hasMembers("blue", group, "shut (node1), far (node2)")
			b.gets(second)
			second.leave()
			b.hasMembers("blue", group, "shut (node1)")
		}
	})
	b.run("copies go where members are", func(t *testing.T, b *bed) {
		b.stream(web, "239.1.2.3")
		m := b.joins(far, "239.1.2.3")
		b.gets(m)
		b.revalidated()
		to2, to3 := b.sniffUnderlay("node2"), b.sniffUnderlay("node3")
		near := b.joins(near, "239.1.2.3")
		b.gets(m, near)
		holds := func(f lab.Frame) bool { return strings.Contains(string(f.Data), "number ") }
		if n := len(b.frames(to2, holds)); n == 0 {
			t.Error("node2 gets no copy")
		}
		if n := len(b.frames(to3, holds)); n != 0 {
			t.Errorf("node3, which has no member, gets %d copies", n)
		}
	})
	b.run("first packet", func(t *testing.T, b *bed) {
		// From the report on the wire, which a kernel sends some milliseconds after a program has joined,
		// to the first packet, of a stream that switches have dropped until then.
		for _, c := range []*lab.Container{db, far} {
			var took []time.Duration
			s := b.sniff(c)
			for i := range 20 {
				group := netip.AddrFrom4([4]byte{239, 4, 0, byte(i)})
				stop := b.streams(web, group.String(), 200*time.Microsecond)
				b.revalidated()
				m := b.joins(c, group.String())
				b.gets(m)
				stop()
				m.leave()
				var report, first time.Time
				for _, f := range b.frames(s, func(lab.Frame) bool { return true }) {
					switch {
					case isIGMP(f) && f.Sent && strings.Contains(string(f.Data[34:]), string(group.AsSlice())) && report.IsZero():
						report = f.At
					case streamed(f) && slices.Equal(f.Data[30:34], group.AsSlice()) && first.IsZero():
						first = f.At
					}
				}
				if report.IsZero() || first.Before(report) {
					t.Fatalf("the report at %v, the first packet at %v", report, first)
				}
				took = append(took, first.Sub(report))
			}
			slices.Sort(took)
			t.Logf("%s: first packet after the report: median %v, greatest %v of %d", c.Name, took[len(took)/2], took[len(took)-1], len(took))
		}
	})
	b.run("policies", func(t *testing.T, b *bed) {
		b.stream(web, "239.1.2.4")
		b.joins(shut, "239.1.2.4")
		m := b.joins(db, "239.1.2.4")
		b.gets(m)
		b.hasMembers("blue", "239.1.2.4", "db (node1), shut (node1)")
		b.silent(m, shut)
	})
	b.run("what all get", func(t *testing.T, b *bed) {
		var all, others []*listener
		for _, c := range []*lab.Container{db, near, far, other, third} {
			all = append(all, b.listen(c))
		}
		others = append(others, all...)
		for _, to := range []string{"224.0.0.251:5353", "[ff02::fb]:5353", "255.255.255.255:5000", "10.7.0.255:5000"} {
			b.reaches(web, to, all, others...)
		}
	})
	b.run("restart", func(t *testing.T, b *bed) {
		var members []*member
		for _, group := range []string{"239.1.2.5", "ff15::8"} {
			b.stream(web, group)
			members = append(members, b.joins(db, group), b.joins(far, group), b.joins(third, group))
			b.gets(members...)
			b.hasMembers("blue", group, "db (node1), far (node2), third (node3)")
		}
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			b.revalidated() // and saved
			b.must(b.Controller.Stop(b.ctx, sig))
			b.gets(members...)
			b.must(b.Controller.Start(b.ctx))
			b.settle()
			if n := b.flowMods(); n != 0 {
				t.Errorf("a restart after %v sent %d flow-mods", sig, n)
			}
			b.gets(members...)
			for _, group := range []string{"239.1.2.5", "ff15::8"} {
				b.hasMembers("blue", group, "db (node1), far (node2), third (node3)")
			}
		}
		for _, m := range members {
			m.leave()
			if m.missed > 0 {
				t.Errorf("%s missed %d of %d", m.c.Name, m.missed, m.last-m.first+1)
			}
		}
	})
	b.run("ports and networks go", func(t *testing.T, b *bed) {
		b.stream(web, "239.1.2.6")
		first, second := b.joins(near, "239.1.2.6"), b.joins(other, "239.1.2.6")
		b.gets(first, second)
		b.must(other.Remove(b.ctx))
		b.hasMembers("blue", "239.1.2.6", "near (node1)")
		b.gets(first)
		b.sdnctl("network", "set", "blue", "--multicast", "off", "--wait")
		b.refused("multicast", "blue")
		b.sdnctl("network", "set", "blue", "--multicast", "snoop", "--wait")
		// Who has joined already is asked.
		b.hasMembers("blue", "239.1.2.6", "near (node1)")
		b.gets(first)
	})
	b.noMembers("blue")
	b.verify()
}

// TestSnoopedLeaves: P-MC-01: of two receivers on one node, or behind one port, one leaves, and the other
// one loses nothing: by IGMPv2, by IGMPv3, by both versions of MLD, and as its program is killed. When
// the last one leaves, the stream ends after hosts were asked.
func TestSnoopedLeaves(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	b, plug := snoopBed(t)
	web, db, near, vm := plug("web", "node1"), plug("db", "node1"), plug("near", "node1"), plug("vm", "node1")
	version := func(c *lab.Container, igmp, mld string) {
		for _, set := range []string{"net.ipv4.conf.eth0.force_igmp_version=" + igmp, "net.ipv6.conf.eth0.force_mld_version=" + mld} {
			_, err := c.Exec(b.ctx, "sysctl", "-qw", set)
			b.must(err)
		}
	}
	for _, v := range [][2]string{{"2", "1"}, {"3", "2"}} {
		b.run("IGMPv"+v[0]+" and MLDv"+v[1], func(t *testing.T, b *bed) {
			for _, c := range []*lab.Container{db, near} {
				version(c, v[0], v[1])
			}
			for _, group := range []string{"239.2.0." + v[0], "ff15::2:" + v[1]} {
				stop := b.stream(web, group)
				stays, goes := b.joins(db, group), b.joins(near, group)
				b.gets(stays, goes)
				b.hasMembers("blue", group, "db (node1), near (node1)")
				goes.leave()
				b.hasMembers("blue", group, "db (node1)")
				b.gets(stays)
				stays.leave()
				b.hasMembers("blue", group, "")
				if stays.missed > 0 {
					t.Errorf("%s: who stayed missed %d of %d", group, stays.missed, stays.last-stays.first+1)
				}
				stop()
			}
		})
	}
	b.run("killed", func(t *testing.T, b *bed) {
		b.stream(web, "239.2.0.9")
		stays := b.joins(db, "239.2.0.9")
		killed := b.receiver(near, "239.2.0.9")
		b.hasMembers("blue", "239.2.0.9", "db (node1), near (node1)")
		killed()
		b.hasMembers("blue", "239.2.0.9", "db (node1)")
		b.gets(stays)
		stays.leave()
		b.hasMembers("blue", "239.2.0.9", "")
		if stays.missed > 0 {
			t.Errorf("who stayed missed %d of %d", stays.missed, stays.last-stays.first+1)
		}
	})
	b.run("behind one port", func(t *testing.T, b *bed) {
		// Two machines on a bridge behind the port, each with a kernel of its own for groups.
		first, err := b.AddBridged(b.ctx, vm, "one", netip.MustParsePrefix("10.7.0.201/24"))
		b.must(err)
		second, err := b.AddBridged(b.ctx, vm, "two", netip.MustParsePrefix("10.7.0.202/24"))
		b.must(err)
		for _, v := range []string{"2", "3"} {
			group := "239.2.1." + v
			for _, c := range []*lab.Container{first, second} {
				_, err := c.Exec(b.ctx, "sysctl", "-qw", "net.ipv4.conf.eth0.force_igmp_version="+v)
				b.must(err)
			}
			stop := b.stream(web, group)
			// Of two that report at the same moment each would take the other for the one that says when it leaves.
			stays := b.joins(first, group)
			b.gets(stays)
			b.hasMembers("blue", group, "vm (node1)")
			goes := b.joins(second, group)
			b.gets(goes)
			goes.leave()
			// Longer than it takes until a port without members gets no more.
			last := b.joins(db, group)
			last.leave()
			b.hasMembers("blue", group, "vm (node1)")
			b.gets(stays)
			stays.leave()
			b.hasMembers("blue", group, "")
			if stays.missed > 0 {
				t.Errorf("IGMPv%s: who stayed missed %d of %d", v, stays.missed, stays.last-stays.first+1)
			}
			stop()
		}
	})
	b.noMembers("blue")
	b.verify()
}

// receiver runs a program that has joined a group, until it is killed.
func (b *bed) receiver(c *lab.Container, group string) (kill func()) {
	b.t.Helper()
	cmd := c.Command(b.ctx, "python3", "-c", `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[1]) + socket.inet_aton(sys.argv[2]))
time.sleep(600)`, group, c.IP.Addr().String())
	b.must(cmd.Start())
	kill = sync.OnceFunc(func() {
		b.must(cmd.Process.Kill())
		var status *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &status) {
			b.t.Errorf("the killed program: %v", err)
		}
	})
	b.t.Cleanup(kill)
	return kill
}

// TestSnoopedQuerier: P-MC-02: what another querier asks reaches no other port, and costs no receiver
// anything. P-MC-03: sdnd asks in networks without a gateway, from 0.0.0.0 and from a link-local address, and hosts
// answer.
func TestSnoopedQuerier(t *testing.T) {
	t.Parallel()
	b, plug := snoopBed(t)
	b.run("P-MC-03", func(t *testing.T, b *bed) {
		for _, c := range []struct {
			port, network, group string
			asks                 func(lab.Frame) bool
		}{
			{"lone", "alone", "239.3.0.1", asksIGMP("0.0.0.0")},
			{"sixth", "six", "ff15::3", asksMLD},
		} {
			host := plug(c.port, "node1")
			m := b.joins(host, c.group)
			b.hasMembers(c.network, c.group, c.port+" (node1)")
			// A restart asks again; who answers is a member still, and known again by itself.
			s := b.sniff(host)
			b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
			b.must(b.Controller.Start(b.ctx))
			b.settle()
			b.awaitFrame(s, "a question of sdnd", c.asks)
			b.must(lab.PollFor(b.ctx, 20*time.Second, "an answer", func(context.Context) error {
				if text := b.sdnctl("answers", c.port, "--cause", "group-report"); !strings.Contains(text, "has joined "+c.group) {
					return errors.New(text)
				}
				return nil
			}))
			m.leave()
			b.hasMembers(c.network, c.group, "")
		}
	})
	b.run("P-MC-02", func(t *testing.T, b *bed) {
		web, db, near, far := plug("web", "node1"), plug("db", "node1"), plug("near", "node1"), plug("far", "node2")
		b.stream(web, "239.3.0.2")
		all := []*member{b.joins(db, "239.3.0.2"), b.joins(far, "239.3.0.2")}
		b.gets(all...)
		s, s2 := b.sniff(db), b.sniff(far)
		v4, v6 := queriesOf(near)
		for range 20 {
			b.must(near.Send(v4))
			b.must(near.Send(v6))
		}
		// What is sent later, and arrives, was behind them.
		b.gets(all...)
		_, err := near.Reaches(b.ctx, far.IP.Addr())
		b.must(err)
		foreign := func(f lab.Frame) bool { return slices.Equal(f.Data[6:12], v4[6:12]) && (isIGMP(f) || isMLD(f)) }
		for _, s := range []*lab.Sniffer{s, s2} {
			if n := len(b.frames(s, foreign)); n > 0 {
				t.Errorf("%d questions of another querier got through", n)
			}
		}
		text := b.sdnctl("answers", "near", "--cause", "group-report")
		if !strings.Contains(text, "which sdnd does itself") {
			t.Errorf("answers: %s", text)
		}
		b.hasMembers("blue", "239.3.0.2", "db (node1), far (node2)")
		for _, m := range all {
			m.leave()
			if m.missed > 0 {
				t.Errorf("%s missed %d", m.c.Name, m.missed)
			}
		}
		b.hasMembers("blue", "239.3.0.2", "")
	})
	b.run("flood", func(t *testing.T, b *bed) {
		// A container that reports as many groups as it can, as fast as it can, is limited to its own share,
		// and others join as before.
		web, near, err := b.containers("web", "near")
		b.must(err)
		ctx, cancel := context.WithCancel(b.ctx)
		done := make(chan error, 1)
		go func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := near.Send(floodOf(near, i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "a condition of the network", func(context.Context) error {
			if text := b.sdnctl("network", "show", "blue"); !strings.Contains(text, "MulticastGroupsFull") {
				return errors.New(text)
			}
			return nil
		}))
		b.stream(web, "239.3.0.3")
		db, err := b.Container("db")
		b.must(err)
		m := b.joins(db, "239.3.0.3")
		b.gets(m)
		m.leave()
		b.hasMembers("blue", "239.3.0.3", "")
		cancel()
		b.must(<-done)
		if n := b.metric("sdnd_multicast_memberships")[""]; n > pipeline.MaxPortGroups+10 {
			t.Errorf("%v memberships", n)
		}
		b.must(near.Remove(b.ctx)) // and all of its groups with it
	})
	b.noMembers("blue")
	b.verify()
}

// TestSnoopedNeighbours: P-DHC-17: a host that never reports a group by MLD, and one that does so by MLDv1, is
// found by its neighbours, and gets router advertisements and what is sent to all hosts, to groups of
// neighbour discovery and to broadcast.
func TestSnoopedNeighbours(t *testing.T) {
	t.Parallel()
	b, plug := snoopBed(t)
	b.sdnctl("network", "set", "blue", "--ra", "managed", "--wait")
	web := plug("web", "node1")
	for _, c := range []struct{ name, port, set string }{
		{"MLDv1", "far", "net.ipv6.conf.eth0.force_mld_version=1"},
		{"never", "other", "net.ipv6.conf.eth0.disable_ipv6=1"}, // its kernel reports nothing, and the test is its IPv6
	} {
		b.run(c.name, func(t *testing.T, b *bed) {
			host := plug(c.port, "node2")
			ip6 := host.IP6.Addr()
			_, err := host.Exec(b.ctx, "sysctl", "-qw", c.set)
			b.must(err)
			s := b.sniff(host)
			gets := func(what string, is func(m lab.ICMPv6) bool, do func()) {
				t.Helper()
				b.must(lab.PollFor(b.ctx, 20*time.Second, what, func(context.Context) error {
					do()
					if len(b.frames(s, func(f lab.Frame) bool { m, ok := f.ICMPv6(); return ok && !f.Sent && is(m) })) == 0 {
						return errors.New("none")
					}
					return nil
				}))
			}
			echo := func(to netip.Addr) {
				gets("an echo to "+to.String(), func(m lab.ICMPv6) bool { return m.Type == lab.Echo6Request && m.To == to }, func() {
					_, _ = web.Exec(b.ctx, "ping", "-6", "-c1", "-W1", "-I", "eth0", to.String()) // whose answer is not waited for
				})
			}
			b.must(web.ForgetNeighbours(b.ctx))
			echo(ip6)
			echo(netip.IPv6LinkLocalAllNodes())
			own := ip6.As16()
			echo(netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: own[13], 14: own[14], 15: own[15]}))
			mac, err := net.ParseMAC(host.MAC)
			b.must(err)
			solicitation := lab.ICMPv6{
				EtherSrc: mac, EtherDest: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 2}, From: model.LinkLocal(model.MAC(mac)), To: netip.MustParseAddr("ff02::2"),
				HopLimit: 255, Type: 133, Body: make([]byte, 4),
			}
			gets("a router advertisement", func(m lab.ICMPv6) bool { return m.Type == 134 }, func() { b.must(host.Send(solicitation.Frame())) })
			b.reaches(web, "255.255.255.255:5000", nil, b.broadcasts(host))
			if members := b.memberList("blue"); c.name == "never" && strings.Contains(members, c.port+" (node2)") {
				t.Errorf("it has reported groups: %s", members)
			}
		})
	}
}

// broadcasts begins to count what comes to a container by broadcast.
func (b *bed) broadcasts(c *lab.Container) *listener {
	b.t.Helper()
	l := &listener{Container: c, got: map[string]int{}}
	conn, err := c.ListenPacket("udp4", ":5000")
	b.must(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.take(conn)
	}()
	b.t.Cleanup(func() { _ = conn.Close(); <-done })
	return l
}

// isIGMP and isMLD keep frames of these protocols, of MLD with the option that it has to have, or without.
func isIGMP(f lab.Frame) bool { return f.EtherType() == 0x0800 && len(f.Data) > 34 && f.Data[23] == 2 }

func isMLD(f lab.Frame) bool {
	if m, ok := f.ICMPv6(); ok {
		return m.Type == 130 || m.Type == 131 || m.Type == 132 || m.Type == 143
	}
	return f.EtherType() == 0x86dd && len(f.Data) > 62 && f.Data[20] == 0 && f.Data[54] == 58
}

// asksIGMP keeps questions of IGMP that a container received from an address.
func asksIGMP(from string) func(lab.Frame) bool {
	src := netip.MustParseAddr(from).AsSlice()
	return func(f lab.Frame) bool {
		return isIGMP(f) && !f.Sent && slices.Equal(f.Data[26:30], src) && f.Data[14+int(f.Data[14]&15)*4] == 0x11
	}
}

// asksMLD keeps questions of MLD that a container received from a link-local address.
func asksMLD(f lab.Frame) bool {
	return isMLD(f) && !f.Sent && f.Data[20] == 0 && f.Data[62] == 130 && netip.AddrFrom16([16]byte(f.Data[22:38])).IsLinkLocalUnicast()
}

// queriesOf returns what a querier in a container asks all hosts, by IGMPv2 and MLDv1.
func queriesOf(c *lab.Container) (v4, v6 []byte) {
	mac, _ := net.ParseMAC(c.MAC) // which sdnd has given
	v4 = append(append([]byte{1, 0, 0x5e, 0, 0, 1}, mac...), 8, 0)
	ip := []byte{0x46, 0xc0, 0, 32, 0, 0, 0, 0, 1, 2, 0, 0}
	ip = append(append(ip, c.IP.Addr().AsSlice()...), 224, 0, 0, 1, 0x94, 4, 0, 0)
	binary.BigEndian.PutUint16(ip[10:], lab.Checksum(ip))
	v4 = append(append(v4, ip...), 0x11, 100, 0xee, 0x9b, 0, 0, 0, 0)
	var own [6]byte
	copy(own[:], mac)
	return v4, lab.ICMPv6{
		EtherSrc: mac, EtherDest: net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, From: model.LinkLocal(own), To: netip.IPv6LinkLocalAllNodes(),
		HopLimit: 1, Type: 130, Body: append([]byte{0x27, 0x10, 0, 0}, make([]byte, 16)...),
	}.Frame()
}

// containers returns containers of the lab by their names.
func (b *bed) containers(first, second string) (*lab.Container, *lab.Container, error) {
	one, err := b.Container(first)
	two, err2 := b.Container(second)
	return one, two, errors.Join(err, err2)
}

// floodOf returns a report of IGMPv3 that a container has joined 150 groups, which differ with i.
func floodOf(c *lab.Container, i int) []byte {
	m := []byte{0x22, 0, 0, 0, 0, 0, 0, 150}
	for j := range 150 {
		m = append(m, 4, 0, 0, 0, 239, 128|byte(i>>8), byte(i), byte(j))
	}
	binary.BigEndian.PutUint16(m[2:], lab.Checksum(m))
	n := 24 + len(m)
	ip := []byte{0x46, 0xc0, byte(n >> 8), byte(n), 0, 0, 0, 0, 1, 2, 0, 0}
	ip = append(append(ip, c.IP.Addr().AsSlice()...), 224, 0, 0, 22, 0x94, 4, 0, 0)
	binary.BigEndian.PutUint16(ip[10:], lab.Checksum(ip))
	mac, _ := net.ParseMAC(c.MAC) // which sdnd has given
	frame := append(append([]byte{1, 0, 0x5e, 0, 0, 22}, mac...), 8, 0)
	return append(append(frame, ip...), m...)
}
