package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// load says how many questions are asked.
type load struct {
	// span is for how long.
	span time.Duration
	// rate is how many a second, over all askers, whether they are answered or not; 0 asks
	// the next one once one is answered, window of each asker at a time.
	rate, window int
}

// asker asks questions, and measures how long each waits for its answer. A question has a number of
// 16 bits; a number is used again after the others.
type asker struct {
	ports []*dnsPort
	// send sends the questions with these numbers.
	send func(ids []uint16) error
	// credits are questions that may be sent, each with the time from which it waits.
	credits chan time.Time

	mu     sync.Mutex // guards what follows
	window bool       // an answer gives a credit
	next   uint16
	sent   map[uint16]time.Time // of what waits for its answer
	took   samples
	wrong  error // of the first answer that is not right
}

// maxCredits is how many questions of an asker wait to be sent.
const maxCredits = 1 << 14

func newAsker(ports []*dnsPort) *asker {
	return &asker{ports: ports, credits: make(chan time.Time, maxCredits), sent: map[uint16]time.Time{}}
}

// portOf returns the port that asks the question with a number.
func (a *asker) portOf(id uint16) *dnsPort { return a.ports[int(id)%len(a.ports)] }

// answered takes an answer.
func (a *asker) answered(message []byte) {
	now := time.Now()
	if len(message) < 12 {
		return
	}
	id := binary.BigEndian.Uint16(message)
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.sent[id]
	if !ok {
		return // of an earlier load
	}
	delete(a.sent, id)
	a.took = append(a.took, now.Sub(at))
	// One record, whose data are the last bytes (RFC 1035, 4.1).
	if want := a.portOf(id).want.AsSlice(); message[3]&0xf != 0 || binary.BigEndian.Uint16(message[6:]) != 1 || !bytes.HasSuffix(message, want) {
		a.wrong = errors.Join(a.wrong, fmt.Errorf("answered %x, want the address %x in it", message, want))
	}
	if a.window {
		a.credit(now)
	}
}

// credit allows one more question. Beyond maxCredits it is left out.
func (a *asker) credit(now time.Time) {
	select {
	case a.credits <- now:
	default:
	}
}

// run sends what it has credit for until ctx ends.
func (a *asker) run(ctx context.Context) error {
	var ids []uint16
	for {
		var due time.Time
		select {
		case <-ctx.Done():
			return nil
		case due = <-a.credits:
		}
		more := len(a.credits)
		ids = ids[:0]
		a.mu.Lock()
		for i := 0; ; i++ {
			ids = append(ids, a.next)
			a.sent[a.next] = due
			a.next++
			if i == more {
				break
			}
			due = <-a.credits
		}
		err := a.wrong
		a.mu.Unlock()
		if err := errors.Join(err, a.send(ids)); err != nil {
			return err
		}
	}
}

// asked is what came of a load.
type asked struct {
	took samples
	// unanswered is how many questions had no answer, a second after the last was asked.
	unanswered int
	span       time.Duration
}

// rate returns how many answers there were a second.
func (a asked) rate() float64 { return float64(len(a.took)) / a.span.Seconds() }

// askEvery is how often questions are asked that have a given rate.
const askEvery = time.Millisecond

// askAll has all askers ask, and returns what came of it. Questions without an answer are
// counted a second after the last one.
func askAll(ctx context.Context, all []*asker, l load) (sum asked, err error) {
	for _, a := range all {
		a.begin(l.rate == 0)
		for range l.window {
			a.credit(time.Now())
		}
	}
	loaded, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	for _, a := range all {
		g.Go(func() error { return a.run(loaded) })
	}
	started := time.Now()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for asks := 0; time.Since(started) < l.span; {
		select {
		case <-ctx.Done():
			cancel()
			return sum, errors.Join(context.Cause(ctx), g.Wait())
		case <-tick.C:
		}
		now := time.Now()
		for due := int(now.Sub(started).Seconds() * float64(l.rate)); asks < due; asks++ {
			all[asks%len(all)].credit(now)
		}
	}
	sum.span = time.Since(started)
	cancel()
	err = g.Wait()
	for deadline := time.Now().Add(time.Second); waiting(all) > 0 && time.Now().Before(deadline) && ctx.Err() == nil; {
		<-tick.C
	}
	for _, a := range all {
		err = errors.Join(err, a.end(&sum))
	}
	if err == nil && len(sum.took) == 0 {
		err = errors.New("no question had an answer")
	}
	return sum, err
}

// waiting returns how many questions wait for their answers.
func waiting(all []*asker) (n int) {
	for _, a := range all {
		a.mu.Lock()
		n += len(a.sent)
		a.mu.Unlock()
	}
	return n
}

// begin begins a load, in which answers give credits or do not.
func (a *asker) begin(window bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.window, a.took = window, nil
}

// end adds what came of a load to a sum.
func (a *asker) end(sum *asked) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	sum.took, sum.unanswered = append(sum.took, a.took...), sum.unanswered+len(a.sent)
	clear(a.sent)
	for len(a.credits) > 0 {
		<-a.credits
	}
	return a.wrong
}
