package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// noisePort is the port to which a container floods.
const noisePort = 6000

// noise is how many packets have come to a container by that port.
type noise struct {
	*lab.Container
	got atomic.Int64
}

// hears counts what comes to a container until the test ends.
func (b *bed) hears(c *lab.Container) *noise {
	b.t.Helper()
	n := &noise{Container: c}
	var conn net.PacketConn
	b.must(c.Inside(func() (err error) {
		conn, err = net.ListenPacket("udp", fmt.Sprintf(":%d", noisePort))
		return err
	}))
	go func() {
		for buf := make([]byte, 100); ; n.got.Add(1) {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	b.t.Cleanup(func() { _ = conn.Close() }) // ends the goroutine
	return n
}

// floods has a container send up to 20,000 packets a second to some addresses, in turn, until stop. sent is how many it
// has sent, began when the first one.
func (b *bed) floods(c *lab.Container, to ...string) (sent *atomic.Int64, began time.Time, stop func()) {
	b.t.Helper()
	var conns []net.Conn
	b.must(c.Inside(func() error {
		for _, to := range to {
			d := net.Dialer{Control: func(network, address string, raw syscall.RawConn) (err error) {
				fault := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1) })
				return errors.Join(fault, err, on(network, address, raw))
			}}
			conn, err := d.DialContext(b.ctx, "udp", fmt.Sprintf("%s:%d", to, noisePort))
			if err != nil {
				return err
			}
			conns = append(conns, conn)
		}
		return nil
	}))
	ctx, cancel := context.WithCancel(b.ctx)
	var all sync.WaitGroup
	began, sent = time.Now(), new(atomic.Int64)
	all.Go(func() {
		packet := make([]byte, 18)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			for range 20 { // no more if the machine was busy
				sent.Add(1)
				_, _ = conns[sent.Load()%int64(len(conns))].Write(packet) // the queue of its interface may be full
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	b.t.Cleanup(stop)
	return sent, began, stop
}

// floodShown is what 'sdnctl port show' says of a port that floods.
var floodShown = regexp.MustCompile(`(?m)^dropped: +\d+ packets to all of its network: FloodLimited$`)

// floodReported waits until a port has the condition that it floods.
func (b *bed) floodReported(port string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 30*time.Second, "the condition of "+port, func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Reason == string(condition.FloodLimited) {
				if !strings.Contains(c.Action, "--flood-limit") {
					return fmt.Errorf("no cure: %+v", c)
				}
				return nil
			}
		}
		return fmt.Errorf("%+v", p.Status.Conditions)
	}))
}

// TestFloodLimit: of what a port floods, the others get no more than the network's limit, on its node and on
// others, by both families together; what other ports send to all, ARP and pings arrive meanwhile. The port says
// so (until it is over: TestFloodIsOver, controller/reconcile), packets that are dropped count, and a restart sends nothing. Where an admin
// turns the limit off, more arrives.
func TestFloodLimit(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], multicast: flood, floodLimit: 200, floodBurst: 300}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}], multicast: snoop, floodLimit: 200, floodBurst: 300}}
---
{kind: Port, name: noisy, spec: {network: blue, node: node1}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: noisy2, spec: {network: red, node: node1}}
---
{kind: Port, name: near2, spec: {network: red, node: node1}}
---
{kind: Port, name: far2, spec: {network: red, node: node2}}
`)
	c := map[string]*lab.Container{}
	at := map[string]string{"noisy": "node1", "near": "node1", "far": "node2", "noisy2": "node1", "near2": "node1", "far2": "node2"}
	for name, node := range at {
		c[name] = b.plug(name, node)
	}
	b.bound("noisy", "near", "far", "noisy2", "near2", "far2")
	b.revalidated()
	for _, network := range []struct{ name, noisy, near, far string }{{"flood", "noisy", "near", "far"}, {"snoop", "noisy2", "near2", "far2"}} {
		b.run(network.name, func(t *testing.T, b *bed) {
			near, far := b.hears(c[network.near]), b.hears(c[network.far])
			listeners := []*listener{b.listen(c[network.near]), b.listen(c[network.far])}
			dropped := func() float64 {
				for labels, n := range b.metric("sdnd_dropped_packets_total") {
					if strings.Contains(labels, `"node1"`) && strings.Contains(labels, `"flood"`) {
						return n
					}
				}
				return 0
			}
			before := dropped()
			sent, began, stop := b.floods(c[network.noisy], "255.255.255.255", "[ff02::1]", "224.0.0.1")
			b.floodReported(network.noisy)
			b.reaches(c[network.near], "224.0.0.251:5353", listeners, listeners[1])
			b.reaches(c[network.far], "[ff02::fb]:5353", listeners, listeners[0])
			b.must(c[network.near].ForgetNeighbours(b.ctx))
			for _, from := range []string{network.near, network.noisy} {
				b.must(lab.PollFor(b.ctx, 20*time.Second, "a ping from "+from, func(context.Context) error {
					_, err := c[from].Reaches(b.ctx, c[network.far].IP.Addr())
					return err
				}))
			}
			if text := b.sdnctl("port", "show", network.noisy); !floodShown.MatchString(text) {
				t.Errorf("it is shown as %s", text)
			}
			stop()
			b.revalidated() // longer than any packet is on its way
			took := time.Since(began)
			for _, n := range []*noise{near, far} {
				got, most := n.got.Load(), int64(300+200*took.Seconds())
				t.Logf("%s got %d of %d in %v, at most %d", n.Name, got, sent.Load(), took.Round(time.Millisecond), most)
				if got > most || got < 300 {
					t.Errorf("%s got %d packets of %d in %v, want 300 to %d", n.Name, got, sent.Load(), took, most)
				}
			}
			b.must(lab.PollFor(b.ctx, 30*time.Second, "what is dropped to count", func(context.Context) error {
				if n := dropped() - before; n < float64(sent.Load())/10 {
					return fmt.Errorf("%.0f of %d", n, sent.Load())
				}
				return nil
			}))
			p, err := b.api.Port(b.ctx, network.near)
			if b.must(err); len(p.Status.Conditions) > 0 {
				t.Errorf("%s, which does not flood: %+v", network.near, p.Status.Conditions)
			}
		})
	}
	b.run("restart", func(t *testing.T, b *bed) {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		if n := b.flowMods(); n != 0 {
			t.Errorf("a restart sent %d flow-mods", n)
		}
	})
	b.run("off", func(t *testing.T, b *bed) {
		b.sdnctl("network", "set", "blue", "--flood-limit", "off", "--flood-burst", "", "--wait")
		b.revalidated()
		far := b.hears(c["far"])
		_, began, stop := b.floods(c["noisy"], "255.255.255.255")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "more than the limit", func(context.Context) error {
			if got, limit := far.got.Load(), int64(1000+400*time.Since(began).Seconds()); got < limit {
				return fmt.Errorf("%d packets, want %d", got, limit)
			}
			return nil
		}))
		stop()
		b.sdnctl("network", "set", "blue", "--flood-limit", "200", "--wait")
	})
	b.verify()
}
