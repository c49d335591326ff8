package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// Session returns the session with a node's switch.
func (f *Fabric) Session(node string) *session.Session { return f.peerOf(node).sess }

// Postponed reports whether a node's work waits for OVSDB.
func (f *Fabric) Postponed(node string) bool {
	to := make(chan bool, 1)
	f.post(ask{node, to})
	return <-to
}

// ask asks whether a node's work waits for OVSDB.
type ask struct {
	node string
	to   chan bool
}

func (a ask) happen(d *dispatcher) { a.to <- d.nodes[a.node].queue.State() == workqueue.Postponed }

// DesiredOf is desiredOf.
func DesiredOf(node string, tunnelIP netip.Addr, j ovsdb.Joined) ovsdb.Desired {
	return desiredOf(node, tunnelIP, j)
}

// HasInterface reports whether OVSDB has reported an interface of a node's bridge.
func (f *Fabric) HasInterface(node, name string) bool {
	n, ok := f.View().Topo.Node(node)
	if !ok {
		return false
	}
	return f.facts.Interface(n.DatapathID, name) != nil
}
