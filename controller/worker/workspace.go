package worker

import "github.com/sdnctl/sdnctl/controller/pipeline"

// workspace is the memory that compiling a switch's items takes. Workers borrow
// one for as long as they work: a fleet has as many as there are switches at
// work, not as there are switches.
type workspace struct {
	delta    pipeline.Delta
	compiler pipeline.Compiler
	// set has items with their messages, bare what all of a switch are, without.
	set, bare pipeline.ItemSet
	removal   []byte
}

// newWorkspace returns one that compiles what the Extra adds, too.
func newWorkspace(x pipeline.Extra) *workspace {
	ws := new(workspace)
	ws.delta.Use(x)
	ws.compiler.Use(x)
	return ws
}

// borrow gets the worker a workspace, if it has none.
func (w *Worker) borrow() {
	if w.workspace == nil {
		w.workspace = w.pool.workspaces.Get().(*workspace)
	}
}

// giveBack returns the workspace; what was compiled is gone with it.
func (w *Worker) giveBack() {
	if w.workspace != nil {
		w.pool.workspaces.Put(w.workspace)
		w.workspace = nil
	}
}
