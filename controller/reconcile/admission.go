package reconcile

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// errNoRoom ends the handshake of a switch that describes more ports than there is room for.
var errNoRoom = errors.New("other switches need the room that the description of its ports takes")

// portsAdmitted is the unit in which the ports that a switch describes during its handshake are
// counted. A switch with fewer ports counts as nothing, so ordinary switches never wait.
const portsAdmitted = 256

// admission bounds the ports that the switch of one connection describes before it is
// identified.
type admission struct {
	member *connlimit.Reservation
	taken  int // in units of portsAdmitted
}

// newAdmission returns the admission of a connection. The caller must release its member.
func (f *Fabric) newAdmission(conn net.Conn) *admission {
	return &admission{member: f.handshakePorts.Reserve(conn.RemoteAddr(), func() { conn.Close() })}
}

// admit reserves room for this many ports in total; it is for session.Config.AdmitPorts. If
// there is no room, the address that uses the most loses connections.
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
