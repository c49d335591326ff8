package reconcile

import (
	"context"
	"net"
)

// portsAdmitted is how many ports that a switch describes in its handshake count
// as one. Fewer count nothing, so that ordinary switches never wait for others.
const portsAdmitted = 256

// admission lets the ports in that one connection's switch describes, before it
// is known who it is.
type admission struct {
	f     *Fabric
	conn  net.Conn
	taken int // of portsAdmitted each
	leave []func()
}

// admit makes room for so many ports in all; it is openflow.Config.AdmitPorts.
// Where there is none the machine with the most has to make some.
func (a *admission) admit(ctx context.Context, ports int) error {
	more := ports/portsAdmitted - a.taken
	if more <= 0 {
		return nil
	}
	leave := a.f.described.Enter(ctx, a.conn.RemoteAddr(), more, func() { a.conn.Close() })
	if leave == nil {
		return context.Cause(ctx)
	}
	a.taken += more
	a.leave = append(a.leave, leave)
	return nil
}

// done gives the room back, when the handshake is over.
func (a *admission) done() {
	for _, leave := range a.leave {
		leave()
	}
}
