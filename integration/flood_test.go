package integration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestFloodingContainer: packets that a container sends from another address than its own,
// as fast as it can, are dropped and counted, and cost sdnd next to nothing: no flow-mod,
// no processor time. The loss of others' packets is only logged, since it depends on the
// datapath.
func TestFloodingContainer(t *testing.T) {
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: a, spec: {network: blue, node: node1}}
---
{kind: Port, name: b, spec: {network: blue, node: node2}}
---
{kind: Port, name: bad, spec: {network: blue, node: node1}}
`)
	one, two, bad := b.plug("a", "node1"), b.plug("b", "node2"), b.plug("bad", "node1")
	b.bound("a", "b", "bad")
	_, err := bad.Exec(b.ctx, "sh", "-c", "ip addr flush dev eth0; ip addr add 10.7.0.99/24 dev eth0; ip neigh add 10.7.0.200 lladdr 02:00:00:00:00:01 dev eth0")
	b.must(err)
	b.settle()

	const during = 2 * time.Second
	cpu := func() float64 { return b.metric("process_cpu_seconds_total")[""] }
	mods, idle := b.flowMods(), cpu()
	<-time.After(during) // what sdnd takes by itself
	idle = (cpu() - idle) / during.Seconds()

	probes := b.probe([2]*lab.Container{one, two})
	conn, err := bad.Dial(b.ctx, "udp", "10.7.0.200:9")
	b.must(err)
	defer conn.Close()
	flood, stop := context.WithCancel(b.ctx)
	defer stop()
	busy, began, sent := cpu(), time.Now(), 0
	var sender sync.WaitGroup
	sender.Go(func() {
		for packet := make([]byte, 18); flood.Err() == nil; sent++ {
			if _, err := conn.Write(packet); err != nil {
				sent-- // the queue of its interface is full
			}
		}
	})
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the port to say what it sends", func(ctx context.Context) error {
		p, err := b.api.Port(ctx, "bad")
		switch {
		case err != nil:
			return err
		case len(p.Status.Conditions) == 0 || p.Status.Conditions[0].Reason != "SourceAddressMismatch" || p.Status.Drops == nil:
			return fmt.Errorf("%+v", p.Status)
		case p.Status.Drops.IP != "10.7.0.99":
			return errors.New("from " + p.Status.Drops.IP)
		}
		return nil
	}))
	stop()
	sender.Wait()
	took := time.Since(began).Seconds()
	busy = (cpu() - busy) / took
	for _, r := range probes.stop() {
		t.Log(r) // one thread of ovs-vswitchd takes the packets of all
	}
	p, err := b.api.Port(b.ctx, "bad")
	b.must(err)
	t.Logf("sent %.0f a second, for %.1f s; at least %d dropped by the switch; sdnd took %.3f of a processor, %.3f without", float64(sent)/took,
		took, p.Status.Drops.Packets, busy, idle)
	if busy-idle > 0.1 {
		t.Errorf("the flood costs sdnd %.2f of a processor", busy-idle)
	}
	if n := b.flowMods() - mods; n != 0 {
		t.Errorf("%d flow-mods", n)
	}
	b.verify()
}
