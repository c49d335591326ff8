package status

import (
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

// Acks returns the nodes that have yet to confirm a revision. Only nodes whose flows the
// revision changes are among them. A node that is not connected is among them until it has
// connected and its switch has been compared. After a start of the daemon every revision is
// unconfirmed until the switches have been compared, because their flows are unknown.
func (b *Board) Acks(rev topology.Revision) Acks {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := Acks{Revision: rev, Changed: b.changed}
	if b.dispatched < rev {
		a.Pending = []Pending{{Wanted: rev, Acknowledged: b.dispatched, Reason: "the controller has yet to compute it"}}
		return a
	}
	for name, n := range b.pendingNodes.nodes {
		q := n.queue.Status()
		if q.Idle || !q.Unconfirmed.Includes(rev) {
			continue
		}
		p := Pending{Node: name, Connected: n.status.Connected, Wanted: q.Wanted, Acknowledged: q.Acknowledged}
		switch {
		case n.status.LastError != "":
			p.Reason = n.status.LastError
		case !p.Connected && n.status.Since.IsZero():
			p.Reason = "has never connected; " + condition.Join("that machine", name, b.secure)
		case !p.Connected:
			p.Reason = "not connected since " + n.status.Since.Format(time.RFC3339)
		default:
			p.Reason = "its switch has yet to confirm"
		}
		a.Pending = append(a.Pending, p)
	}
	slices.SortFunc(a.Pending, func(x, y Pending) int { return strings.Compare(x.Node, y.Node) })
	return a
}
