package worker_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

// flows returns the node's flows as Flows lists them, counted by whether they are wanted and
// installed.
func (b *bench) flows(w *worker.Worker, v *pipeline.View) (all []worker.FlowView, wanted, missing, foreign int) {
	b.Helper()
	all, err := b.pool.Flows(b.ctx, w, v, "here")
	if err != nil {
		b.Fatal(err)
	}
	for i, f := range all {
		switch {
		case f.Wanted && f.Installed:
			wanted++
		case f.Wanted:
			missing++
		default:
			foreign++
		}
		if f.Wanted && (f.Why == "" || f.Owner == (topology.Ref{})) {
			b.Errorf("no reason for %v", f.Flow)
		}
		if i > 0 && f.Flow.Table < all[i-1].Flow.Table {
			b.Errorf("%v comes after %v", f.Flow, all[i-1].Flow)
		}
	}
	return all, wanted, missing, foreign
}

// TestFlows: a node's flows are those that it should have, each with its object and reason, and
// those that its switch has. A flow that the switch lacks is missing, one that it should not
// have is foreign, and without a connection none is installed.
func TestFlows(t *testing.T) {
	_ = play(t, func(b *bench) {
		b.queue.Compare(b.view)
		b.worker.Assign("here", b.queue)
		b.expect("here confirmed 23 flows")
		summary := func(w *worker.Worker, v *pipeline.View) string {
			_, wanted, missing, foreign := b.flows(w, v)
			return fmt.Sprintf("%d installed, %d missing, %d foreign", wanted, missing, foreign)
		}
		want := func(got, want string) {
			b.Helper()
			if got != want {
				b.Errorf("%s, want %s", got, want)
			}
		}
		want(summary(b.worker, b.view), "23 installed, 0 missing, 0 foreign")
		want(summary(nil, b.view), "0 installed, 23 missing, 0 foreign")

		before := b.view
		b.next(port("db", "there")) // not sent to the switch: 5 flows and the stamp differ
		want(summary(b.worker, b.view), "22 installed, 6 missing, 1 foreign")
		b.view = before

		all, _, _, _ := b.flows(b.worker, b.view)
		var ours int
		for _, f := range all {
			if f.Owner == (topology.Ref{Kind: topology.KindPort, Name: "web"}) {
				ours++
			}
		}
		if ours != 6 {
			b.Errorf("%d flows for port web, want 6", ours)
		}
	})
}

// TestFlowsNotRead: flows of a switch that could not be read are an error, and not listed as
// missing.
func TestFlowsNotRead(t *testing.T) {
	_ = play(t, func(b *bench) {
		b.queue.Compare(b.view)
		b.worker.Assign("here", b.queue)
		b.expect("here confirmed 23 flows")
		ended, end := context.WithCancel(b.ctx)
		end()
		if all, err := b.pool.Flows(ended, b.worker, b.view, "here"); err == nil {
			b.Errorf("%d flows from a switch that was not asked", len(all))
		}
	})
}
