package reconcile

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// errCrowded ends the handshake of a switch that had to make room for others.
var errNoRoom = errors.New("other switches need the room that the description of its ports takes")

// portsAdmitted is how many ports that a switch describes in its handshake count
// as one. Fewer count nothing, so that ordinary switches never wait for others.
const portsAdmitted = 256

// admission bounds the ports that one connection's switch describes before it is
// known who it is.
type admission struct {
	member *connlimit.Reservation
	taken  int // of portsAdmitted each
}

// newAdmission makes the admission of a connection, which has to be left.
func (f *Fabric) newAdmission(conn net.Conn) *admission {
	return &admission{member: f.handshakePorts.Reserve(conn.RemoteAddr(), func() { conn.Close() })}
}

// admit makes room for so many ports in all; it is openflow.Config.AdmitPorts.
// Where there is none the machine with the most has to make some.
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
