package reconcile

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// errNoRoom ends the handshake of a switch whose port descriptions exceed the room for
// handshakes.
var errNoRoom = errors.New("other switches need the room that the description of its ports takes")

// portsAdmitted is the unit in which the ports that a switch describes in its handshake
// are counted. A switch with fewer ports counts nothing, so ordinary switches never wait.
const portsAdmitted = 256

// admission bounds the ports that one connection's switch describes before the switch is
// identified.
type admission struct {
	member *connlimit.Reservation
	taken  int // of portsAdmitted each
}

// newAdmission returns the admission of a connection; the caller must call leave.
func (f *Fabric) newAdmission(conn net.Conn) *admission {
	return &admission{member: f.handshakePorts.Reserve(conn.RemoteAddr(), func() { conn.Close() })}
}

// admit reserves room for this many ports in total; it implements openflow.Config.AdmitPorts.
// If there is no room, the address that uses the most loses connections.
func (a *admission) admit(ctx context.Context, ports int) error {
	more := ports/portsAdmitted - a.taken
	if more <= 0 {
		return nil
	}
	if !a.member.Grow(ctx, more) {
		return cmp.Or(context.Cause(ctx), errNoRoom)
	}
	a.taken += more
	return nil
}
