package reconcile

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// showRefused remembers, by machine, why a connection did not become a session, so
// that the user sees it beside the quarantined switches. Of those that did not
// speak OpenFlow at all nothing is worth showing.
func (f *Fabric) showRefused(from net.Addr, err error) {
	var version *session.VersionError
	if !errors.As(err, &version) {
		return
	}
	f.board.Show(from, status.Switch{Reason: "switch offers " + version.Names() + ", but not OpenFlow 1.3"},
		"ovs-vsctl set bridge "+f.cfg.Bridge+" protocols=OpenFlow13")
}

// showUnproven remembers, by machine, why a connection did not prove who it is. One
// that ended or said nothing was a look whether sdnd can be reached, as "sdnctl node
// join" takes one, and no switch.
func (f *Fabric) showUnproven(from net.Addr, err error) {
	var network net.Error
	silent := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &network) && network.Timeout()
	if !silent {
		f.board.Show(from, status.Switch{Reason: err.Error()}, "")
	}
}
