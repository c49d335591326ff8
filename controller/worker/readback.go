package worker

import (
	"context"
	"iter"
	"math/bits"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// slice is about the largest number of flows that a switch is asked for in one request. Open
// vSwitch builds a whole answer before it does anything else, and its userspace datapath does
// not forward meanwhile: 100,000 flows take so long that packets are lost. Between answers it
// forwards, and answers other requests.
const slice = 1 << 14

// gentleSlice replaces slice for a reading that is not urgent and pauses between slices.
const gentleSlice = 1 << 12

// sliced yields requests that together select each flow once. Each selects about most flows:
// all of them, one table, or the flows of a table whose cookies have the same leading bits.
// Cookies made by sdnd are hashes, so each value of these bits selects equally many. For each
// request Open vSwitch looks at all flows of the table.
func sliced(tables []openflow.TableStats, most int) iter.Seq[openflow.FlowStatsRequest] {
	return func(yield func(openflow.FlowStatsRequest) bool) {
		if flowsIn(tables) <= most {
			yield(openflow.AllFlows())
			return
		}
		for _, t := range tables {
			if t.Active == 0 {
				continue
			}
			if !slicedTable(t.Table, int(min(t.Active, maxFlows)), most, yield) {
				return
			}
		}
	}
}

// slicedTable does what sliced does for one table with n flows. It returns false if yield did.
func slicedTable(t openflow.TableID, n, most int, yield func(openflow.FlowStatsRequest) bool) bool {
	width := bits.Len((uint(max(n, 1)) - 1) / uint(most))
	for i := range uint64(1) << width {
		q := openflow.AllFlows()
		q.Table = t
		if width > 0 {
			q.CookieMask = ^uint64(0) << (64 - width)
			q.Cookie = openflow.Cookie(i << (64 - width))
		}
		if !yield(q) {
			return false
		}
	}
	return true
}

// flowsIn returns how many flows the tables have, up to maxFlows.
func flowsIn(tables []openflow.TableStats) (n int) {
	for _, t := range tables {
		n = min(n+int(min(t.Active, maxFlows)), maxFlows)
	}
	return n
}

// readback is what a switch has, as it reported.
type readback struct {
	items []installedItem // in the order of sortInstalled
	// altered has the text of flows whose content does not match their cookie.
	altered map[openflow.Cookie]string
	// numbered has the text of all groups and meters.
	numbered map[numbered]string
	stamp    readStamp
	text     int // size of all text, in bytes
}

// installed returns all items of the switch except virtual meters, which belong to the switch
// itself. Changes that others make meanwhile may be missing; the caller asks afterwards whether
// there were any. installed calls begun when the switch has reported that it has n flows.
func (w *Worker) installed(ctx context.Context, begun func(n int)) (*readback, error) {
	ctx, p := w.pool.awaitAnswer(ctx)
	defer p.end()
	tables, err := w.sess.Tables(ctx)
	if err != nil {
		return nil, err
	}
	n := flowsIn(tables)
	if n > 0 {
		begun(n)
	}
	r := readback{items: make([]installedItem, 0, min(n, maxGrown)), altered: map[openflow.Cookie]string{}, numbered: map[numbered]string{}}
	requests := func(yield func(*openflow.MultipartRequest) bool) {
		ask := func(q *openflow.MultipartRequest) bool {
			p.extend(0)
			return yield(q)
		}
		if !ask(openflow.GroupDescRequest()) || !ask(openflow.MeterConfigRequest(openflow.MeterAll)) {
			return
		}
		for q := range sliced(tables, slice) {
			if !ask(q.Message(openflow.MultipartFlow)) {
				return
			}
		}
	}
	err = w.sess.MultipartEach(ctx, requests, func(m *openflow.MultipartReply) error {
		switch m.Kind {
		case openflow.MultipartGroupDesc:
			return session.Each(m.Groups(), r.group)
		case openflow.MultipartMeterConfig:
			return session.Each(m.Meters(), r.meter)
		}
		return session.Each(m.Flows(), r.flow)
	})
	if err != nil {
		return nil, err
	}
	sortInstalled(r.items)
	return &r, nil
}

// flow adds a flow.
func (r *readback) flow(s *openflow.FlowStats) error {
	if pipeline.IsTransient(&s.Flow) {
		return nil
	}
	h := installedItem{sum: pipeline.Sum(s.Cookie), table: s.Table, altered: s.Cookie != pipeline.CookieOf(&s.Flow)}
	if h.altered {
		r.altered[s.Cookie] = s.Flow.String()
		r.text += len(r.altered[s.Cookie])
	} else if d, ok := pipeline.StampOf(&s.Flow); ok {
		h.stamp, r.stamp.known, r.stamp.digest = true, true, d
	}
	h.invalidation = !h.altered && pipeline.IsInvalidation(&s.Flow)
	if s.Table == pipeline.TableStamp && !h.stamp {
		r.stamp.altered = true
	}
	return r.take(h)
}

// group adds a group.
func (r *readback) group(g *openflow.Group) error {
	h := installedItem{kind: pipeline.ItemGroup, number: g.ID, sum: pipeline.SumOfGroup(g)}
	return r.takeNumbered(h, g.String())
}

// meter adds a meter.
func (r *readback) meter(m *openflow.Meter) error {
	if m.ID > openflow.MeterMax {
		return nil
	}
	h := installedItem{kind: pipeline.ItemMeter, number: m.ID, sum: pipeline.SumOfMeter(m)}
	return r.takeNumbered(h, m.String())
}

func (r *readback) takeNumbered(h installedItem, text string) error {
	k, _ := h.numbered()
	r.numbered[k] = text
	r.text += len(text)
	return r.take(h)
}

// take adds an item, unless there are more than a switch may report.
func (r *readback) take(h installedItem) error {
	if r.items = append(r.items, h); len(r.items) > maxFlows || r.text > maxAlteredText {
		return errTooManyFlows
	}
	return nil
}
