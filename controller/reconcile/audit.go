package reconcile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// Verdict is what an audit says of a switch.
type Verdict string

// The verdicts. A switch that could not be read is neither equal nor different.
const (
	Equal   Verdict = "equal"
	Differs Verdict = "differs"
	Unknown Verdict = "unknown"
)

// Audit is the outcome of comparing a node's whole switch with what it is to
// have.
type Audit struct {
	Node    string
	Verdict Verdict
	// Revision is that of the topology that the switch was compared with.
	Revision topology.Revision
	// Foreign flows were removed and Missing ones added, if it differed.
	Foreign, Missing int
	// Reason says why the verdict is Unknown.
	Reason string
}

// auditReply answers a request for an audit.
type auditReply struct {
	found found
	err   error
}

// Audit compares a node's switch now, and mends it. It waits its turn behind
// what is being done to the switch, so that no change in flight is taken for a
// difference.
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

// audit compares the whole switch with the view that it has. All
// differences are somebody else's doing: nothing of ours is under way.
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
	// What the monitor has reported is told with more detail by that.
	if !before && !w.watched() {
		w.report(w.driftsFound(got, "audit"), true)
	}
	return got, nil
}

// auditAfter is how long until the next audit: often where nothing else would
// tell of changes by others. Spread, so that not all nodes are audited at once.
func (w *worker) auditAfter() time.Duration {
	d := w.f.cfg.AuditEvery
	if w.monitor != nil {
		d *= 10
	}
	return d/2 + rand.N(d)
}
