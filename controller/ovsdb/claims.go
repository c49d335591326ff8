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
	errOutranked = errors.New("another connection with a bridge of the same datapath id is more likely to be the node's")
	errGone      = errors.New("the bridge is gone or has another datapath id now")
)

// claim is what one connection says about one datapath id.
type claim struct {
	conn   Conn
	bridge Bridge
	ifaces []*Interface
	// probe has the connection prove that it lives, or end.
	probe func()
}

// claims decides which connection speaks for a datapath id, and calls the
// handler. All of it is under one lock, so that the handler sees one order.
type claims struct {
	h        Handler
	log      *slog.Logger
	standing func(Conn) int

	mu sync.Mutex // guards the following and every call of h
	// byID has the claims on a datapath id, oldest first.
	byID map[uint64][]*claim
	// holders are those that are heard.
	holders map[uint64]*claim
}

func newClaims(h Handler, cfg Config) *claims {
	return &claims{
		h: h, log: cfg.Logger, standing: cfg.Standing,
		byID: make(map[uint64][]*claim), holders: make(map[uint64]*claim),
	}
}

// enter enters c as the newest claim on its datapath id. It is heard at once if
// it is the only one or has the greatest standing. Where it has that of the
// holder, as when a node has come back before its old connection is found dead,
// the holder has to prove that it lives.
func (r *claims) enter(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.conn.DatapathID
	r.byID[id] = append(r.byID[id], c)
	holder := r.holders[id]
	r.choose(id)
	now := r.holders[id]
	if holder == nil || now == nil {
		return
	}
	r.log.Warn("two nodes or connections have one datapath id",
		"dpid", fmt.Sprintf("%016x", id), "older", holder.conn.Remote, "newer", c.conn.Remote, "heard", now.conn.Remote)
	if now == holder && r.standing(c.conn) == r.standing(holder.conn) {
		holder.probe()
	}
}

// reconsider has the claims on a datapath id weighed again.
func (r *claims) reconsider(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.choose(id)
}

// choose makes the claim with the greatest standing hold; the holder, and then
// the oldest, goes before others of its standing. The caller holds the lock.
func (r *claims) choose(id uint64) {
	holder := r.holders[id]
	best, standing := holder, -1
	if holder != nil {
		standing = r.standing(holder.conn)
	}
	if standing < 0 {
		best = nil
	}
	for _, c := range r.byID[id] {
		if s := r.standing(c.conn); s > standing {
			best, standing = c, s
		}
	}
	if best == holder {
		return
	}
	if holder != nil {
		delete(r.holders, id)
		r.h.OVSDBDisconnected(id, errOutranked)
	}
	if best != nil {
		r.holders[id] = best
		r.report(best)
	}
}

// updateBridge changes what c says of the bridge; it is reported if c holds.
func (r *claims) updateBridge(c *claim, b Bridge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.bridge = b
	if r.holders[c.conn.DatapathID] == c {
		r.h.BridgeChanged(c.conn.DatapathID, b)
	}
}

// updateWrite reports how writing for c went, if c holds.
func (r *claims) updateWrite(c *claim, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders[c.conn.DatapathID] == c {
		r.h.DatabaseWritten(c.conn.DatapathID, err)
	}
}

// update changes what c says of interfaces; it is reported if c holds.
func (r *claims) update(c *claim, ifaces []*Interface) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.ifaces = ifaces
	if r.holders[c.conn.DatapathID] == c {
		r.h.InterfacesChanged(c.conn.DatapathID, ifaces)
	}
}

// release withdraws c. If it held, the best of those left holds from now on,
// except that nothing new is reported once Serve ends, as the connection's ctx
// tells.
func (r *claims) release(ctx context.Context, c *claim, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.conn.DatapathID
	r.byID[id] = slices.DeleteFunc(r.byID[id], func(o *claim) bool { return o == c })
	if len(r.byID[id]) == 0 {
		delete(r.byID, id)
	}
	if r.holders[id] != c {
		return
	}
	delete(r.holders, id)
	r.h.OVSDBDisconnected(id, reason)
	if stopping(ctx) {
		delete(r.byID, id) // nobody holds any more
		return
	}
	r.choose(id)
}

// report tells the handler of a claim that holds from now on.
func (r *claims) report(c *claim) {
	r.log.Info("bridge is read over OVSDB", "dpid", fmt.Sprintf("%016x", c.conn.DatapathID),
		"remote", c.conn.Remote, "interfaces", len(c.ifaces))
	r.h.OVSDBConnected(c.conn)
	r.h.BridgeChanged(c.conn.DatapathID, c.bridge)
	r.h.InterfacesChanged(c.conn.DatapathID, c.ifaces)
}
