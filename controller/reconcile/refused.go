package reconcile

import (
	"errors"
	"net"

	"github.com/sdnctl/sdnctl/controller/crowd"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// maxRefused bounds the switches remembered that could not say who they are.
const maxRefused = 64

// refuse remembers, by machine, why a connection did not become a session, so
// that the user sees it beside the quarantined switches. Of those that did not
// speak OpenFlow at all nothing is worth showing.
func (b *board) refuse(from net.Addr, err error) {
	var version *openflow.VersionError
	if !errors.As(err, &version) {
		return
	}
	b.show(from, 0, err.Error())
}

// show remembers, by machine, why a switch was refused.
func (b *board) show(from net.Addr, id topology.DatapathID, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refused) >= maxRefused {
		clear(b.refused)
	}
	b.refused[crowd.Host(from)] = Switch{DatapathID: id, Address: from.String(), Since: b.now(), Reason: reason}
	b.signal()
}

// accept forgets why a machine was refused: it has been let in.
func (b *board) accept(from net.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.refused, crowd.Host(from))
}
