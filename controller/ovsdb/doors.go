package ovsdb

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// lobbyGrace is how long a connection may take to show its bridge, however
// crowded it is.
const lobbyGrace = 250 * time.Millisecond

// errCrowded ends a connection for which there is no room any more.
var errCrowded = errors.New("too many OVSDB connections, and most of them from its address")

// doors bounds the connections of a Serve, fairly by address.
type doors struct {
	// lobby has those that have not shown a bridge, house has all.
	lobby, house *connlimit.Limiter
}

func newDoors(cfg Config) doors {
	return doors{lobby: connlimit.New(cfg.MaxHandshakes, lobbyGrace), house: connlimit.New(cfg.MaxConnections, 0)}
}

// guest is the stay of one connection.
type guest struct {
	// shown says that it has shown its bridge. It may be called more than once.
	shown func()
	// drop ends it to make room for others. It does not wait.
	drop func()
	// leave must be called when the connection has ended.
	leave func()
}

// admit lets a connection in, or closes it and returns nil. It waits while there
// are too many that have not had time to show a bridge. The connection's context
// ends with the cause errCrowded when it has to make room.
func (s *server) admit(ctx context.Context, conn net.Conn) (context.Context, *guest) {
	ctx, cancel := context.WithCancelCause(ctx)
	// Closing is left to the connection's own goroutine, as it may take time.
	drop := func() { cancel(errCrowded) }
	leaveHouse := s.house.TryAcquire(conn.RemoteAddr(), drop)
	if leaveHouse == nil {
		s.strange.Warn(conn.RemoteAddr(), "too many OVSDB connections: one more is refused", "max", s.cfg.MaxConnections)
		cancel(nil)
		conn.Close()
		return nil, nil
	}
	leaveLobby := s.lobby.Acquire(ctx, conn.RemoteAddr(), 1, drop)
	if leaveLobby == nil {
		cancel(nil)
		leaveHouse()
		conn.Close()
		return nil, nil
	}
	return ctx, &guest{shown: leaveLobby, drop: drop, leave: func() {
		cancel(nil)
		leaveLobby()
		leaveHouse()
	}}
}

// stopping reports whether a connection's context has ended because Serve's has.
func stopping(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errCrowded)
}
