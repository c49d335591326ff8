package worker

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// newFlow is up to which age, in seconds, all that a flow has counted is news to a worker that reads
// it for the first time: a node has the condition for a minute.
const newFlow = 60

// readNoSourcePort returns how much the counters have grown of packets for which no source port was
// free; see Dropped. A flow that is installed anew counts from 0.
func (w *Worker) readNoSourcePort(ctx context.Context) (map[uint32]uint64, error) {
	if w.view == nil || !w.view.Uplinked(w.node) {
		w.drops.noSourcePort = nil
		return nil, nil
	}
	counts, grown := map[openflow.Cookie]uint64{}, map[uint32]uint64{}
	err := w.sess.FlowsOfEach(ctx, pipeline.NoSourcePortRequests(w.view.EgressGateway(w.node)), func(s *openflow.FlowStats) error {
		router, ok := pipeline.NoSourcePort(&s.Flow)
		if !ok || len(counts) >= maxCounters {
			return nil
		}
		counts[s.Cookie] = s.Packets
		known := w.drops.noSourcePort != nil || s.DurationSec < newFlow
		if n := grownBy(w.drops.noSourcePort[s.Cookie], s.Packets); known && n > 0 {
			grown[router] += uint64(n)
			w.pool.metrics.dropped.WithLabelValues(w.node, "no-source-port").Add(n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.drops.noSourcePort = counts
	return grown, nil
}

// maxCounters is the largest number of counters that are kept of a switch: there is one for each
// router, and a switch is not believed to have more.
const maxCounters = 1 << 16
