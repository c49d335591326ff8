package answer

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// probed is a switch with one backend of a service, which accepts, refuses, is silent, or
// answers with the wrong number. Its view has what was reported.
type probed struct {
	view   atomic.Pointer[pipeline.View]
	prober *Prober
	how    atomic.Value // of a string
	// probes and resets count what came.
	probes, resets atomic.Int64
}

func (p *probed) View() *pipeline.View                   { return p.view.Load() }
func (p *probed) CTFlush(string, *openflow.CTFlush) bool { return true }

func (p *probed) PacketOut(node string, m *openflow.PacketOut) bool {
	how := p.how.Load()
	if how == "away" {
		return false
	}
	got := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.Default)
	tcp, ok := got.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok || node != "n1" {
		return false
	}
	p.probes.Add(1)
	ip := got.NetworkLayer().NetworkFlow()
	src, _ := netip.AddrFromSlice(ip.Dst().Raw())
	dst, _ := netip.AddrFromSlice(ip.Src().Raw())
	reply := &layers.TCP{SrcPort: tcp.DstPort, DstPort: tcp.SrcPort, Ack: tcp.Seq + 1, ACK: true, SYN: how == "accepts", RST: how == "refuses"}
	switch how {
	case "silent":
		return true
	case "wrong":
		reply.SYN, reply.Ack = true, tcp.Seq+2
	}
	frame, err := envelope{src: src, dst: dst}.frame(layers.IPProtocolTCP, ttl, reply, reply, nil)
	if err != nil {
		return false
	}
	var match openflow.Match
	go func() {
		r := p.prober.answered(p.View(), packetin.Port{Node: "n1", No: 5}, &openflow.PacketIn{Match: match.InPort(5), Data: frame})
		if r.Out != nil {
			p.resets.Add(1)
		}
	}()
	return true
}

// TestProber: a backend waits for its first success, fails after the failures in a row that
// its check allows, whatever way it fails, and returns after the successes.
func TestProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probed{prober: NewProber()}
		p.view.Store(checkedView(t))
		p.how.Store("silent")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- p.prober.Run(ctx, p, func(all []pipeline.HealthChange) { p.view.Store(p.View().Next(pipeline.Update{Health: all})) })
		}()
		expect := func(how string, after time.Duration, want pipeline.Health) {
			t.Helper()
			p.how.Store(how)
			time.Sleep(after)
			synctest.Wait()
			if got := p.View().Health("web", "web1"); got != want {
				t.Errorf("%s for %v: %+v, want %+v", how, after, got, want)
			}
		}
		healthy := pipeline.Health{Healthy: true}
		silent := pipeline.Health{Why: "port 8080 of TCP does not answer within 1s"}
		refused := pipeline.Health{Why: "port 8080 of TCP refuses connections"}
		expect("silent", 500*time.Millisecond, pipeline.Health{})
		expect("silent", time.Second, silent)
		expect("accepts", 2*time.Second, silent) // one success of two
		expect("accepts", 2*time.Second, healthy)
		expect("refuses", 2*time.Second, healthy) // one failure of two
		expect("accepts", 2*time.Second, healthy)
		expect("refuses", 4*time.Second, refused)
		expect("accepts", 4*time.Second, healthy)
		expect("away", 20*time.Second, healthy)
		expect("wrong", 8*time.Second, silent)
		if resets, probes := p.resets.Load(), p.probes.Load(); resets == 0 || probes < 10 {
			t.Errorf("%d probes, %d connections reset", probes, resets)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// checkedView has a service with one backend on a node, checked every two seconds.
func checkedView(t *testing.T) *pipeline.View {
	t.Helper()
	return checkedBy(t, &model.HealthCheck{Interval: model.Duration(2 * time.Second), Timeout: model.Duration(time.Second), Failures: 2, Successes: 2})
}

// checkedBy is checkedView with another check.
func checkedBy(t *testing.T, check *model.HealthCheck) *pipeline.View {
	t.Helper()
	r, err := topology.Plan(topology.NewSnapshot(), []topology.Op{
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "net"}, Spec: topology.NetworkSpec{Mode: topology.Segmented, ContainersPerNode: 20, MaxNodes: 10, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindNode, Name: "n1"}, Spec: topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: topology.KindPort, Name: "web1"}, Spec: topology.PortSpec{Network: "net", Node: "n1"}},
		{Verb: topology.Put, Ref: topology.Ref{Kind: model.KindService, Name: "web"}, Spec: model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Networks: []string{"net"},
			Ports:       []model.ServicePort{{Port: 80, TargetPort: model.TargetPort{Number: 8080}}},
			Backends:    model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "web1"}}},
			HealthCheck: check,
		}},
	}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.NewView(topology.NewSnapshot()).
		Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Numberings: r.Numberings}).
		Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "web1", After: pipeline.Place{Node: "n1", OFPort: 5}}}})
}
