package packetin

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/openflow"
)

// maxPorts is how many ports a queue counts packets of.
const maxPorts = 1 << 16

// Counts is what came of the packets of one port. What is received and neither of the
// others still waits, or is being answered.
type Counts struct{ Received, Dropped, Expired, Answered, Unanswered uint64 }

// counters are the same of all ports of a cause.
type counters struct{ received, dropped, expired, answered, unanswered prometheus.Counter }

// maxRecent is how many answers a cause remembers.
const maxRecent = 512

// Answered is what was answered to a packet.
type Answered struct {
	At   time.Time
	From Port
	// Sent says that an answer was sent.
	Sent bool
	Reply
}

// queue has the packets of one cause that wait.
type queue struct {
	Cause
	counters counters
	// wakes has an element while there are packets.
	wakes chan struct{}

	mu    sync.Mutex
	ports map[Port]*line
	// turns are the lines with packets, the one whose turn it is first.
	turns          []*line
	packets, bytes int
	// later is how many replies are computed by Reply.Later now.
	later int
	// last are the newest answers, as a ring: the oldest is at next.
	last     []Answered
	lastNext int
}

// line has the packets of one port that wait, oldest first.
type line struct {
	port   Port
	waits  []packet
	few    [2]packet // memory of waits while it is short
	bytes  int
	later  int // as in queue
	counts Counts
}

// packet is a packet-in that waits.
type packet struct {
	m   *openflow.PacketIn
	due time.Time
}

func newQueue(c Cause, n counters) *queue {
	return &queue{Cause: c, counters: n, wakes: make(chan struct{}, 1), ports: map[Port]*line{}}
}

// put adds a packet, and drops what is beyond the budgets for it.
func (q *queue) put(p Port, m *openflow.PacketIn, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.line(p)
	l.counts.Received++
	q.counters.received.Inc()
	if len(l.waits) == 0 {
		q.turns = append(q.turns, l)
	}
	l.waits = append(l.waits, packet{m, now.Add(q.Deadline)})
	l.bytes += len(m.Data)
	q.packets++
	q.bytes += len(m.Data)
	for !q.PerPort.holds(len(l.waits), l.bytes) {
		q.drop(l)
	}
	for !q.Total.holds(q.packets, q.bytes) {
		q.drop(q.largest())
	}
	select {
	case q.wakes <- struct{}{}:
	default:
	}
}

// line returns the line of a port. For a new one it forgets another if there are too
// many.
func (q *queue) line(p Port) *line {
	if l, ok := q.ports[p]; ok {
		return l
	}
	if len(q.ports) >= maxPorts {
		for other, l := range q.ports {
			if len(l.waits) == 0 && l.later == 0 {
				delete(q.ports, other)
				break
			}
		}
	}
	l := &line{port: p}
	l.waits = l.few[:0]
	q.ports[p] = l
	return l
}

// largest returns the line with the most bytes, of equals that with the most packets.
func (q *queue) largest() *line {
	most := q.turns[0]
	for _, l := range q.turns[1:] {
		if l.bytes > most.bytes || l.bytes == most.bytes && len(l.waits) > len(most.waits) {
			most = l
		}
	}
	return most
}

// drop drops the oldest packet of a line.
func (q *queue) drop(l *line) {
	q.shift(l)
	l.counts.Dropped++
	q.counters.dropped.Inc()
	if len(l.waits) > 0 {
		return
	}
	for i, other := range q.turns {
		if other == l {
			q.turns = append(q.turns[:i:i], q.turns[i+1:]...)
			return
		}
	}
}

// shift takes the oldest packet of a line off.
func (q *queue) shift(l *line) packet {
	p := l.waits[0]
	l.waits[0] = packet{}
	if l.waits = l.waits[1:]; len(l.waits) == 0 {
		l.waits = l.few[:0]
	}
	l.bytes -= len(p.m.Data)
	q.packets--
	q.bytes -= len(p.m.Data)
	return p
}

// next takes the oldest packet of the port whose turn it is, of those that can be
// answered in time.
func (q *queue) next(now time.Time) (Port, packet, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.turns) > 0 {
		l := q.turns[0]
		q.turns[0] = nil
		q.turns = q.turns[1:]
		p := q.shift(l)
		if len(l.waits) > 0 {
			q.turns = append(q.turns, l)
		}
		if now.Before(p.due) {
			return l.port, p, true
		}
		l.counts.Expired++
		q.counters.expired.Inc()
	}
	return Port{}, packet{}, false
}

// counts returns a copy of the counts of all ports.
func (q *queue) counts() map[Port]Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make(map[Port]Counts, len(q.ports))
	for p, l := range q.ports {
		all[p] = l.counts
	}
	return all
}

// done counts what became of a packet that next took, and remembers the answer.
func (q *queue) done(p Port, r Reply, sent bool, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	counts, n := &q.line(p).counts, q.counters
	if sent {
		counts.Answered++
		n.answered.Inc()
	} else {
		counts.Unanswered++
		n.unanswered.Inc()
	}
	r.Flush, r.Out, r.Later = nil, nil, nil
	a := Answered{now, p, sent, r}
	if len(q.last) < maxRecent {
		q.last = append(q.last, a)
		return
	}
	q.last[q.lastNext] = a
	q.lastNext = (q.lastNext + 1) % maxRecent
}

// recent returns a copy of the newest answers, newest first.
func (q *queue) recent() []Answered {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := append(slices.Clone(q.last[q.lastNext:]), q.last[:q.lastNext]...)
	slices.Reverse(all)
	return all
}

// beginLater counts a reply that is computed beside others, and returns false if there are
// too many.
func (q *queue) beginLater(p Port) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.line(p)
	if q.later >= q.MaxLater || l.later >= q.MaxLaterPerPort {
		return false
	}
	q.later++
	l.later++
	return true
}

func (q *queue) endLater(p Port) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.later--
	q.line(p).later--
}

// reply sends a reply, at once or later.
func (q *queue) reply(ctx context.Context, g *errgroup.Group, to Switches, p Port, r Reply) {
	switch {
	case r.Later == nil:
		flushed := r.Flush == nil || to.CTFlush(p.Node, r.Flush)
		q.done(p, r, flushed && r.Out != nil && to.PacketOut(p.Node, r.Out), time.Now())
	case !q.beginLater(p):
		r.What += ": not answered, too many others wait for their answers"
		q.done(p, r, false, time.Now())
	default:
		g.Go(func() error {
			defer q.endLater(p)
			r := r.Later(ctx)
			r.Later = nil
			q.reply(ctx, g, to, p, r)
			return nil
		})
	}
}

// run answers the packets of the cause until ctx ends.
func (q *queue) run(ctx context.Context, to Switches) {
	var g errgroup.Group
	defer func() { _ = g.Wait() }() // its functions return no errors
	for {
		select {
		case <-q.wakes:
		case <-ctx.Done():
			return
		}
		for {
			port, p, ok := q.next(time.Now())
			if !ok || ctx.Err() != nil {
				break
			}
			q.reply(ctx, &g, to, port, q.Answer(to.View(), port, p.m))
		}
	}
}
