package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Verdict is the result of an audit.
type Verdict string

// The verdicts. Unknown is for a switch that could not be read.
const (
	Equal   Verdict = "equal"
	Differs Verdict = "differs"
	Unknown Verdict = "unknown"
)

// Comparison is the result of an audit: everything on a switch compared with what the
// switch should have.
type Comparison struct {
	Verdict Verdict
	// Foreign is how many flows were removed and Missing how many were added.
	Foreign, Missing int
	// Reason says why the verdict is Unknown.
	Reason string
}

// auditReply answers a request for an audit.
type auditReply struct {
	found found
	err   error
}

// Audit compares the switch now and repairs it. It waits until outstanding changes are
// confirmed, so that it takes none of them for a difference.
func (w *Worker) Audit(ctx context.Context) Comparison {
	unknown := func(why string) Comparison { return Comparison{Verdict: Unknown, Reason: why} }
	ask := make(chan auditReply, 1)
	select {
	case w.audits <- ask:
	case <-w.ended:
		return unknown("its switch has disconnected")
	case <-ctx.Done():
		return unknown("its switch was busy for too long")
	}
	select {
	case r := <-ask:
		a := Comparison{Verdict: Equal, Foreign: len(r.found.foreign), Missing: len(r.found.missing)}
		switch {
		case r.err != nil:
			return unknown(r.err.Error())
		case a.Foreign+a.Missing > 0:
			a.Verdict = Differs
		}
		return a
	case <-w.ended:
		return unknown("its switch has disconnected")
	case <-ctx.Done():
		return unknown("its switch did not answer in time")
	}
}

// audit compares the whole switch with the view that it was last sent. No change by sdnd is
// outstanding, so others made all differences.
func (w *Worker) audit(ctx context.Context) (found, error) {
	w.verify = nil
	if w.view == nil {
		return found{}, nil // a comparison waits already
	}
	before := w.hasReports()
	got, err := w.compare(ctx, w.view, false)
	if err != nil {
		return found{}, w.orResync(fmt.Errorf("audit: %w", err))
	}
	// The reports of the monitor have more detail than a comparison.
	if !before && !w.hasReports() {
		w.report(w.driftsFound(got, "audit"), true)
	}
	return got, nil
}

// auditAfter returns the time until the next audit: short for a switch that does not
// report changes by others. The time is random, so that nodes are not audited all at once.
func (w *Worker) auditAfter() time.Duration {
	d := w.pool.cfg.AuditEvery
	if w.monitor != nil {
		d *= 10
	}
	return d/2 + rand.N(d)
}
