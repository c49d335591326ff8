package worker

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// maxForeignShown is the largest number of foreign flows that Flows returns; it fails if there
// are more.
const maxForeignShown = 1 << 18

// maxRest is the longest pause between two requests for a switch's flows.
const maxRest = 200 * time.Millisecond

// FlowView is one flow of a node: wanted, installed, or both.
type FlowView struct {
	Flow openflow.Flow
	// TableName is the name of the table in the pipeline.
	TableName string
	// Owner is the object that the flow exists for, and Why describes the rule. Both are empty
	// for a flow that is not sdnd's.
	Owner topology.Ref
	Why   string
	// Wanted says that the node should have it, Installed that the switch has it.
	Wanted, Installed bool
	Packets, Bytes    uint64
}

// Flows returns the flows that a node should have according to a view, with reasons, together
// with the flows that its switch has, with counters. They are sorted by table, descending
// priority, and cookie. w is nil while the switch is not connected; then none is Installed.
// Calls for the same node must not overlap.
func (p *Pool) Flows(ctx context.Context, w *Worker, v *pipeline.View, node string) ([]FlowView, error) {
	set := p.compiled(w, v, node)
	views := make([]FlowView, 0, set.Len())
	byCookie := make(map[openflow.Cookie]int, set.Len())
	for _, e := range set.Items() {
		if e.Kind() != pipeline.ItemFlow {
			continue
		}
		mod, err := openflow.DecodeFlowMod(set.Message(e))
		if err != nil {
			return nil, fmt.Errorf("node %q: %v: %w", node, set.Unit(e), err)
		}
		byCookie[e.Cookie()] = len(views)
		views = append(views, FlowView{
			Flow: mod.Flow, TableName: pipeline.TableName(mod.Flow.Table),
			Owner: set.Unit(e).Owner(), Why: string(set.Rule(e)), Wanted: true,
		})
	}
	if w != nil {
		services := servicesByID{topo: v.Topo}
		err := p.readGently(ctx, w.sess, func(s *openflow.FlowStats) error {
			if i, ok := byCookie[s.Cookie]; ok && !views[i].Installed {
				views[i].Installed, views[i].Packets, views[i].Bytes = true, s.Packets, s.Bytes
				return nil
			}
			learned, affine := pipeline.AffinityOf(&s.Flow)
			neighbour, near := pipeline.NeighbourOf(&s.Flow)
			if !affine && !near && pipeline.IsTransient(&s.Flow) {
				return nil
			}
			if len(views) > set.Len()+maxForeignShown {
				return errTooManyFlows
			}
			flow := s.Flow
			flow.Match, flow.Instructions = bytes.Clone(flow.Match), bytes.Clone(flow.Instructions)
			f := FlowView{
				Flow: flow, TableName: pipeline.TableName(flow.Table),
				Installed: true, Packets: s.Packets, Bytes: s.Bytes,
			}
			if affine {
				f.Owner, f.Wanted = services.ref(learned.Service), true
				f.Why = fmt.Sprintf("learned: new connections of %v go to %v", learned.Client, learned.Backend)
			}
			if near {
				f.Wanted, f.Why = true, fmt.Sprintf("learned: %v has the MAC %v", neighbour.Address, neighbour.MAC)
			}
			views = append(views, f)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("node %q: read flows: %w", node, err)
		}
	}
	slices.SortFunc(views, func(a, b FlowView) int {
		return cmp.Or(cmp.Compare(a.Flow.Table, b.Flow.Table), cmp.Compare(b.Flow.Priority, a.Flow.Priority),
			cmp.Compare(a.Owner.String(), b.Owner.String()), cmp.Compare(a.Flow.Cookie, b.Flow.Cookie))
	})
	return views, nil
}

// compiled returns all items that a node should have; w is nil while its switch is not
// connected.
func (p *Pool) compiled(w *Worker, v *pipeline.View, node string) *pipeline.ItemSet {
	var c pipeline.Compiler
	c.Use(p.cfg.Extra)
	set := new(pipeline.ItemSet)
	c.CompileNode(set, v, node)
	if w != nil {
		w.addStamp(&c, set, v, node, set.Digest())
	} else {
		set.AddStamp(node, set.Digest())
	}
	return set
}

// readGently calls each with every flow of a switch. It reads a few at a time and then pauses
// for as long as the switch took to answer, so that reading does not disturb traffic.
func (p *Pool) readGently(ctx context.Context, sess *session.Session, each func(*openflow.FlowStats) error) error {
	ctx, timer := p.awaitAnswer(ctx)
	defer timer.end()
	tables, err := sess.Tables(ctx)
	if err != nil {
		return err
	}
	rest := time.NewTimer(0)
	defer rest.Stop()
	for q := range sliced(tables, gentleSlice) {
		select {
		case <-rest.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		timer.extend(0)
		start := time.Now()
		if err := sess.Flows(ctx, q, each); err != nil {
			return err
		}
		rest.Reset(min(time.Since(start), maxRest))
	}
	return nil
}

// servicesByID finds services by their numbers.
type servicesByID struct {
	topo *topology.Snapshot
	all  map[uint32]topology.Ref
}

// ref returns the service with a number, the zero Ref if there is none.
func (s *servicesByID) ref(id uint32) topology.Ref {
	if s.all == nil {
		s.all = map[uint32]topology.Ref{}
		for o := range s.topo.Services() {
			s.all[o.ID] = o.Ref()
		}
	}
	return s.all[id]
}
