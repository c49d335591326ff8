package reconcile

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

// Audit is the result of comparing a node's whole switch with what it should have.
type Audit struct {
	Node string
	worker.Comparison
	// Revision is the revision of the topology that the switch was compared with, 0 if the
	// verdict is Unknown.
	Revision topology.Revision
}

// Audit compares a node's switch now, and repairs it; see worker.Worker.
func (f *Fabric) Audit(ctx context.Context, node string) Audit {
	a := Audit{Node: node, Comparison: worker.Comparison{Verdict: worker.Unknown, Reason: "its switch is not connected"}}
	if p := f.peerOf(node); p != nil {
		a.Comparison = p.worker.Audit(ctx)
	}
	if a.Verdict != worker.Unknown {
		a.Revision = f.View().Topo.Revision()
	}
	return a
}

// Flows returns a node's flows; see worker.Pool.
func (f *Fabric) Flows(ctx context.Context, node string) ([]worker.FlowView, error) {
	return read(ctx, f, node, f.workers.Flows)
}

// Groups returns a node's groups; see worker.Pool.
func (f *Fabric) Groups(ctx context.Context, node string) ([]worker.NumberedView, error) {
	return read(ctx, f, node, f.workers.Groups)
}

// Meters returns a node's meters; see worker.Pool.
func (f *Fabric) Meters(ctx context.Context, node string) ([]worker.NumberedView, error) {
	return read(ctx, f, node, f.workers.Meters)
}

// read calls what for a node, with the worker of its switch if that is connected.
func read[T any](ctx context.Context, f *Fabric, node string, what func(context.Context, *worker.Worker, *pipeline.View, string) ([]T, error)) ([]T, error) {
	v := f.View()
	if _, ok := v.Topo.Node(node); !ok {
		return nil, fmt.Errorf("node %q does not exist", node)
	}
	var w *worker.Worker
	if p := f.peerOf(node); p != nil {
		w = p.worker
	}
	return what(ctx, w, v, node)
}
