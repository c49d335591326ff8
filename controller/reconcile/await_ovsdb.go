package reconcile

import (
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// After a start, sdnd knows the places of ports from the store. If sdnd was killed, the
// last changes may be missing there. A switch may connect before OVSDB reports them; then
// the flows of such a port would be removed and added again a moment later. So a node whose
// interfaces OVSDB reports awaits OVSDB, for at most Config.OVSDBGrace: until then a
// comparison that would remove something waits. Other comparisons do not wait.

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
