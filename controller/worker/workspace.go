package worker

import "github.com/sdnctl/sdnctl/controller/pipeline"

// workspace is the memory for compiling a switch's items. Workers borrow one while they work,
// so there are only as many workspaces as switches that are being worked on.
type workspace struct {
	delta    pipeline.Delta
	compiler pipeline.Compiler
	// set has items with their messages, bare all items of a switch without messages.
	set, bare pipeline.ItemSet
	removal   []byte
}

// newWorkspace returns a workspace that also compiles the items of x.
func newWorkspace(x pipeline.Extra) *workspace {
	ws := new(workspace)
	ws.delta.Use(x)
	ws.compiler.Use(x)
	return ws
}

// borrow takes a workspace for the worker, unless it has one.
func (w *Worker) borrow() {
	if w.workspace == nil {
		w.workspace = w.pool.workspaces.Get().(*workspace)
	}
}

// returnWorkspace returns the workspace. What was compiled in it is lost.
func (w *Worker) returnWorkspace() {
	if w.workspace != nil {
		w.pool.workspaces.Put(w.workspace)
		w.workspace = nil
	}
}
