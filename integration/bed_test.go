package integration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// bed is a lab with sdnd for one test: a failure of the lab fails the test.
type bed struct {
	*lab.Lab
	t   testing.TB
	ctx context.Context
	api *api.Client
	// joined are the nodes that verify checks.
	joined []*lab.Node
}

// newBed brings up a lab with sdnd, or skips the test if the machine cannot have one. At
// the end of the test every joined switch is compared with what sdnd wants.
func newBed(t testing.TB, nodes int, change ...func(*lab.Options)) *bed {
	t.Helper()
	if why := lab.Missing(); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	most := 5 * time.Minute
	if long() {
		most = 50 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), most)
	t.Cleanup(cancel)
	o := lab.Options{Nodes: nodes, BinDir: os.Getenv(binVar)}
	for _, f := range change {
		f(&o)
	}
	l, err := lab.Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{Lab: l, t: t, ctx: ctx}
	t.Cleanup(b.down)
	b.must(l.Controller.Start(ctx))
	b.api, err = api.NewClient(l.Controller.Host(), api.ClientOptions{Author: "integration"})
	b.must(err)
	t.Cleanup(b.api.Close)
	return b
}

// withIPv6 gives the underlay IPv6 beside IPv4.
func withIPv6(o *lab.Options) { o.IPv6 = true }

func (b *bed) down() {
	log, err := os.ReadFile(b.Controller.LogFile)
	if err != nil {
		b.t.Error(err)
	}
	for _, bad := range []string{"panic: ", "DATA RACE", "fatal error: "} {
		if i := strings.Index(string(log), bad); i >= 0 {
			b.t.Errorf("sdnd: %.3000s", log[i:])
		}
	}
	if b.t.Failed() {
		b.t.Logf("sdnd's log:\n%s", tail(string(log), 40))
		if os.Getenv("SDNLAB_KEEP") != "" {
			b.t.Logf("left up: sdnlab --lab %s", b.ID)
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.Down(ctx); err != nil {
		b.t.Error(err)
	}
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// run runs a part of the test as a subtest. Not for benchmarks.
func (b *bed) run(name string, f func(t *testing.T, b *bed)) {
	b.t.(*testing.T).Run(name, func(t *testing.T) {
		part := *b
		part.t = t
		f(t, &part)
	})
}

// must ends the test on an error.
func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// must returns v, or ends the test.
func must[T any](b *bed, v T, err error) T {
	b.t.Helper()
	b.must(err)
	return v
}

// node returns a node by name.
func (b *bed) node(name string) *lab.Node {
	b.t.Helper()
	n, err := b.Node(name)
	return must(b, n, err)
}

// join runs "sdnctl node join" on the nodes. It does not wait for flows, since the nodes
// may not be declared yet.
func (b *bed) join(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.joinBy(b.Controller.Addr, b.node(name).Addr, name)
	}
}

// joinBy joins a node by an address of the controller, with a tunnel address.
func (b *bed) joinBy(controller, tunnel netip.Addr, name string) {
	b.t.Helper()
	n := b.node(name)
	_, err := n.Exec(b.ctx, "sdnctl", "node", "join", name,
		"--controller", controller.String(), "--tunnel-ip", tunnel.String(), "--no-wait")
	b.must(err)
	b.joined = append(b.joined, n)
}

// sdnctl runs sdnctl and returns what it printed.
func (b *bed) sdnctl(args ...string) string {
	b.t.Helper()
	out, err := b.Controller.SDNCtl(b.ctx, args...)
	return must(b, out, err)
}

// refused runs sdnctl, which must fail, and returns its output.
func (b *bed) refused(args ...string) string {
	b.t.Helper()
	out, err := b.Controller.SDNCtl(b.ctx, args...)
	var exit *lab.ExitError
	if !errors.As(err, &exit) {
		b.t.Fatalf("sdnctl %s: want a refusal, got %v and %q", strings.Join(args, " "), err, out)
	}
	return exit.Stderr
}

// apply applies objects in YAML and waits until all nodes have confirmed.
func (b *bed) apply(yaml string) {
	b.t.Helper()
	_, err := b.Controller.Apply(b.ctx, yaml, "--wait=20s")
	b.must(err)
}

// scenario joins nodes and applies the topology of one of the examples, whose networks
// get IPv6 beside IPv4.
func (b *bed) scenario(example string, nodes ...string) {
	b.t.Helper()
	b.join(nodes...)
	b.apply(bothFamilies(b.t, exampleFile(b.t, example)))
}

func exampleFile(t testing.TB, example string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", example, "topology.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// plug makes a container for a declared port, with the address, MAC, gateway and MTU from
// sdnd, bound by iface-id.
func (b *bed) plug(port, node string, change ...func(*lab.Container)) *lab.Container {
	b.t.Helper()
	p, err := b.api.Port(b.ctx, port)
	b.must(err)
	st := p.Status
	c := lab.Container{Name: port, Node: node, InterfaceID: port, MAC: st.MAC, MTU: st.MTU}
	n, err := b.api.Network(b.ctx, p.Spec.Network)
	b.must(err)
	b.must(configure(&c, *st, n))
	for _, f := range change {
		f(&c)
	}
	got, err := b.AddContainer(b.ctx, c)
	return must(b, got, err)
}

// configure gives a container the addresses and gateways of a port.
func configure(c *lab.Container, st api.PortStatus, n api.Network) error {
	for _, a := range st.Links() {
		ip, gateway, err := link(a, n)
		if err != nil {
			return err
		}
		c.SetLink(ip, gateway)
	}
	return nil
}

// link reads an address of a port, and the gateway that it has or would have.
func link(a api.PortLink, n api.Network) (netip.Prefix, netip.Addr, error) {
	ip, err := netip.ParseAddr(a.IP)
	if err != nil {
		return netip.Prefix{}, netip.Addr{}, err
	}
	gateway, err := api.GatewayFor(a, n)
	return netip.PrefixFrom(ip, a.PrefixLength), gateway, err
}

// bound waits until ports are bound, and every node has the flows that follow.
func (b *bed) bound(ports ...string) {
	b.t.Helper()
	for _, name := range ports {
		b.must(lab.PollFor(b.ctx, 10*time.Second, "port "+name+" to be bound", func(ctx context.Context) error {
			p, err := b.api.Port(ctx, name)
			if err == nil && !p.Status.Bound {
				err = fmt.Errorf("not bound: %q", p.Status.Message)
			}
			return err
		}))
	}
	b.settle()
}

// livesOn waits until a port is bound on a node.
func (b *bed) livesOn(port, node string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, port+" to live on "+node, func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err == nil && (!p.Status.Bound || p.Status.Node != node) {
			err = fmt.Errorf("bound %t on %q: %s", p.Status.Bound, p.Status.Node, p.Status.Message)
		}
		return err
	}))
	b.settle()
}

// revalidated waits until the datapaths forward by the flows that the switches have
// confirmed.
func (b *bed) revalidated() {
	b.t.Helper()
	var all errgroup.Group
	for _, n := range b.joined {
		all.Go(func() error { return n.Revalidated(b.ctx) })
	}
	b.must(all.Wait())
}

// settle waits until every joined node is connected and in sync.
func (b *bed) settle() {
	b.t.Helper()
	for _, n := range b.joined {
		b.must(lab.PollFor(b.ctx, 30*time.Second, n.Name+" to be in sync", func(ctx context.Context) error {
			node, err := b.api.Node(ctx, n.Name)
			if err == nil && (!node.Status.Connected || !node.Status.InSync) {
				err = fmt.Errorf("connected %t, in sync %t, last error %q", node.Status.Connected, node.Status.InSync, node.Status.LastError)
			}
			return err
		}))
	}
}

// verify compares every joined switch with what sdnd wants, flow by flow, by sdnd's own
// full comparison and by the output of ovs-ofctl. Nothing may be missing and nothing extra:
// else the sum of all changes was not the whole.
func (b *bed) verify() {
	b.t.Helper()
	b.settle()
	for _, n := range b.joined {
		got, err := b.api.Flows(b.ctx, n.Name)
		b.must(err)
		var wanted []string
		for _, f := range got.Flows {
			if f.Installed != api.FlowInstalled {
				b.t.Errorf("%s: flow is %s: table=%d priority=%d %s actions=%s (%s, %s)",
					n.Name, f.Installed, f.Table, f.Priority, f.Match, f.Actions, f.Object, f.Why)
			}
			wanted = append(wanted, f.Cookie)
		}
		flows, err := n.Flows(b.ctx)
		b.must(err)
		if len(flows) == 0 {
			b.t.Errorf("%s has no flows at all", n.Name)
		}
		var installed []string
		for _, f := range flows {
			_, cookie, _ := strings.Cut(f, "cookie=")
			cookie, _, _ = strings.Cut(cookie, ",")
			installed = append(installed, cookie)
		}
		slices.Sort(wanted)
		slices.Sort(installed)
		if !slices.Equal(wanted, installed) {
			b.t.Errorf("%s: sdnd wants %d flows, ovs-ofctl shows %d, and their cookies differ", n.Name, len(wanted), len(installed))
		}
	}
}

// reach pings until an answer arrives, and returns its time to live.
func (b *bed) reach(from *lab.Container, to string) int {
	b.t.Helper()
	r, err := from.Reaches(b.ctx, netip.MustParseAddr(to))
	b.must(err)
	return r.TTL
}

// unreachable pings twice and expects no answer.
func (b *bed) unreachable(from *lab.Container, to string) {
	b.t.Helper()
	replies, err := from.Ping(b.ctx, netip.MustParseAddr(to), 2)
	b.must(err)
	if len(replies) > 0 {
		b.t.Errorf("%s reaches %s, which it should not", from.Name, to)
	}
}

// matrix pings between all pairs, in all families, and then asks ovs-vswitchd's
// ofproto/trace about each: both must agree with want. A trace takes a while, so it is made
// for one pair by IPv4 and for the next by IPv6.
func (b *bed) matrix(all []*lab.Container, want func(from, to *lab.Container) bool) {
	b.t.Helper()
	b.must(lab.CheckMatrix(b.ctx, all, want))
	for i, from := range all {
		for j, to := range all {
			if shared := from.Shared(to); from != to && len(shared) > 0 {
				b.traceTo(from, to, shared[(i+j)%len(shared)], want(from, to))
			}
		}
	}
}

func everyPair(_, _ *lab.Container) bool { return true }

// trace asks ofproto/trace where an echo request ends, in each family that both have.
func (b *bed) trace(from, to *lab.Container, arrives bool) {
	b.t.Helper()
	for _, a := range from.Shared(to) {
		b.traceTo(from, to, a, arrives)
	}
}

func (b *bed) traceTo(from, to *lab.Container, a netip.Addr, arrives bool) {
	b.t.Helper()
	mac, err := from.NextHopMAC(b.ctx, a)
	if err != nil {
		if arrives {
			b.t.Errorf("%s pinged %s, and yet: %v", from.Name, a, err)
		}
		mac = to.MAC // who does not know by ARP or ND may still try
	}
	got, err := b.TraceEcho(b.ctx, from, mac, a)
	if err != nil {
		b.t.Errorf("%s to %s: %v", from.Name, a, err)
		return
	}
	if reached := got.At == to.Interface && got.Node == to.Node; reached != arrives {
		b.t.Errorf("%s to %s (%s): ofproto/trace ends at %q on %s, want arrival: %t\n%s", from.Name, to.Name, a, got.At, got.Node, arrives, got.Text)
	}
}

// flowCount is the number of flows that ovs-ofctl shows on a node, once it is
// in sync.
func (b *bed) flowCount(node string) int {
	b.t.Helper()
	b.settle()
	n, err := b.node(node).FlowCount(b.ctx)
	return must(b, n, err)
}

// flowSet is a node's flows as ovs-ofctl shows them, sorted.
func (b *bed) flowSet(node string) []string {
	b.t.Helper()
	b.settle()
	flows, err := b.node(node).Flows(b.ctx)
	b.must(err)
	slices.Sort(flows)
	return flows
}

// changes counts the flow changes that sdnd sends to nodes while do runs and until
// everything has settled.
func (b *bed) changes(do func(), nodes ...string) map[string]int {
	b.t.Helper()
	b.settle()
	logs := map[string]*lab.ControlLog{}
	for _, name := range nodes {
		log, err := b.node(name).WatchControl(b.ctx)
		logs[name] = must(b, log, err)
	}
	do()
	b.settle()
	counts := map[string]int{}
	for name, log := range logs {
		n, err := log.Changes(b.ctx)
		counts[name] = must(b, n, err)
	}
	return counts
}

// sniff records what passes a container's eth0 until the end of the test.
func (b *bed) sniff(c *lab.Container) *lab.Sniffer {
	b.t.Helper()
	s, err := c.Sniff()
	return b.closing(must(b, s, err))
}

// sniffUnderlay records what a node sends to others until the end of the test.
func (b *bed) sniffUnderlay(node string) *lab.Sniffer {
	b.t.Helper()
	s, err := b.node(node).SniffUnderlay()
	return b.closing(must(b, s, err))
}

func (b *bed) closing(s *lab.Sniffer) *lab.Sniffer {
	b.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.t.Error(err)
		}
	})
	return s
}

// frames returns the frames that a sniffer has recorded and for which keep is true.
func (b *bed) frames(s *lab.Sniffer, keep func(lab.Frame) bool) []lab.Frame {
	b.t.Helper()
	all, err := s.Frames(b.ctx)
	b.must(err)
	return slices.DeleteFunc(all, func(f lab.Frame) bool { return !keep(f) })
}

// receivedARPRequest keeps ARP requests that the container received.
func receivedARPRequest(f lab.Frame) bool {
	a, ok := f.ARP()
	return ok && !f.Sent && a.Op == lab.ARPRequest
}

// receivedRequest keeps ARP requests and neighbour solicitations that the container
// received.
func receivedRequest(f lab.Frame) bool {
	m, ok := f.ICMPv6()
	return receivedARPRequest(f) || ok && !f.Sent && m.Type == 135
}

// nodes declares node1 to nodeN in YAML, ready for more documents.
func nodes(n int) string {
	var y strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&y, "{kind: Node, name: node%d, spec: {tunnelIP: 172.16.56.%d}}\n---\n", i, i+1)
	}
	return y.String()
}
