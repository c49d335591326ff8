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
// which OVSDB tells is unsure until OVSDB has spoken, or has had time enough, and
// a comparison that would remove something waits for that. One that would not is
// carried out at once.

// errUnsure says that there is something to be removed that may have to stay.
var errUnsure = errors.New("OVSDB has not yet said which ports are here")

// unsureOf returns which nodes are unsure after a start: those of which OVSDB
// told, as the saved bindings show, or on which a port may be that is not known
// to be anywhere. A port that names its interface is found without OVSDB.
func unsureOf(topo *topology.Snapshot, saved []store.Binding) func(node string) bool {
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

// park puts back what take returned, to be done when the node is sure or there
// is something new to do.
func (m *mailbox) park() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putBack()
	if m.parked = m.unsure; !m.parked {
		m.wake()
	}
}

// sure says that all is known of the node's ports.
func (m *mailbox) sure() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.proceed()
}

// proceed lets the work begin. The caller holds the lock.
func (m *mailbox) proceed() {
	m.unsure, m.parked = false, false
	if m.waiting.view != nil {
		m.wake()
	}
}

// sureAfter is sure in a while, if the node is not.
func (m *mailbox) sureAfter(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unsure {
		time.AfterFunc(d, m.guess)
	}
}

// guess says that what is known of the node's ports has to do, if it is unsure.
func (m *mailbox) guess() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unsure {
		m.proceed()
	}
}
