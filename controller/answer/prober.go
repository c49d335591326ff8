package answer

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// Bounds of probes. What is beyond them waits for the next tick, so that with very many
// checks the intervals become longer.
const (
	probeTick = 50 * time.Millisecond
	// maxProbes and maxNodeProbes are how many probes are sent in a tick: 2,000 and 100 a
	// second.
	maxProbes     = 100
	maxNodeProbes = 5
	// checksEvery is how often the prober looks for other backends.
	checksEvery = time.Second
)

// Prober checks the backends of services with health checks: it has their switches send
// probes to them, and reads the answers.
type Prober struct {
	mu      sync.Mutex
	targets map[targetKey]*target
	// waiting has the targets whose probe has no answer yet.
	waiting map[probeKey]*target
	results []result
	wake    chan struct{}
}

// targetKey is a backend of a service.
type targetKey struct{ service, port string }

// probeKey finds the probe that was answered: the port of a node that it was sent to, and
// its own port or identifier.
type probeKey struct {
	node string
	in   openflow.PortNo
	port uint16
}

type target struct {
	pipeline.Check
	// next is when the next probe is sent. sent is when the one without an answer was,
	// zero if there is none, and key is its own; talk that of a probe by TCP, and number
	// that of a ping.
	next, sent time.Time
	key        probeKey
	talk       *conversation
	number     uint16
	// again is when what the backend has not acknowledged is sent again, and pause how
	// long after that once more.
	again time.Time
	pause time.Duration
	// good and bad count the results of one kind in a row.
	good, bad int
}

// result is of one probe; why is "" for a good one.
type result struct {
	of  targetKey
	why string
}

// NewProber returns a prober without targets.
func NewProber() *Prober {
	return &Prober{targets: map[targetKey]*target{}, waiting: map[probeKey]*target{}, wake: make(chan struct{}, 1)}
}

// Cause brings the answers to the prober.
func (p *Prober) Cause() packetin.Cause {
	return packetin.Cause{
		Name: "health-check", Table: pipeline.TableClassify, Answer: p.answered, Deadline: 10 * time.Second,
		PerPort: packetin.Budget{Packets: 64, Bytes: 32 << 10}, Total: packetin.Budget{Packets: 8192, Bytes: 8 << 20},
	}
}

// Run probes until ctx ends, and returns nil then. It calls report with the backends whose
// health has changed.
func (p *Prober) Run(ctx context.Context, to packetin.Switches, report func([]pipeline.HealthChange)) error {
	t := time.NewTicker(probeTick)
	defer t.Stop()
	var seen uint64 // of the view
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-p.wake:
		}
		now, v := time.Now(), to.View()
		var changes []pipeline.HealthChange
		if v.Seq != seen && now.Sub(looked) >= checksEvery {
			seen, looked = v.Seq, now
			changes = p.look(v, now)
		}
		p.expire(to, now)
		if changes = append(changes, p.settle(v)...); len(changes) > 0 {
			report(changes)
		}
		p.send(to, now)
	}
}

// look takes over the checks of a view. It returns the backends of which nothing is known
// any more, because they are none, or have no interface.
func (p *Prober) look(v *pipeline.View, now time.Time) (forgotten []pipeline.HealthChange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	had := p.targets
	p.targets = make(map[targetKey]*target, len(had))
	for c := range v.Checks() {
		k := targetKey{c.Service, c.Port}
		t := had[k]
		switch {
		case t == nil:
			t = &target{next: now}
		case t.Check != c:
			t.drop(p)
			t.next = now
		}
		t.Check = c
		p.targets[k] = t
		delete(had, k)
	}
	for _, t := range had {
		t.drop(p)
	}
	for h := range v.Healths() {
		if p.targets[targetKey{h.Service, h.Port}] == nil {
			forgotten = append(forgotten, pipeline.HealthChange{Service: h.Service, Port: h.Port})
		}
	}
	return forgotten
}

// drop forgets the probe that waits for an answer.
func (t *target) drop(p *Prober) {
	if !t.sent.IsZero() {
		delete(p.waiting, t.key)
		t.sent = time.Time{}
	}
}

// expire gives up the probes whose time is over. What a backend has accepted is reset.
func (p *Prober) expire(to packetin.Switches, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.waiting {
		if now.Sub(t.sent) < time.Duration(t.Spec.Timeout) {
			continue
		}
		why := fmt.Sprintf("does not answer within %v", t.Spec.Timeout)
		if t.talk != nil {
			if why = t.talk.silent(t.Spec.Timeout); t.talk.accepted {
				t.out(to, t.talk.reset())
			}
		}
		t.drop(p)
		p.results = append(p.results, result{targetKey{t.Service, t.Port}, t.asked() + " " + why})
	}
}

// settle counts the results that have come, and returns the backends whose health changes by
// them.
func (p *Prober) settle(v *pipeline.View) (changes []pipeline.HealthChange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.results {
		t := p.targets[r.of]
		if t == nil {
			continue
		}
		is := v.Health(t.Service, t.Port)
		if after := t.count(is, r.why); after != is {
			changes = append(changes, pipeline.HealthChange{Service: t.Service, Port: t.Port, After: after})
		}
	}
	p.results = nil
	return changes
}

// count counts a result, and returns the health of the backend after it.
func (t *target) count(is pipeline.Health, why string) pipeline.Health {
	if why == "" {
		t.good, t.bad = t.good+1, 0
		if !is.Healthy && is.Why != "" && t.good < t.Spec.Successes {
			return is
		}
		return pipeline.Health{Healthy: true}
	}
	t.good, t.bad = 0, t.bad+1
	if is.Healthy && t.bad < t.Spec.Failures {
		return is
	}
	return pipeline.Health{Why: why}
}

// asked says what is probed.
func (t *target) asked() string {
	if t.TCP == 0 {
		return fmt.Sprint(t.Backend)
	}
	return fmt.Sprintf("port %d of TCP", t.TCP)
}

// send sends the probes that are due, and again what was lost, within bounds, those first that
// have waited longest.
func (p *Prober) send(to packetin.Switches, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []*target
	for _, t := range p.targets {
		if at, ok := t.due(); ok && t.OFPort != 0 && !at.After(now) {
			due = append(due, t)
		}
	}
	slices.SortFunc(due, func(a, b *target) int {
		first, _ := a.due()
		second, _ := b.due()
		return cmp.Or(first.Compare(second), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port))
	})
	left, perNode := maxProbes, map[string]int{}
	for _, t := range due {
		if left == 0 {
			return
		}
		if perNode[t.Node] == maxNodeProbes {
			continue
		}
		left--
		perNode[t.Node]++
		if t.sent.IsZero() {
			p.probe(to, t, now)
		} else {
			t.repeat(to, now)
		}
	}
}

// due is when something is sent next; ok is false while the backend has all that it needs.
func (t *target) due() (at time.Time, ok bool) {
	switch {
	case t.sent.IsZero():
		return t.next, true
	case t.talk == nil:
		return at, false
	}
	_, lacks := t.talk.pending()
	return t.again, lacks
}

// probe sends a probe. A switch that is away is no failure of the backend.
func (p *Prober) probe(to packetin.Switches, t *target, now time.Time) {
	t.next = now.Add(time.Duration(t.Spec.Interval))
	k := probeKey{t.Node, t.OFPort, 1<<15 | uint16(rand.UintN(1<<15))}
	if p.waiting[k] != nil {
		return // of another service; the next one has another number
	}
	t.key, t.talk, t.number = k, nil, uint16(rand.Uint32())
	if t.TCP != 0 {
		authority := netip.AddrPortFrom(t.Backend, t.TCP).String()
		t.talk = &conversation{start: rand.Uint32(), question: questionOf(t.Spec, authority)}
		s, _ := t.talk.pending()
		if !t.out(to, s) {
			return
		}
	} else if frame, err := pingFrame(t.Probe, k.port, t.number); err != nil || !t.frame(to, frame) {
		return
	}
	t.sent = now
	t.await(now)
	p.waiting[k] = t
}

// await sets when what the backend has not acknowledged is sent again: after a quarter of the
// timeout, and then after twice as long.
func (t *target) await(now time.Time) {
	t.pause = time.Duration(t.Spec.Timeout) / 4
	t.again = now.Add(t.pause)
}

// repeat sends again what the backend has not acknowledged.
func (t *target) repeat(to packetin.Switches, now time.Time) {
	s, _ := t.talk.pending()
	t.out(to, s)
	t.pause *= 2
	t.again = now.Add(t.pause)
}

// out sends a segment to the backend. It reports whether the switch takes it.
func (t *target) out(to packetin.Switches, s segment) bool {
	frame, err := segmentFrame(t.Probe, t.key.port, s)
	return err == nil && t.frame(to, frame)
}

func (t *target) frame(to packetin.Switches, frame []byte) bool {
	return to.PacketOut(t.Node, openflow.NewPacketOut(frame, openflow.Actions(nil).Output(t.OFPort)))
}

// answered takes an answer to a probe.
func (p *Prober) answered(_ *pipeline.View, from packetin.Port, m *openflow.PacketIn) packetin.Reply {
	a, err := readProbeAnswer(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := func(frame []byte, err error) *openflow.PacketOut {
		if frame == nil || err != nil {
			return nil
		}
		return openflow.NewPacketOut(frame, openflow.Actions(nil).Output(from.No))
	}
	t := p.waiting[probeKey{from.Node, from.No, a.port}]
	if t == nil || t.Backend != a.back.dst || t.Gateway != a.back.src || t.TCP != a.tcp || t.talk == nil && t.number != a.number {
		return packetin.Reply{What: "answers no probe that waits", Out: out(a.unknown())}
	}
	r, v := packetin.Reply{Port: t.Port, What: "answer to a probe of service " + t.Service}, verdict{done: true}
	if t.talk != nil {
		had := t.talk.accepted
		var s segment
		var ok bool
		if s, ok, v = t.talk.received(a.segment); ok {
			r.Out = out(segmentFrame(t.Probe, a.port, s))
		}
		if !had && t.talk.accepted {
			t.await(time.Now())
		}
	}
	if !v.done {
		return r
	}
	why := v.why
	if why != "" {
		why = t.asked() + " " + why
	}
	t.drop(p)
	p.results = append(p.results, result{targetKey{t.Service, t.Port}, why})
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return r
}
