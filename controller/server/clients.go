package server

import (
	"context"
	"net"
	"net/http"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// client is who makes a request, for what is bounded by client: the user of a
// certificate or token, else an address.
type client struct {
	name string
	// local clients come by the unix socket. They have room of their own, so that
	// nobody who comes by TCP can keep an administrator out.
	local bool
	// proof is the request, with what proves who makes it; nil for local ones.
	proof *http.Request
}

type clientKey struct{}

// clientOf returns who makes a request that guard has let through.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}

// local reports whether a request came by a unix socket.
func local(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && addr.Network() == "unix"
}

// unixClient is all who come by the unix socket: who may write to it may do
// everything.
var unixClient = client{name: "the unix socket", local: true}

type connKey struct{}

// works says that the connection of a request does not wait any more: the
// request is of somebody who may make it.
func markBusy(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*connlimit.Conn); ok {
		c.Busy()
	}
}

// connState has a connection wait again after each answer.
func connState(conn net.Conn, state http.ConnState) {
	if state != http.StateIdle {
		return
	}
	if c := connlimit.ConnOf(conn); c != nil {
		c.Idle()
	}
}
