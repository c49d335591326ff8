// Package packetin brings packets that flows send to the controller to whoever
// answers them.
//
// A [Cause] is why flows send packets: they do so from one table, which no other
// cause uses, so that table and reason of a packet-in name its cause. Each cause has
// a queue and a goroutine of its own, so a cause whose answers are slow, or that is
// flooded, delays no other cause and no session.
//
// Within a cause the ports of all nodes take turns, and each has a budget of packets
// and bytes that may wait. A port beyond its budget loses its own oldest packet: who
// sent it has waited longest, and has likely asked again. When all ports together are
// beyond the cause's budget, the port with the most bytes loses. So a port that floods
// costs others nothing but their turn. What waited for longer than the cause's deadline
// is dropped unanswered.
//
// Before a packet comes here it has passed the session's own bounds (package
// session: Config.PacketInQueue and PacketInRate) and those of Open vSwitch, which know
// no ports. Flows that send packets of a port should therefore do so through a meter.
package packetin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// Cause is why flows send packets to the controller, and who answers them.
type Cause struct {
	// Name is the cause's name in metrics, such as "dhcp".
	Name string
	// Table is the table whose flows send the packets, by an action output to the
	// controller.
	Table openflow.TableID
	// PerPort is what may wait of one port of a node, and Total of all together. Each
	// must be at least 1 packet and 1 byte.
	PerPort, Total Budget
	// Deadline is how long after its arrival a packet may be answered; it must be more
	// than 0.
	Deadline time.Duration
	// Answer computes what is answered to a packet, from nothing but its arguments. It
	// is called for one packet of the cause at a time. The packet is not used by anyone
	// else. It has the Userdata of the flow's action (openflow.Actions.ControllerUserdata)
	// where the switch can do that, as Open vSwitch can from 2.6 on.
	Answer func(v *pipeline.View, p Port, m *openflow.PacketIn) Reply
	// MaxLater is how many answers may be computed by Reply.Later at once, MaxLaterPerPort
	// how many of them for one port. A packet beyond that gets no answer.
	MaxLater, MaxLaterPerPort int
}

// Reply is what is answered to a packet.
type Reply struct {
	// Flush is sent to that switch first, unless it is nil: it deletes an entry of the
	// switch's connection tracker.
	Flush *openflow.CTFlush
	// Out is sent to the switch that the packet came from; nil answers nothing.
	Out *openflow.PacketOut
	// Later computes the reply, unless it is nil, with the help of others, and so may take
	// until its context ends, which is when the queues stop. It runs beside the answers to
	// other packets.
	Later func(context.Context) Reply
	// Port is the name of the declared port that asked, "" if that is not known.
	Port string
	// What says in a few words what was asked, and what was answered or why nothing.
	What string
}

// Switches is what the queues need to answer.
type Switches interface {
	// View returns what is declared, and where its ports are.
	View() *pipeline.View
	// PacketOut sends to a node's switch. It never waits, and reports false if the
	// switch is away or takes no more.
	PacketOut(node string, m *openflow.PacketOut) bool
	// CTFlush does the same with an entry of the connection tracker. What is sent to one
	// switch arrives there in order.
	CTFlush(node string, m *openflow.CTFlush) bool
}

// Budget bounds the packets that wait, by their number and by the bytes of their
// frames.
type Budget struct{ Packets, Bytes int }

// holds reports whether packets are within the budget.
func (b Budget) holds(packets, bytes int) bool { return packets <= b.Packets && bytes <= b.Bytes }

// Port is a port of a node's switch.
type Port struct {
	Node string
	No   openflow.PortNo // 0 for a packet that does not say it
}

// check says what of a cause cannot be.
func (c Cause) check() error {
	for _, b := range []Budget{c.PerPort, c.Total} {
		if b.Packets < 1 || b.Bytes < 1 {
			return fmt.Errorf("packet-ins: cause %s has a budget of %d packets and %d bytes, want at least 1 of each", c.Name, b.Packets, b.Bytes)
		}
	}
	if c.Deadline <= 0 {
		return fmt.Errorf("packet-ins: cause %s has no deadline", c.Name)
	}
	return nil
}

// Queues are the queues of all causes.
type Queues struct{ byTable map[openflow.TableID]*queue }

// New returns the queues of causes; each cause must have a name and a table of its own. The counters are registered with reg, unless it is nil.
func New(reg prometheus.Registerer, causes ...Cause) (*Queues, error) {
	count := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sdnd_packet_ins_" + name + "_total", Help: help}, []string{"cause"})
	}
	received := count("received", "Packets that flows sent to the controller, by cause.")
	dropped := count("dropped", "Packets that were dropped because newer ones came faster than they were answered, by cause.")
	expired := count("expired", "Packets that were dropped because they could not be answered before their deadline, by cause.")
	answered := count("answered", "Packets that were answered, by cause.")
	unanswered := count("unanswered", "Packets that have no answer, or whose answer the switch did not take, by cause.")
	q := &Queues{byTable: map[openflow.TableID]*queue{}}
	names := map[string]bool{}
	for _, c := range causes {
		if q.byTable[c.Table] != nil || names[c.Name] {
			return nil, fmt.Errorf("packet-ins: cause %s (table %d) is there twice", c.Name, c.Table)
		}
		if err := c.check(); err != nil {
			return nil, err
		}
		names[c.Name] = true
		q.byTable[c.Table] = newQueue(c, counters{
			received: received.WithLabelValues(c.Name), dropped: dropped.WithLabelValues(c.Name),
			expired: expired.WithLabelValues(c.Name), answered: answered.WithLabelValues(c.Name), unanswered: unanswered.WithLabelValues(c.Name),
		})
	}
	if reg != nil {
		for _, v := range []*prometheus.CounterVec{received, dropped, expired, answered, unanswered} {
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
	c.put(Port{node, m.InPort()}, m, time.Now())
	return true
}

// Ports returns what came of each port for a table's cause, in no order; nothing for a
// table without. Of ports that sent nothing for long it may have forgotten some, if
// there are more than 65,536.
func (q *Queues) Ports(table openflow.TableID) map[Port]Counts {
	if q == nil || q.byTable[table] == nil {
		return nil
	}
	return q.byTable[table].counts()
}

// Recent returns what the cause of a name answered last, newest first; nothing for a
// name without.
func (q *Queues) Recent(name string) []Answered {
	if q == nil {
		return nil
	}
	for _, c := range q.byTable {
		if c.Name == name {
			return c.recent()
		}
	}
	return nil
}

// Causes returns the names of the causes, in alphabetical order.
func (q *Queues) Causes() (names []string) {
	if q == nil {
		return nil
	}
	for _, c := range q.byTable {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// Run answers packets until ctx ends, and returns nil then.
func (q *Queues) Run(ctx context.Context, to Switches) error {
	var g errgroup.Group
	for _, c := range q.byTable {
		g.Go(func() error {
			c.run(ctx, to)
			return nil
		})
	}
	return g.Wait()
}
