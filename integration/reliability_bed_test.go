package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/prober"
	"github.com/sdnctl/sdnctl/topology/model"
)

// elsewhere is a node that is declared and never connects: its ports cost every other node
// flows, and the machine nothing.
const elsewhere = "elsewhere"

// The subnets of the network that populate makes.
const blue4, blue6 = "10.64.0.0/12", "fd00:64::/64"

// flowsElsewhere is how many flows a port of a network of IPv4, or of both families, costs a
// node that has ports of the network, if the port is elsewhere (docs/cost.md).
func flowsElsewhere(subnets ...string) int { return 2 * len(subnets) }

// populate makes a network "blue" with the given subnets, two ports on each of node1 and node2,
// bound, and as many ports elsewhere as it takes for so many flows on each node. It returns the
// containers a1, b1 on node1 and a2, b2 on node2.
func populate(b *bed, flows int, subnets ...string) (a1, b1, a2, b2 *lab.Container) {
	b.t.Helper()
	var blue model.NetworkSpec
	for _, cidr := range subnets {
		blue.Subnets = append(blue.Subnets, model.Subnet{Prefix: netip.MustParsePrefix(cidr)})
	}
	b.join("node1", "node2")
	b.confirmed(must2(b.api.Apply(b.ctx, api.ApplyRequest{Objects: append(
		[]api.Object{
			object(b, "node1", model.NodeSpec{TunnelIP: b.node("node1").Addr}),
			object(b, "node2", model.NodeSpec{TunnelIP: b.node("node2").Addr}),
			object(b, elsewhere, model.NodeSpec{TunnelIP: netip.MustParseAddr("172.16.56.250")}),
			object(b, "blue", blue),
			object(b, "a1", model.PortSpec{Network: "blue", Node: "node1"}),
			object(b, "b1", model.PortSpec{Network: "blue", Node: "node1"}),
			object(b, "a2", model.PortSpec{Network: "blue", Node: "node2"}),
			object(b, "b2", model.PortSpec{Network: "blue", Node: "node2"}),
		}, far(b, "far", "blue", flows/flowsElsewhere(subnets...))...)})))
	a1, b1, a2, b2 = b.plug("a1", "node1"), b.plug("b1", "node1"), b.plug("a2", "node2"), b.plug("b2", "node2")
	b.bound("a1", "b1", "a2", "b2")
	return a1, b1, a2, b2
}

// far declares n ports elsewhere; see flowsElsewhere.
func far(b *bed, prefix, network string, n int) []api.Object {
	objects := make([]api.Object, n)
	for i := range objects {
		objects[i] = object(b, fmt.Sprintf("%s%d", prefix, i), model.PortSpec{Network: network, Node: elsewhere})
	}
	return objects
}

func object(b *bed, name string, spec model.Spec) api.Object {
	b.t.Helper()
	o, err := api.NewObject(name, nil, spec)
	return must(b, o, err)
}

// result is a change's revision, or the error.
type result struct {
	rev api.Revision
	err error
}

func must2(r api.ApplyResult, err error) result { return result{r.Revision, err} }

// put creates or replaces an object and waits until it is confirmed.
func (b *bed) put(name string, spec model.Spec) {
	b.t.Helper()
	o, err := b.api.Put(b.ctx, object(b, name, spec), 0)
	b.must(err)
	b.confirmed(result{rev: o.Meta.Revision})
}

// del deletes an object and waits until that is confirmed.
func (b *bed) del(kind api.Kind, name string) {
	b.t.Helper()
	rev, err := b.api.Delete(b.ctx, kind, name, 0)
	b.confirmed(result{rev, err})
}

// confirmed waits until every connected node has confirmed a revision. It does not wait for
// nodes that are not connected, as "elsewhere" never is.
func (b *bed) confirmed(r result) {
	b.t.Helper()
	b.must(r.err)
	b.must(lab.PollFor(b.ctx, 60*time.Second, fmt.Sprintf("revision %d to be confirmed", r.rev), func(ctx context.Context) error {
		acks, err := b.api.Acks(ctx, r.rev, 0)
		if err != nil {
			return err
		}
		for _, p := range acks.Pending {
			if p.Connected || p.Node == "" {
				return fmt.Errorf("node %q: %s", p.Node, p.Reason)
			}
		}
		return nil
	}))
}

// flowMods returns how many flow-mods the running sdnd has sent, by its own metric: those of
// some kinds ("add", "delete", "stamp"), or all.
func (b *bed) flowMods(kinds ...string) int {
	b.t.Helper()
	n := 0
	for labels, m := range b.metric("sdnd_openflow_flow_mods_total") {
		if len(kinds) == 0 || slices.ContainsFunc(kinds, func(k string) bool { return strings.Contains(labels, strconv.Quote(k)) }) {
			n += int(m)
		}
	}
	return n
}

// metric returns the values of a metric of sdnd, by labels as printed.
func (b *bed) metric(name string) map[string]float64 {
	b.t.Helper()
	var text string
	b.must(b.Controller.Get(b.ctx, "/metrics", &text))
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		at := strings.LastIndexByte(rest, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[at:]), 64)
		b.must(err)
		values[rest[:at]] = v
	}
	return values
}

// probes are probes that run at the same time.
type probes struct {
	b       *bed
	all     []*prober.Probe
	dropped int // before they began
}

// probe starts probes both ways between pairs of containers, and returns when
// packets flow.
func (b *bed) probe(pairs ...[2]*lab.Container) *probes {
	b.t.Helper()
	ps := &probes{b: b, dropped: b.dropped()}
	for _, pair := range pairs {
		for _, dir := range [][2]*lab.Container{pair, {pair[1], pair[0]}} {
			for _, a := range dir[0].Shared(dir[1]) {
				// The first packet would wait for ARP or ND.
				b.reach(dir[0], a.String())
				p, err := prober.Start(dir[0], dir[1], a)
				ps.all = append(ps.all, must(b, p, err))
			}
		}
	}
	ps.flow(50)
	return ps
}

// flow waits until n more packets of each probe have arrived.
func (ps *probes) flow(n int) {
	ps.b.t.Helper()
	for _, p := range ps.all {
		ps.b.must(p.Flowing(ps.b.ctx, n))
	}
}

// stop ends the probes and returns the report of each.
func (ps *probes) stop() []prober.Report {
	ps.b.t.Helper()
	var reports []prober.Report
	for _, p := range ps.all {
		r, err := p.Stop(ps.b.ctx)
		ps.b.must(err)
		reports = append(reports, r)
	}
	return reports
}

// lossless ends the probes; none may have lost anything.
func (ps *probes) lossless() {
	ps.b.t.Helper()
	ps.flow(50)
	for _, r := range ps.stop() {
		ps.b.t.Log(r)
		ps.b.noneLost(r, ps.dropped)
	}
}

// noneLost fails the test if packets were lost, unless the machine was too busy for them:
// no switch has lost a packet that no switch has seen. In the userspace datapath one thread
// of ovs-vswitchd takes packets from the kernel, which keeps some 270 of an interface for
// it. before is the result of dropped when the probe began.
func (b *bed) noneLost(r prober.Report, before int) {
	b.t.Helper()
	dropped := b.dropped() - before
	switch {
	case r.Refused > 0:
		b.t.Errorf("packets not sent: %v", r)
	case r.Lost > dropped:
		b.t.Errorf("packets lost, and at most %d of them because the machine is too slow: %v", dropped, r)
	case r.Lost > 0:
		b.t.Logf("the machine is too slow: %d packets waited too long for any ovs-vswitchd, the %d that %s lost among them", dropped, r.Lost, r.Name)
	}
}

// dropped is how many packets were lost before any flow was matched: the kernel dropped
// them while they waited for the joined nodes' ovs-vswitchd, or ovs-vswitchd did, since it
// was changing its threads or ports (datapath_drop_lock_error).
func (b *bed) dropped() int {
	b.t.Helper()
	drops := regexp.MustCompile(`skmem:\([^)]*,d(\d+)\)`)
	sum := 0
	for _, n := range b.joined {
		out, err := n.Exec(b.ctx, "ss", "--packet", "--memory", "--all", "--numeric")
		b.must(err)
		for _, m := range drops.FindAllStringSubmatch(out, -1) {
			d, err := strconv.Atoi(m[1])
			b.must(err)
			sum += d
		}
		out, err = n.AppCtl(b.ctx, "coverage/read-counter", "datapath_drop_lock_error")
		b.must(err)
		d, err := strconv.Atoi(strings.TrimSpace(out))
		b.must(err)
		sum += d
	}
	return sum
}

// witness receives from a switch itself every change of its flows, by sdnd and by others
// (ovs-ofctl(8), "monitor … watch:"). Unlike WatchControl it costs the switch nothing while
// nothing changes.
type witness struct {
	cmd    *exec.Cmd
	mu     sync.Mutex // guards events
	events []event
	ready  chan struct{} // closed when it hears
	done   chan struct{} // closed when it has ended
}

// event is one change of a flow, as ovs-ofctl prints it.
type event struct {
	at   time.Time
	text string
}

// witness starts the monitor; it ends with the test.
func (b *bed) witness(node string) *witness {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	w := &witness{ready: make(chan struct{}), done: make(chan struct{})}
	w.cmd = b.node(node).Command(ctx, "ovs-ofctl", "-O", "OpenFlow13", "--no-names", "monitor", "br-int", "watch:!initial")
	// It prints the answer to its request on stdout and all events on stderr.
	answer, err := w.cmd.StdoutPipe()
	b.must(err)
	news, err := w.cmd.StderrPipe()
	b.must(err)
	b.must(w.cmd.Start())
	go func() {
		defer close(w.done)
		w.read(answer, news)
	}()
	b.t.Cleanup(func() {
		cancel()
		<-w.done
		w.cmd.Wait() // killed: its error says nothing
	})
	select {
	case <-w.ready:
	case <-w.done:
		b.t.Fatalf("ovs-ofctl monitor on %s has ended", node)
	}
	return w
}

func (w *witness) read(answer, news io.Reader) {
	if _, err := answer.Read(make([]byte, 1)); err != nil {
		return
	}
	close(w.ready)
	for s := bufio.NewScanner(news); s.Scan(); {
		if text := strings.TrimSpace(s.Text()); strings.HasPrefix(text, "event=") {
			w.mu.Lock()
			w.events = append(w.events, event{time.Now(), text})
			w.mu.Unlock()
		}
	}
}

// matching returns the changes so far whose text contains all words.
func (w *witness) matching(words ...string) []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []event
	for _, e := range w.events {
		if containsAll(e.text, words) {
			got = append(got, e)
		}
	}
	return got
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// await waits for a change whose text contains all words.
func (w *witness) await(b *bed, words ...string) event {
	b.t.Helper()
	var got []event
	b.must(lab.PollFor(b.ctx, 10*time.Second, "a change with "+strings.Join(words, ", "), func(context.Context) error {
		if got = w.matching(words...); len(got) == 0 {
			return errors.New("not reported")
		}
		return nil
	}))
	return got[0]
}
