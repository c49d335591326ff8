package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/integration/bench"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// translated are the ports that TestOVNWayOut compares with those of OVN. plain and second leave by the
// address of their node, 192.0.2.65; own and beside on the same node, and away on the other one, have
// floating addresses.
const translated = `
{kind: Port, name: plain, spec: {network: blue, node: node1}}
---
{kind: Port, name: second, spec: {network: blue, node: node1}}
---
{kind: Port, name: own, spec: {network: blue, node: node1}}
---
{kind: Port, name: beside, spec: {network: blue, node: node1}}
---
{kind: Port, name: away, spec: {network: blue, node: node2}}
---
{kind: FloatingIP, name: own, spec: {uplink: ext, address: 192.0.2.71, port: own}}
---
{kind: FloatingIP, name: beside, spec: {uplink: ext, address: 192.0.2.72, port: beside}}
---
{kind: FloatingIP, name: away, spec: {uplink: ext, address: 192.0.2.73, port: away}}
`

// The addresses outside, of both sides.
const (
	ovnRouter = "192.0.2.68"
	snatted   = "192.0.2.65"
	ownFloat  = "192.0.2.71"
	besides   = "192.0.2.72"
	aways     = "192.0.2.73"
	internet  = "192.0.2.1"
	// beyond is behind a router that is behind internet.
	beyond = "198.51.100.77"
)

// wayOut is the north-south side of ours or of OVN, with the same containers.
type wayOut struct {
	b       *bridgeBed // for its context
	name    string
	outside *lab.Outside
	c       map[string]*lab.Container
	sources int // how many local ports have been used
}

func (w *wayOut) end(name string) end {
	if name == "outside" {
		return end{name: name, inside: w.outside.Inside, four: w.outside.Addr}
	}
	return end{name: name, inside: w.c[name].Inside, four: w.c[name].IP.Addr()}
}

func (w *wayOut) exec(name string, args ...string) (string, error) {
	if name == "outside" {
		return w.outside.Exec(w.b.ctx, args...)
	}
	return w.c[name].Exec(w.b.ctx, args...)
}

// outcomeOf names the outcome of an attempt that failed.
func outcomeOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer"
	}
	return err.Error()
}

// asks connects, and says as which address the server sees the client.
func asks(from, network, to string) func(*wayOut) string {
	return func(w *wayOut) string {
		seen, conn, err := w.b.connect(w.end(from), network, netip.MustParseAddrPort(to), 0, 2*time.Second)
		if err != nil {
			return outcomeOf(err)
		}
		conn.Close()
		return "seen as " + seen.Addr().String()
	}
}

// pings sends echo requests of a size, and says as which address the machine outside sees who sends
// them.
func pings(from, to string, size int) func(*wayOut) string {
	return func(w *wayOut) string {
		sniffer, err := w.outside.Sniff("lan")
		if err != nil {
			return err.Error()
		}
		_, failed := w.exec(from, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", "-s", strconv.Itoa(size), to)
		frames, err := sniffer.Frames(w.b.ctx)
		switch err := errors.Join(err, sniffer.Close()); {
		case err != nil:
			return err.Error()
		case failed != nil:
			return "no answer"
		}
		for _, f := range frames {
			if e, ok := f.Echo(); ok && e.To.String() == to {
				return "answered, seen as " + e.From.String()
			}
		}
		return "answered"
	}
}

// sends sends a datagram to a port where nobody listens.
func sends(from, to string) func(*wayOut) string {
	return func(w *wayOut) string {
		err := w.end(from).inside(func() error {
			conn, err := net.Dial("udp", to)
			if err != nil {
				return err
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
				return err
			}
			if _, err := conn.Write([]byte("x")); err != nil {
				return err
			}
			_, err = conn.Read(make([]byte, 1))
			return err
		})
		if err == nil {
			return "answered"
		}
		return outcomeOf(err)
	}
}

// hopAddress is in what ping prints of an error.
var hopAddress = regexp.MustCompile(`From ([0-9.]+) icmp_seq=\d+ Time to live exceeded`)

// hop says who reports that the TTL of an echo request has expired.
func hop(from, to string, ttl int) func(*wayOut) string {
	return func(w *wayOut) string {
		out, _ := w.exec(from, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", "-t", strconv.Itoa(ttl), to)
		m := hopAddress.FindStringSubmatch(out)
		switch {
		case m == nil && strings.Contains(out, " 0% packet loss"):
			return "answered"
		case m == nil:
			return "no answer"
		case from != "outside" && m[1] == w.c[from].Gateway.String():
			return "expired at its gateway"
		}
		return "expired at " + m[1]
	}
}

// samePort: two ports connect to the same server from the same port at the same time.
func samePort(network string) func(*wayOut) string {
	return func(w *wayOut) string {
		w.sources++
		var all [2]netip.AddrPort
		var conns [2]net.Conn
		for i, from := range []string{"plain", "second"} {
			seen, conn, err := w.b.connect(w.end(from), network, netip.MustParseAddrPort(internet+":80"), 5000+w.sources, 2*time.Second)
			if err != nil {
				return from + ": " + outcomeOf(err)
			}
			defer conn.Close()
			all[i], conns[i] = seen, conn
		}
		if all[0] == all[1] {
			return "seen as the same"
		}
		for i, conn := range conns {
			text := []byte(fmt.Sprintf("it is %d", i))
			if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
				return err.Error()
			}
			if _, err := conn.Write(text); err != nil {
				return outcomeOf(err)
			}
			buf := make([]byte, 100)
			n, err := conn.Read(buf)
			if err != nil {
				return outcomeOf(err)
			}
			if !strings.HasSuffix(string(buf[:n]), string(text)) {
				return fmt.Sprintf("%q got %q", text, buf[:n])
			}
		}
		return "apart, seen as " + all[0].Addr().String() + " and " + all[1].Addr().String()
	}
}

// unasked: a port has asked the machine outside by UDP, and another address outside sends to where
// that sees the port.
func unasked(w *wayOut) string {
	var p net.PacketConn
	if err := w.c["plain"].Inside(func() (err error) {
		p, err = net.ListenPacket("udp4", ":0")
		return err
	}); err != nil {
		return err.Error()
	}
	defer p.Close()
	server := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(internet + ":80"))
	ask := func(text string) (line, rest string, err error) {
		if _, err := p.WriteTo([]byte(text), server); err != nil {
			return "", "", err
		}
		buf := make([]byte, 100)
		if err := p.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return "", "", err
		}
		n, _, err := p.ReadFrom(buf)
		line, rest, _ = strings.Cut(string(buf[:n]), "\n")
		return line, rest, err
	}
	at, _, err := ask("first")
	if err != nil {
		return outcomeOf(err)
	}
	if err := w.outside.Inside(func() error {
		conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.9:81")), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("unasked"))
		return err
	}); err != nil {
		return err.Error()
	}
	switch _, rest, err := ask("again"); {
	case err != nil:
		return outcomeOf(err)
	case rest == "again":
		return "kept out"
	default:
		return "let in"
	}
}

// TestOVNWayOut: OVN's snat and dnat_and_snat, and our uplinks and floating addresses, do the same in
// the same scenarios. A machine outside gets the error about an expired TTL from the address that it sent
// to on both sides, since no other of the router's is known there (RFC 1812, 4.3.2.4). That nothing
// answers what begins outside and is for an address that ports share is what a NAT must do (RFC 5382, REQ-4; RFC
// 4787, REQ-8): an answer to a SYN could end a connection that both ends begin at the same time.
func TestOVNWayOut(t *testing.T) {
	t.Parallel()
	if why := bench.OVNMissing(); why != "" {
		t.Skipf("no translations of OVN to compare with: %s", why)
	}
	b, sides := newWaysOut(t)
	for _, s := range []struct {
		name string
		try  func(*wayOut) string
		want string
	}{
		{name: "TCP leaves", try: asks("plain", "tcp", internet+":80"), want: "seen as " + snatted},
		{name: "UDP leaves", try: asks("plain", "udp", internet+":80"), want: "seen as " + snatted},
		{name: "a ping leaves", try: pings("plain", internet, 56), want: "answered, seen as " + snatted},
		{name: "fragments leave", try: pings("plain", internet, 3000), want: "answered, seen as " + snatted},
		{name: "two ports from the same port, TCP", try: samePort("tcp"), want: "apart, seen as " + snatted + " and " + snatted},
		{name: "two ports from the same port, UDP", try: samePort("udp"), want: "apart, seen as " + snatted + " and " + snatted},
		{name: "TCP in by a floating address", try: asks("outside", "tcp", ownFloat+":8080"), want: "seen as " + internet},
		{name: "UDP in by a floating address", try: asks("outside", "udp", ownFloat+":8080"), want: "seen as " + internet},
		{name: "in by a floating address of the other node", try: asks("outside", "tcp", aways+":8080"), want: "seen as " + internet},
		{name: "a ping of a floating address", try: pings("outside", ownFloat, 56), want: "answered, seen as " + internet},
		{name: "a ping of a floating address in fragments", try: pings("outside", ownFloat, 3000), want: "answered, seen as " + internet},
		{name: "TCP leaves with a floating address", try: asks("own", "tcp", internet+":80"), want: "seen as " + ownFloat},
		{name: "UDP leaves with a floating address", try: asks("own", "udp", internet+":80"), want: "seen as " + ownFloat},
		{name: "a ping leaves with a floating address, in fragments", try: pings("own", internet, 3000), want: "answered, seen as " + ownFloat},
		{name: "out with one on the other node", try: asks("away", "tcp", internet+":80"), want: "seen as " + aways},
		{name: "its own floating address, TCP", try: asks("own", "tcp", ownFloat+":8080"), want: "seen as " + ownFloat},
		{name: "its own floating address, UDP", try: asks("own", "udp", ownFloat+":8080"), want: "seen as " + ownFloat},
		{name: "that of a neighbour on the same node", try: asks("own", "tcp", besides+":8080"), want: "seen as " + ownFloat},
		{name: "that of a neighbour on the other node", try: asks("own", "udp", aways+":8080"), want: "seen as " + ownFloat},
		{name: "without one to that of a port of the same node", try: asks("plain", "tcp", ownFloat+":8080"), want: "seen as " + snatted},
		{name: "without one to that of a port of the other node", try: asks("plain", "tcp", aways+":8080"), want: "seen as " + snatted},
		{name: "a closed port outside, UDP", try: sends("plain", internet+":99"), want: "refused"},
		{name: "a closed port outside, TCP", try: asks("plain", "tcp", internet+":99"), want: "refused"},
		{name: "a closed port outside, from a floating address", try: sends("own", internet+":99"), want: "refused"},
		{name: "a closed port of a floating address, UDP", try: sends("outside", ownFloat+":99"), want: "refused"},
		{name: "a closed port of a floating address, TCP", try: asks("outside", "tcp", ownFloat+":99"), want: "refused"},
		{name: "a closed port of a neighbour's floating address", try: sends("own", aways+":99"), want: "refused"},
		{name: "the first hop", try: hop("plain", beyond, 1), want: "expired at its gateway"},
		{name: "the second hop", try: hop("plain", beyond, 2), want: "expired at " + internet},
		{name: "the second hop, from a floating address", try: hop("own", beyond, 2), want: "expired at " + internet},
		{name: "the first hop to a floating address", try: hop("outside", ownFloat, 1), want: "expired at " + ownFloat},
		{name: "TCP to the address that ports share", try: asks("outside", "tcp", snatted+":4000"), want: "no answer"},
		{name: "UDP to the address that ports share", try: sends("outside", snatted+":4000"), want: "no answer"},
		{name: "a ping of the address that ports share", try: pings("outside", snatted, 56), want: "no answer"},
		{name: "who was not asked sends to where a port is seen", try: unasked, want: "kept out"},
	} {
		var both errgroup.Group
		for _, side := range sides {
			both.Go(func() error {
				return lab.PollFor(b.ctx, 20*time.Second, s.name+": "+side.name, func(context.Context) error {
					if got := s.try(side); got != s.want {
						return fmt.Errorf("%q, want %q", got, s.want)
					}
					return nil
				})
			})
		}
		if err := both.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// newWaysOut brings both sides up at the same time.
func newWaysOut(t *testing.T) (*bridgeBed, []*wayOut) {
	env, err := bench.NewEnv("..", os.Getenv(binVar), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(env.Close)
	type result struct {
		ovn *bench.OVNWayOut
		err error
	}
	made := make(chan result, 1)
	ctx := t.Context()
	go func() {
		ovn, err := bench.NewOVNWayOut(ctx, env, netip.MustParseAddr(ovnRouter), netip.MustParseAddr(snatted))
		made <- result{ovn, err}
	}()
	b := &bridgeBed{&outsideBed{bed: newBed(t, 2), c: map[string]*lab.Container{}}, netip.MustParseAddr("198.51.100.9")}
	theirs := <-made
	b.must(theirs.err)
	ovn := theirs.ovn
	t.Cleanup(func() {
		if err := ovn.Stop(); err != nil {
			t.Error(err)
		}
	})
	sides := []*wayOut{{b: b, name: "ours", c: b.c}, {b: b, name: "OVN", c: map[string]*lab.Container{}, outside: ovn.Outside}}
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	sides[0].outside = b.outside
	b.joinBridge("node1")
	b.joinBridge("node2")
	b.apply(strings.Replace(bridged, "tunnelIP: 172.16.56.3}", "tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66]}", 1))
	b.apply(translated)
	nodes := map[string]string{"plain": "node1", "second": "node1", "own": "node1", "beside": "node1", "away": "node2"}
	for port, node := range nodes {
		b.c[port] = b.plug(port, node)
	}
	b.bound("plain", "second", "own", "beside", "away")
	for name, node := range nodes {
		c, err := ovn.Container(b.ctx, map[string]int{"node1": 0, "node2": 1}[node], name)
		b.must(err)
		sides[1].c[name] = c
	}
	for name, address := range map[string]string{"own": ownFloat, "beside": besides, "away": aways} {
		b.must(ovn.Float(b.ctx, netip.MustParseAddr(address), sides[1].c[name]))
	}
	for _, side := range sides {
		// A router behind the machine outside, and the MTU of the narrower ports.
		for _, args := range [][]string{
			{"ip", "link", "set", "lan", "mtu", "1400"},
			{"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.lan.send_redirects=0"},
			{"ip", "route", "add", beyond, "via", "192.0.2.9"},
		} {
			_, err := side.outside.Exec(b.ctx, args...)
			b.must(err)
		}
		for _, c := range side.c {
			b.serveOn(c.Inside)
		}
		in := &outsideBed{b.bed, side.outside, side.c}
		in.serve()
	}
	b.settle()
	b.revalidated()
	return b, sides
}
