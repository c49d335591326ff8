package reconcile

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// showRefused records why a connection did not become a session, by machine, so that users see
// it beside the quarantined switches. It ignores connections that did not speak OpenFlow at
// all.
func (f *Fabric) showRefused(from net.Addr, err error) {
	var version *session.VersionError
	if !errors.As(err, &version) {
		return
	}
	f.board.Show(from, status.Switch{Reason: "switch offers " + version.Names() + ", but not OpenFlow 1.3"},
		"ovs-vsctl set bridge "+f.cfg.Bridge+" protocols=OpenFlow13")
}

// showUnproven records why a connection did not prove who it is, by machine. It ignores a
// connection that ended or sent nothing: such a connection only checks whether sdnd can be
// reached, as "sdnctl node join" does.
func (f *Fabric) showUnproven(from net.Addr, err error) {
	var network net.Error
	silent := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &network) && network.Timeout()
	if !silent {
		f.board.Show(from, status.Switch{Reason: err.Error()}, "")
	}
}
