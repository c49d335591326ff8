package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Reach is an expectation: whether an address answers echo requests of a container.
type Reach struct {
	// From is the container that asks.
	From *Container
	// To is the address.
	To netip.Addr
	// Want says whether the address must answer.
	Want bool
}

// The timing of CheckReach. Requests that must not be answered are sent several times, as a
// first packet may be lost, and CheckReach waits much longer than an answer takes.
const (
	reachLimit  = 10 * time.Second
	reachEvery  = 50 * time.Millisecond
	refuseTimes = 3
	refuseEvery = 100 * time.Millisecond
)

// CheckReach sends echo requests and returns an error that names each expectation that was not
// met. Requests that should be answered are repeated for up to ten seconds. Those that should
// not be answered are sent three times within 300 ms, after all others were answered, so that
// "not yet" is not taken for "never". All requests are sent concurrently by this process, since
// a process for each pair would take much longer.
func CheckReach(ctx context.Context, all []Reach) (err error) {
	// Each question is reported once, so the channel has room for all of them.
	answers := make(chan *question, len(all))
	askers := map[*Container]*asker{}
	defer func() {
		for _, a := range askers {
			err = errors.Join(err, a.close())
		}
	}()
	var yes, no []*question
	for _, r := range all {
		a, ok := askers[r.From]
		if !ok {
			if a, err = newAsker(r.From, answers); err != nil {
				return err
			}
			askers[r.From] = a
		}
		q, err := a.add(r)
		switch {
		case err != nil:
			return err
		case r.Want:
			yes = append(yes, q)
		default:
			no = append(no, q)
		}
	}
	for _, a := range askers {
		a.start()
	}
	if err := awaitAnswers(ctx, yes, answers); err != nil {
		return err
	}
	return awaitSilence(ctx, no, answers)
}

// awaitAnswers sends requests until every question is answered.
func awaitAnswers(ctx context.Context, open []*question, answers <-chan *question) error {
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	waiting := map[*question]bool{}
	for _, q := range open {
		waiting[q] = true
	}
	refused := map[*question]error{} // errors of the kernel at the last attempt
	ask := func() {
		for _, q := range open { // in order, so that errors are, too
			if waiting[q] {
				refused[q] = q.ask()
			}
		}
	}
	ask()
	for len(waiting) > 0 {
		select {
		case q := <-answers:
			delete(waiting, q)
		case <-tick.C:
			ask()
		case <-ctx.Done():
			var errs []error
			for _, q := range open {
				if waiting[q] {
					errs = append(errs, errors.Join(fmt.Errorf("%s got no answer from %s (%w)", q.who(), q.To, ctx.Err()), refused[q]))
				}
			}
			return errors.Join(errs...)
		}
	}
	return nil
}

// awaitSilence sends the requests that must not be answered.
func awaitSilence(ctx context.Context, all []*question, answers <-chan *question) error {
	if len(all) == 0 {
		return nil
	}
	tick := time.NewTicker(refuseEvery)
	defer tick.Stop()
	var errs []error
	for range refuseTimes {
		for _, q := range all {
			// If the kernel cannot send the request, the address is not reached.
			_ = q.ask()
		}
		for waiting := true; waiting; {
			select {
			case q := <-answers:
				errs = append(errs, fmt.Errorf("%s reaches %s, which it should not", q.who(), q.To))
			case <-tick.C:
				waiting = false
			case <-ctx.Done():
				return errors.Join(append(errs, ctx.Err())...)
			}
		}
	}
	return errors.Join(errs...)
}
