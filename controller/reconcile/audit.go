package reconcile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// Verdict is the result of an audit.
type Verdict string

// The verdicts. Unknown is for a switch that could not be read.
const (
	Equal   Verdict = "equal"
	Differs Verdict = "differs"
	Unknown Verdict = "unknown"
)

// Audit is the result of comparing everything on a node's switch with what the switch
// should have.
type Audit struct {
	Node    string
	Verdict Verdict
	// Revision is the revision of the topology that the switch was compared with.
	Revision topology.Revision
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

// Audit compares a node's switch now and repairs it. It waits until the changes under way
// are confirmed, so that it takes none of them for a difference.
func (f *Fabric) Audit(ctx context.Context, node string) Audit {
	unknown := func(why string) Audit { return Audit{Node: node, Verdict: Unknown, Reason: why} }
	p := f.peerOf(node)
	if p == nil {
		return unknown("its switch is not connected")
	}
	ask := make(chan auditReply, 1)
	select {
	case p.audits <- ask:
	case <-p.ended:
		return unknown("its switch has disconnected")
	case <-ctx.Done():
		return unknown("its switch was busy for too long")
	}
	select {
	case r := <-ask:
		a := Audit{Node: node, Verdict: Equal, Revision: f.View().Topo.Revision(), Foreign: len(r.found.foreign), Missing: len(r.found.missing)}
		switch {
		case r.err != nil:
			return unknown(r.err.Error())
		case a.Foreign+a.Missing > 0:
			a.Verdict = Differs
		}
		return a
	case <-p.ended:
		return unknown("its switch has disconnected")
	case <-ctx.Done():
		return unknown("its switch did not answer in time")
	}
}

// audit compares the whole switch with the view that it was last given. No change of ours
// is under way, so others made all differences.
func (w *worker) audit(ctx context.Context) (found, error) {
	w.verify = nil
	if w.view == nil {
		return found{}, nil // a comparison waits already
	}
	before := w.watched()
	got, err := w.compare(ctx, w.view, false)
	if err != nil {
		return found{}, w.orResync(fmt.Errorf("audit: %w", err))
	}
	// The reports of the monitor have more detail than a comparison.
	if !before && !w.watched() {
		w.report(w.driftsFound(got, "audit"), true)
	}
	return got, nil
}

// auditAfter returns the time until the next audit: short for a switch that does not
// report changes by others. The time is random, so that nodes are not audited all at once.
func (w *worker) auditAfter() time.Duration {
	d := w.f.cfg.AuditEvery
	if w.monitor != nil {
		d *= 10
	}
	return d/2 + rand.N(d)
}
