package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Reach says whether an address must answer what a container asks of it.
type Reach struct {
	// From is who asks.
	From *Container
	// To is the address that is asked.
	To netip.Addr
	// Want is whether an answer must come.
	Want bool
}

// How CheckReach asks. What must not be answered is asked more than once, for a
// first packet may be lost, and is waited for much longer than an answer takes.
const (
	reachLimit  = 10 * time.Second
	reachEvery  = 50 * time.Millisecond
	refuseTimes = 3
	refuseEvery = 100 * time.Millisecond
)

// CheckReach sends echo requests and returns an error that names each
// expectation that was not met. What should be answered is asked again and
// again for ten seconds; what should not is asked three times within 300 ms,
// after everything else was answered, so that "not yet" is not taken for
// "never". All are asked at once and by this process, for a process per pair
// would take most of the time.
func CheckReach(ctx context.Context, all []Reach) (err error) {
	// No question is answered twice, so no asker ever waits for room.
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

// awaitAnswers asks until every question is answered.
func awaitAnswers(ctx context.Context, open []*question, answers <-chan *question) error {
	ctx, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	waiting := map[*question]bool{}
	for _, q := range open {
		waiting[q] = true
	}
	refused := map[*question]error{} // by the kernel, at the last attempt
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

// awaitSilence asks what must not be answered.
func awaitSilence(ctx context.Context, all []*question, answers <-chan *question) error {
	if len(all) == 0 {
		return nil
	}
	tick := time.NewTicker(refuseEvery)
	defer tick.Stop()
	var errs []error
	for range refuseTimes {
		for _, q := range all {
			// Where the kernel has no way to send it, it does not get there.
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
