package worker

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Count is what a flow has counted since it was installed: packets, and their bytes.
type Count struct{ Packets, Bytes uint64 }

// PolicyCounts reads, by cookie, the flows of a switch that count what a policy decides. The
// switch looks up each of them and reports no others. Flows that it does not have are absent
// from the result.
func (p *Pool) PolicyCounts(ctx context.Context, sess *session.Session, counters []pipeline.PolicyCounter) (map[openflow.Cookie]Count, error) {
	ctx, timer := p.awaitAnswer(ctx)
	defer timer.end()
	counts := make(map[openflow.Cookie]Count, len(counters))
	err := sess.FlowsOfEach(ctx, func(yield func(openflow.FlowStatsRequest) bool) {
		q := openflow.AllFlows()
		q.CookieMask = ^uint64(0)
		for _, c := range counters {
			if q.Table, q.Cookie = c.Table, c.Cookie; !yield(q) {
				return
			}
		}
	}, func(s *openflow.FlowStats) error {
		counts[s.Cookie] = Count{s.Packets, s.Bytes}
		return nil
	})
	return counts, err
}
