package reconcile

import (
	"errors"
	"net"

	"github.com/sdnctl/sdnctl/controller/crowd"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// maxRefused bounds the switches remembered that could not say who they are.
const maxRefused = 64

// refuse remembers, by machine, why a connection did not become a session, so
// that the user sees it beside the quarantined switches. Of those that did not
// speak OpenFlow at all nothing is worth showing.
func (b *board) refuse(from net.Addr, err error) {
	var version *session.VersionError
	if !errors.As(err, &version) {
		return
	}
	b.show(from, Switch{Reason: "switch offers " + version.Names() + ", but not OpenFlow 1.3", Action: speakOpenFlow13})
}

// speakOpenFlow13 is what lets a switch that was refused in.
const speakOpenFlow13 = "on that machine: ovs-vsctl set bridge br-int protocols=OpenFlow13"

// show remembers, by machine, that a switch was refused; where it is and since
// when is added.
func (b *board) show(from net.Addr, s Switch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refused) >= maxRefused {
		clear(b.refused)
	}
	s.Address, s.Since = from.String(), b.now()
	b.refused[crowd.Host(from)] = s
	b.signal()
}

// accept forgets why a machine was refused: it has been let in.
func (b *board) accept(from net.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.refused, crowd.Host(from))
}
