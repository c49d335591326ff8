package worker

import (
	"context"
	"iter"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Count is what a flow has counted since it was installed: packets, and their bytes.
type Count struct{ Packets, Bytes uint64 }

// FlowCounts reads, by table and cookie, what flows of a switch have counted. The switch looks
// up each of them and reports no others. Flows that it does not have are absent from the
// result.
func (p *Pool) FlowCounts(ctx context.Context, sess *session.Session, flows iter.Seq2[openflow.TableID, openflow.Cookie]) (map[openflow.Cookie]Count, error) {
	ctx, timer := p.awaitAnswer(ctx)
	defer timer.end()
	counts := map[openflow.Cookie]Count{}
	err := sess.FlowsOfEach(ctx, func(yield func(openflow.FlowStatsRequest) bool) {
		q := openflow.AllFlows()
		q.CookieMask = ^uint64(0)
		for table, cookie := range flows {
			if q.Table, q.Cookie = table, cookie; !yield(q) {
				return
			}
		}
	}, func(s *openflow.FlowStats) error {
		counts[s.Cookie] = Count{s.Packets, s.Bytes}
		return nil
	})
	return counts, err
}
