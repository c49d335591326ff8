package reconcile

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// saveLeaving saves what an update has changed of backends that leave services with a
// draining time, so that a restart goes on with it, and waits for the next whose time is over.
func (d *dispatcher) saveLeaving(u pipeline.Update) {
	changes := d.view.LeavingChanges()
	for _, l := range changes {
		d.f.saver.putLeaving(store.Leaving{
			Service: l.Service, Port: l.Port, Of: l.Of, Since: l.After.Since, Ended: l.After.Ended, Gone: l.After == pipeline.Leaving{},
		})
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindService { // its draining time may be another
			d.awaitDrained()
			return
		}
	}
	// A timer that is too early finds nothing, and waits for the next. So what changes needs no
	// look at all others.
	for _, l := range changes {
		if at, ok := d.view.DrainedAt(l); ok && (d.drainedAt.IsZero() || at.Before(d.drainedAt)) {
			d.awaitDrainedAt(at)
		}
	}
}

// awaitDrained sets the timer for the backend whose draining time is over next.
func (d *dispatcher) awaitDrained() {
	at, _ := d.view.NextDrained()
	d.awaitDrainedAt(at)
}

// awaitDrainedAt sets the timer to a time, the zero Time for none.
func (d *dispatcher) awaitDrainedAt(at time.Time) {
	if d.draining != nil {
		d.draining.Stop()
	}
	if d.drainedAt = at; !at.IsZero() {
		d.draining = time.AfterFunc(max(0, at.Sub(d.f.cfg.Now())), func() { d.f.post(drainedNow{}) })
	}
}

// drainedNow: the draining time of backends is over.
type drainedNow struct{}

func (drainedNow) happen(d *dispatcher) {
	over := d.view.Drained(d.f.cfg.Now())
	if len(over) == 0 {
		d.awaitDrained() // the clock that is read is not the timer's
		return
	}
	for _, l := range over {
		d.f.log.Info("the connections of a backend are cut, as its draining time is over", "service", l.Service, "port", l.Port, "by", l.Of)
	}
	d.advance(pipeline.Update{Leaving: over})
	d.awaitDrained()
}

// rememberedLeaving returns what was saved of backends that leave their services.
func rememberedLeaving(saved []store.Leaving) (all []pipeline.LeavingChange) {
	for _, l := range saved {
		all = append(all, pipeline.LeavingChange{Way: pipeline.Way{Service: l.Service, Port: l.Port, Of: l.Of}, After: pipeline.Leaving{Since: l.Since, Ended: l.Ended}})
	}
	return all
}
