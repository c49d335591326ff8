package reconcile

import (
	"context"
	"iter"
	"math/bits"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// slice is about how many flows a switch is asked for at a time, at most. Open
// vSwitch puts a whole answer together before it does anything else, and its
// userspace datapath forwards in between: 100,000 flows keep it so long that
// packets are lost. It answers other requests in between, too.
const slice = 1 << 14

// sliced yields requests that together select all flows, once each. Cookies of
// ours are hashes, so each leading part of them is that of equally many of the n
// flows.
func sliced(n int) iter.Seq[openflow.FlowStatsRequest] {
	return func(yield func(openflow.FlowStatsRequest) bool) {
		width := min(bits.Len(uint(max(n-1, 0)/slice)), 16)
		for i := range uint64(1) << width {
			q := openflow.AllFlows()
			if width > 0 {
				q.CookieMask = ^uint64(0) << (64 - width)
				q.Cookie = openflow.Cookie(i << (64 - width))
			}
			if !yield(q) {
				return
			}
		}
	}
}

// installed returns all flows of the switch, in the order of compareHad, and the
// text of those that are altered, by cookie. What others change meanwhile may
// be among them or not; who reads asks afterwards whether anything was.
func (w *worker) installed(ctx context.Context) ([]had, map[openflow.Cookie]string, error) {
	n := w.flows
	if w.view == nil {
		sum, err := w.sess.Aggregate(ctx, openflow.AllFlows())
		if err != nil {
			return nil, nil, err
		}
		n = min(int(sum.Flows), maxFlows)
	}
	all := make([]had, 0, min(n, 1<<18)) // which is worth it, and cheap if untrue
	text := 0
	odd := map[openflow.Cookie]string{}
	for q := range sliced(n) {
		ask, cancel := w.withPatience(ctx, 0)
		err := w.sess.Flows(ask, q, func(s *openflow.FlowStats) error {
			h := had{cookie: s.Cookie, table: s.Table, altered: s.Cookie != pipeline.CookieOf(&s.Flow)}
			if h.altered {
				odd[s.Cookie] = s.Flow.String()
				text += len(odd[s.Cookie])
			}
			if all = append(all, h); len(all) > maxFlows || text > maxAlteredText {
				return errEndless
			}
			return nil
		})
		cancel()
		if err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(all, compareHad)
	return all, odd, nil
}
