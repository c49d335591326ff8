// Package packetin brings packets that flows send to the controller to whoever
// answers them.
//
// A [Cause] is why flows send packets: they do so from one table, which no other
// cause uses, so that table and reason of a packet-in name its cause. Each cause has
// a queue and a goroutine of its own. A queue that is full loses its oldest packet:
// who sent it has waited longest, and has likely asked again. So a cause whose answers
// are slow, or that is flooded, delays no other cause and no session.
package packetin

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/openflow"
)

// Cause is why flows send packets to the controller, and who answers them.
type Cause struct {
	// Name is the cause's name in metrics, such as "dhcp".
	Name string
	// Table is the table whose flows send the packets, by an action output to the
	// controller.
	Table openflow.TableID
	// Queue is how many packets may wait; at least 1.
	Queue int
	// Answer answers a packet that a node sent. It is called for one packet of the
	// cause at a time. The packet is not used by anyone else.
	Answer func(ctx context.Context, node string, m *openflow.PacketIn)
}

// packet is a packet-in that waits.
type packet struct {
	node string
	m    *openflow.PacketIn
}

// queue has the packets of one cause that wait, oldest first.
type queue struct {
	Cause
	received, dropped, answered prometheus.Counter

	mu    sync.Mutex
	waits []packet
	// wakes has an element while there are packets.
	wakes chan struct{}
}

// Queues are the queues of all causes.
type Queues struct{ byTable map[openflow.TableID]*queue }

// New returns the queues of causes, of which each must have a name and a table of
// its own. The counters are registered with reg, unless it is nil.
func New(reg prometheus.Registerer, causes ...Cause) (*Queues, error) {
	count := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sdnd_packet_ins_" + name + "_total", Help: help}, []string{"cause"})
	}
	received := count("received", "Packets that flows sent to the controller, by cause.")
	dropped := count("dropped", "Packets that were dropped because newer ones came faster than they were answered, by cause.")
	answered := count("answered", "Packets that were handed to whoever answers them, by cause.")
	q := &Queues{byTable: map[openflow.TableID]*queue{}}
	names := map[string]bool{}
	for _, c := range causes {
		if q.byTable[c.Table] != nil || names[c.Name] {
			return nil, fmt.Errorf("packet-ins: cause %s (table %d) is there twice", c.Name, c.Table)
		}
		if c.Queue < 1 {
			return nil, fmt.Errorf("packet-ins: cause %s has a queue of %d packets, want at least 1", c.Name, c.Queue)
		}
		names[c.Name] = true
		q.byTable[c.Table] = &queue{
			Cause: c, wakes: make(chan struct{}, 1),
			received: received.WithLabelValues(c.Name), dropped: dropped.WithLabelValues(c.Name), answered: answered.WithLabelValues(c.Name),
		}
	}
	if reg != nil {
		for _, v := range []*prometheus.CounterVec{received, dropped, answered} {
			if err := reg.Register(v); err != nil {
				return nil, fmt.Errorf("packet-ins: %w", err)
			}
		}
	}
	return q, nil
}

// Offer takes a packet that a node sent, and never waits. It returns false for one
// that no cause accounts for. A nil Queues has no causes.
func (q *Queues) Offer(node string, m *openflow.PacketIn) bool {
	if q == nil || m.Reason != openflow.ReasonAction {
		return false
	}
	c := q.byTable[m.Table]
	if c == nil {
		return false
	}
	c.received.Inc()
	c.mu.Lock()
	if len(c.waits) == c.Queue {
		c.waits[0] = packet{}
		c.waits = c.waits[1:]
		c.dropped.Inc()
	}
	c.waits = append(c.waits, packet{node, m})
	c.mu.Unlock()
	select {
	case c.wakes <- struct{}{}:
	default:
	}
	return true
}

// Run answers packets until ctx ends, and returns nil then.
func (q *Queues) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, c := range q.byTable {
		g.Go(func() error {
			c.run(ctx)
			return nil
		})
	}
	return g.Wait()
}

// run answers the packets of one cause.
func (c *queue) run(ctx context.Context) {
	for {
		select {
		case <-c.wakes:
		case <-ctx.Done():
			return
		}
		for p, ok := c.next(); ok && ctx.Err() == nil; p, ok = c.next() {
			c.answered.Inc()
			c.Answer(ctx, p.node, p.m)
		}
	}
}

// next takes the oldest packet.
func (c *queue) next() (p packet, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waits) == 0 {
		return packet{}, false
	}
	p = c.waits[0]
	c.waits[0] = packet{}
	c.waits = c.waits[1:]
	return p, true
}
