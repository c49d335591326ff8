package reconcile

import (
	"errors"
	"time"

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

// postpone puts back what take returned, to be done when OVSDB has spoken or there
// is something new to do.
func (m *mailbox) postpone() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putBack()
	if m.postponed = m.awaitsOVSDB; !m.postponed {
		m.wake()
	}
}

// ovsdbKnown says that OVSDB has reported all of the node's ports.
func (m *mailbox) ovsdbKnown() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proceed()
}

// proceed lets the work begin. The caller holds the lock.
func (m *mailbox) proceed() {
	m.awaitsOVSDB, m.postponed = false, false
	if m.waiting.view != nil {
		m.wake()
	}
}

// proceedAfter has the work begin in a while, if the node still awaits OVSDB then.
func (m *mailbox) proceedAfter(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaitsOVSDB {
		time.AfterFunc(d, m.proceedAnyway)
	}
}

// proceedAnyway lets the work begin with what is known, if the node awaits OVSDB.
func (m *mailbox) proceedAnyway() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.awaitsOVSDB {
		m.proceed()
	}
}
