package worker

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// NumberedView is one group or meter of a node: wanted, installed, or both.
type NumberedView struct {
	Number uint32
	// Text is the content as ovs-ofctl writes it: the wanted content if it is wanted.
	Text string
	// Owner is the object that it exists for, and Why describes the rule. Both are empty for
	// one that is not sdnd's.
	Owner topology.Ref
	Why   string
	// Wanted says that the node should have it with this content, and Installed that the switch
	// has it with this content.
	Wanted, Installed bool
	// Flows is the number of flows and groups that send packets to it. Packets and Bytes count
	// these packets, and Exceeded those beyond the rates of a meter.
	Flows                    uint32
	Packets, Bytes, Exceeded uint64
}

// Groups returns the groups that a node should have, with reasons, together with those that its
// switch has, with counters, sorted by number. An altered group occurs twice: as wanted and not
// installed, and as installed and not wanted. While the switch is not connected none is
// Installed.
func (p *Pool) Groups(ctx context.Context, w *Worker, v *pipeline.View, node string) ([]NumberedView, error) {
	return p.numberedViews(ctx, w, v, node, pipeline.ItemGroup,
		[]*openflow.MultipartRequest{openflow.GroupDescRequest(), openflow.GroupStatsRequest(openflow.GroupAll)},
		func(m *openflow.MultipartReply, add func(id uint32, text string) error, count func(id uint32, c NumberedView)) error {
			if m.Kind == openflow.MultipartGroupDesc {
				return session.Each(m.Groups(), func(g *openflow.Group) error { return add(g.ID, g.String()) })
			}
			return session.Each(m.GroupStats(), func(s *openflow.GroupStats) error {
				count(s.ID, NumberedView{Flows: s.Flows, Packets: s.Packets, Bytes: s.Bytes})
				return nil
			})
		})
}

// Meters does for meters what Groups does for groups.
func (p *Pool) Meters(ctx context.Context, w *Worker, v *pipeline.View, node string) ([]NumberedView, error) {
	return p.numberedViews(ctx, w, v, node, pipeline.ItemMeter,
		[]*openflow.MultipartRequest{openflow.MeterConfigRequest(openflow.MeterAll), openflow.MeterStatsRequest(openflow.MeterAll)},
		func(m *openflow.MultipartReply, add func(id uint32, text string) error, count func(id uint32, c NumberedView)) error {
			if m.Kind == openflow.MultipartMeterConfig {
				return session.Each(m.Meters(), func(m *openflow.Meter) error { return add(m.ID, m.String()) })
			}
			return session.Each(m.MeterCounters(), func(s *openflow.MeterCounters) error {
				c := NumberedView{Flows: s.Flows, Packets: s.Packets, Bytes: s.Bytes}
				for _, b := range s.Bands {
					c.Exceeded += b.Packets
				}
				count(s.ID, c)
				return nil
			})
		})
}

// numberedViews returns a node's groups or meters. read decodes the replies to its
// requests.
func (p *Pool) numberedViews(ctx context.Context, w *Worker, v *pipeline.View, node string, kind pipeline.ItemKind, requests []*openflow.MultipartRequest,
	read func(m *openflow.MultipartReply, add func(uint32, string) error, count func(uint32, NumberedView)) error,
) ([]NumberedView, error) {
	var views []NumberedView
	wanted, installed := map[uint32]int{}, map[uint32]int{} // indexes in views
	for i, set := range p.wantedOf(v, node, kind) {
		msg := set.Message(i)
		wanted[openflow.ModNumber(msg)] = len(views)
		views = append(views, NumberedView{
			Number: openflow.ModNumber(msg), Text: describe(msg), Owner: set.Unit(i).Owner(), Why: string(set.Rule(i)), Wanted: true,
		})
	}
	if w != nil {
		most := len(views) + maxForeignShown
		add := func(id uint32, text string) error {
			if i, ok := wanted[id]; ok && views[i].Text == text {
				views[i].Installed, installed[id] = true, i
				return nil
			}
			if len(views) > most {
				return errTooManyFlows
			}
			installed[id] = len(views)
			views = append(views, NumberedView{Number: id, Text: text, Installed: true})
			return nil
		}
		count := func(id uint32, c NumberedView) {
			if i, ok := installed[id]; ok {
				views[i].Flows, views[i].Packets, views[i].Bytes, views[i].Exceeded = c.Flows, c.Packets, c.Bytes, c.Exceeded
			}
		}
		ctx, timer := p.awaitAnswer(ctx)
		defer timer.end()
		err := w.sess.MultipartEach(ctx, slices.Values(requests), func(m *openflow.MultipartReply) error { return read(m, add, count) })
		if err != nil {
			return nil, fmt.Errorf("node %q: read %vs: %w", node, kind, err)
		}
	}
	slices.SortStableFunc(views, func(a, b NumberedView) int { return cmp.Compare(a.Number, b.Number) })
	return views, nil
}

// wantedOf yields the groups or meters that a node should have, each with the set that has
// their messages.
func (p *Pool) wantedOf(v *pipeline.View, node string, kind pipeline.ItemKind) iter.Seq2[pipeline.Item, *pipeline.ItemSet] {
	return func(yield func(pipeline.Item, *pipeline.ItemSet) bool) {
		var c pipeline.Compiler
		c.Use(p.cfg.Extra)
		var set pipeline.ItemSet
		c.CompileGroups(&set, v, node)
		for _, i := range set.Items() {
			if i.Kind() == kind && !yield(i, &set) {
				return
			}
		}
	}
}
