package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

var (
	errReplaced = errors.New("a newer connection has a bridge with the same datapath id")
	errGone     = errors.New("the bridge is gone or has another datapath id now")
)

// claim is what one connection says about one datapath id.
type claim struct {
	conn   Conn
	bridge Bridge
	ifaces []*Interface
}

// claims decides which connection speaks for a datapath id, and calls the
// handler. All of it is under one lock, so that the handler sees one order.
type claims struct {
	h   Handler
	log *slog.Logger

	mu sync.Mutex // guards byID and every call of h
	// byID has the claims on a datapath id, oldest first: the last one holds.
	byID map[uint64][]*claim
}

func newClaims(h Handler, log *slog.Logger) *claims {
	return &claims{h: h, log: log, byID: make(map[uint64][]*claim)}
}

// enter enters c as the newest claim on its datapath id and reports it.
func (r *claims) enter(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.conn.DatapathID
	if holder := r.holder(id); holder != nil {
		r.log.Warn("two nodes or connections have one datapath id: the newer one is believed",
			"dpid", fmt.Sprintf("%016x", id), "older", holder.conn.Remote, "newer", c.conn.Remote)
		r.h.OVSDBDisconnected(id, errReplaced)
	}
	r.byID[id] = append(r.byID[id], c)
	r.report(c)
}

// updateBridge changes what c says of the bridge; it is reported if c holds.
func (r *claims) updateBridge(c *claim, b Bridge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.bridge = b
	if r.holder(c.conn.DatapathID) == c {
		r.h.BridgeChanged(c.conn.DatapathID, b)
	}
}

// update changes what c says of interfaces; it is reported if c holds.
func (r *claims) update(c *claim, ifaces []*Interface) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.ifaces = ifaces
	if r.holder(c.conn.DatapathID) == c {
		r.h.InterfacesChanged(c.conn.DatapathID, ifaces)
	}
}

// release withdraws c. If it held, the newest of those left holds from now on,
// except that nothing new is reported once Serve ends, as the connection's ctx
// tells.
func (r *claims) release(ctx context.Context, c *claim, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.conn.DatapathID
	held := r.holder(id) == c
	r.byID[id] = slices.DeleteFunc(r.byID[id], func(o *claim) bool { return o == c })
	if len(r.byID[id]) == 0 {
		delete(r.byID, id)
	}
	if !held {
		return
	}
	r.h.OVSDBDisconnected(id, reason)
	if next := r.holder(id); next != nil && !stopping(ctx) {
		r.report(next)
	} else if next != nil {
		delete(r.byID, id) // nobody holds any more
	}
}

// holder returns the claim that holds id, or nil.
func (r *claims) holder(id uint64) *claim {
	all := r.byID[id]
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// report tells the handler of a claim that holds from now on.
func (r *claims) report(c *claim) {
	r.log.Info("bridge is read over OVSDB", "dpid", fmt.Sprintf("%016x", c.conn.DatapathID),
		"remote", c.conn.Remote, "interfaces", len(c.ifaces))
	r.h.OVSDBConnected(c.conn)
	r.h.BridgeChanged(c.conn.DatapathID, c.bridge)
	r.h.InterfacesChanged(c.conn.DatapathID, c.ifaces)
}
