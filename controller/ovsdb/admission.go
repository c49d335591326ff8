package ovsdb

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// handshakeGrace is how long a connection may take to show its bridge, however many others
// there are.
const handshakeGrace = 250 * time.Millisecond

// errNoRoom ends a connection that has to make room for others. admitted is one connection
// that was admitted.
var errNoRoom = errors.New("too many OVSDB connections, and most of them from its address")

// admission bounds the connections of a Serve, fairly by address.
type admission struct {
	// handshakes has those that have not shown a bridge, connections has all.
	handshakes, connections *connlimit.Limiter
}

func newAdmission(cfg Config) admission {
	return admission{handshakes: connlimit.New(cfg.MaxHandshakes, handshakeGrace), connections: connlimit.New(cfg.MaxConnections, 0)}
}

// admitted is one connection that was let in.
type admitted struct {
	// shown reports that the connection has shown its bridge. It may be called more than
	// once.
	shown func()
	// drop ends the connection to make room for others. It does not wait.
	drop func()
	// leave must be called when the connection has ended.
	leave func()
}

// admit admits a connection, or closes it and returns nil. It waits while there are too
// many connections that have not had time to show a bridge. The connection's context ends
// with the cause errNoRoom when the connection has to make room.
func (s *server) admit(ctx context.Context, conn net.Conn) (context.Context, *admitted) {
	ctx, cancel := context.WithCancelCause(ctx)
	// Closing is left to the connection's own goroutine, as it may take time.
	drop := func() { cancel(errNoRoom) }
	leaveConnections := s.connections.TryAcquire(conn.RemoteAddr(), drop)
	if leaveConnections == nil {
		s.warnings.Warn(conn.RemoteAddr(), "too many OVSDB connections: one more is refused", "max", s.cfg.MaxConnections)
		cancel(nil)
		conn.Close()
		return nil, nil
	}
	leaveHandshakes := s.handshakes.Acquire(ctx, conn.RemoteAddr(), 1, drop)
	if leaveHandshakes == nil {
		cancel(nil)
		leaveConnections()
		conn.Close()
		return nil, nil
	}
	return ctx, &admitted{shown: leaveHandshakes, drop: drop, leave: func() {
		cancel(nil)
		leaveHandshakes()
		leaveConnections()
	}}
}

// stopping reports whether a connection's context has ended because Serve's has.
func stopping(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errNoRoom)
}
