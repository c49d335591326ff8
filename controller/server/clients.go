package server

import (
	"context"
	"net"
	"net/http"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// client identifies the sender of a request, for limits per client: the user of a
// certificate or token, otherwise an address.
type client struct {
	name string
	// local clients use the unix socket. They have limits of their own, so that no client
	// on TCP can lock an administrator out.
	local bool
	// proof is the request with the credentials of the client; nil for local clients.
	proof *http.Request
}

// clientKey is the context key of the client of a request.
type clientKey struct{}

// clientOf returns the client of a request that guard has passed on.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

// local reports whether a request came by a unix socket.
func local(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && addr.Network() == "unix"
}

// unixClient represents all clients on the unix socket. Whoever may write to the socket may
// do everything.
var unixClient = client{name: "the unix socket", local: true}

// connKey is the context key of the *connlimit.Conn of a request.
type connKey struct{}

// markBusy marks the connection of an authorized request as not idle.
func markBusy(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*connlimit.Conn); ok {
		c.Busy()
	}
}

// connState marks a connection as idle after each response.
func connState(conn net.Conn, state http.ConnState) {
	if state != http.StateIdle {
		return
	}
	if c := connlimit.ConnOf(conn); c != nil {
		c.Idle()
	}
}
