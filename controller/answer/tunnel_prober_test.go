package answer

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// underlay is the way between switches: it loses what lost says, by sender, receiver and size of the
// payload.
type underlay struct {
	view   *pipeline.View
	prober *TunnelProber

	mu     sync.Mutex // of all below
	lost   func(from, to string, size int) bool
	away   map[string]bool
	sent   int
	faults string // as reported
}

// change changes how packets fare.
func (u *underlay) change(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

// settled reports whether a node is not away.
func (u *underlay) settled(node string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !u.away[node]
}

func (u *underlay) View() *pipeline.View                   { return u.view }
func (u *underlay) CTFlush(string, *openflow.CTFlush) bool { return true }

func (u *underlay) PacketOut(node string, m *openflow.PacketOut) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.away[node] {
		return false
	}
	u.sent++
	for n := range u.view.Topo.Nodes() {
		to := pipeline.ToTunnel(9, n.Spec.TunnelIP)
		if m.Actions.String() == to.String() && !u.lost(node, n.Name, len(m.Data)-14) {
			u.prober.arrived(u.view, packetin.Port{Node: n.Name, No: 9}, &openflow.PacketIn{Data: m.Data[:min(len(m.Data), pipeline.TunnelProbeBytes)]})
		}
	}
	return true
}

// newUnderlay has nodes n1 to n3 with ports of one network, and n4 with ports of another.
func newUnderlay(t *testing.T) *underlay {
	t.Helper()
	var ops []topology.Op
	op := func(kind topology.Kind, name string, s topology.Spec) {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: kind, Name: name}, Spec: s})
	}
	op(topology.KindNetwork, "blue", topology.NetworkSpec{VNI: 100, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}})
	op(topology.KindNetwork, "red", topology.NetworkSpec{VNI: 200, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.1.0.0/24")}}})
	var u pipeline.Update
	for i, network := range []string{"blue", "blue", "blue", "red"} {
		node := fmt.Sprintf("n%d", i+1)
		op(topology.KindNode, node, topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})})
		op(topology.KindPort, "p"+node, topology.PortSpec{Network: network, Node: node})
		u.Tunnels = append(u.Tunnels, pipeline.TunnelChange{Node: node, After: 9})
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return &underlay{
		view: pipeline.NewView(r.Next).Next(u), prober: NewTunnelProber(), away: map[string]bool{},
		lost: func(string, string, int) bool { return false },
	}
}

// faultsText is what fails, in order.
func faultsText(all map[pipeline.TunnelPath]pipeline.TunnelFault) string {
	var lines []string
	for of, f := range all {
		lines = append(lines, fmt.Sprintf("%s>%s %s/%d", of.From, of.To, f.Network, f.Size))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

// TestTunnelProber: what does not arrive is reported with its direction and size, once it has failed
// twice, until it arrives again or one of the nodes is away; nothing is while all is well.
func TestTunnelProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUnderlay(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		sent := 0
		go func() {
			done <- u.prober.Run(ctx, u, u.settled, func(all map[pipeline.TunnelPath]pipeline.TunnelFault) {
				u.change(func() { u.faults = faultsText(all) })
			})
		}()
		const none = "nothing reported"
		// after lets time pass after a change, and checks what has been reported.
		after := func(what string, d time.Duration, change func(), want string) {
			t.Helper()
			u.change(func() {
				if change(); want == none {
					u.faults = none
				}
			})
			time.Sleep(d)
			u.mu.Lock()
			defer u.mu.Unlock()
			if u.faults != want {
				t.Errorf("%s: %q, want %q", what, u.faults, want)
			}
		}
		loses := func(lost func(from, to string, size int) bool) func() { return func() { u.lost = lost } }
		nothing := loses(func(string, string, int) bool { return false })
		after("all is well", time.Minute, nothing, none)
		if u.change(func() { sent = u.sent }); sent < 100 {
			t.Errorf("%d packets in a minute", sent)
		}
		after("a way loses all", 20*time.Second, loses(func(from, to string, _ int) bool { return from == "n1" && to == "n3" }), "n1>n3 blue/0")
		after("ways lose what is large", 20*time.Second, loses(func(_, to string, size int) bool { return to == "n2" && size > 1400 }), "n1>n2 blue/1450, n3>n2 blue/1450")
		after("a node is away", 20*time.Second, func() { u.away["n3"] = true }, "n1>n2 blue/1450")
		after("all is well again", 20*time.Second, func() { u.away["n3"] = false; nothing() }, "")
		after("every other try is lost", time.Minute, loses(func(string, string, int) bool { return time.Now().Second()%2 == 0 }), none)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(u.prober.running) > 2*maxTunnelProbes || len(u.prober.waiting) > 2*maxTunnelProbes {
			t.Errorf("%d probes run", len(u.prober.running))
		}
	})
}
