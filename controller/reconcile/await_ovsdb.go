package reconcile

import (
	"errors"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// After a start, where ports are is what was saved: all but the last of it, if
// sdnd was killed. A switch may connect before OVSDB says the rest, and its flows
// for such a port would be removed and, a moment later, added again. So a node of
// which OVSDB tells awaits OVSDB until that has spoken, or has had time enough, and
// a comparison that would remove something waits for that. One that would not is
// carried out at once.

// errAwaitsOVSDB says that there is something to be removed that may have to stay.
var errAwaitsOVSDB = errors.New("OVSDB has not yet said which ports are here")

// nodesAwaitingOVSDB returns which nodes await OVSDB after a start: those whose ports
// it reported, as the saved bindings show, or on which a port may be that is not known
// to be anywhere. A port that names its interface is found without OVSDB.
func nodesAwaitingOVSDB(topo *topology.Snapshot, saved []store.Binding) func(node string) bool {
	nodes := map[string]bool{}
	placed := make(map[string]bool, len(saved))
	for _, b := range saved {
		placed[b.Port] = true
		if p, ok := topo.Port(b.Port); ok && p.Spec.Interface == "" {
			nodes[b.Node] = true
		}
	}
	anywhere := false
	for p := range topo.Ports() {
		switch {
		case placed[p.Name] || p.Spec.Interface != "":
		case p.Spec.Node == "":
			anywhere = true
		default:
			nodes[p.Spec.Node] = true
		}
	}
	return func(node string) bool { return anywhere || nodes[node] }
}
