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

// claim is a connection's report about one datapath id.
type claim struct {
	conn   Conn
	bridge Bridge
	ifaces []*Interface
	// probe sends an echo request; the connection ends if it is not answered.
	probe func()
}

// claims decides which connection is reported for a datapath id, and calls the
// handler. One lock guards all of it, so that the handler sees one order.
type claims struct {
	h        Handler
	log      *slog.Logger
	standing func(Conn) int

	mu sync.Mutex // guards the following and every call of h
	// byID has the claims on a datapath id, oldest first.
	byID map[uint64][]*claim
	// holders are the claims that are reported, by datapath id.
	holders map[uint64]*claim
}

func newClaims(h Handler, cfg Config) *claims {
	return &claims{
		h: h, log: cfg.Logger, standing: cfg.Standing,
		byID: make(map[uint64][]*claim), holders: make(map[uint64]*claim),
	}
}

// enter adds c as the newest claim on its datapath id. It is reported at once if
// it is the only one or has the greatest standing. If its standing equals the
// holder's, as when a node reconnects before its old connection is found dead,
// the holder has to answer an echo request.
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
		"dpid", fmt.Sprintf("%016x", id), "older", holder.conn.Remote, "newer", c.conn.Remote, "used", now.conn.Remote)
	if now == holder && r.standing(c.conn) == r.standing(holder.conn) {
		holder.probe()
	}
}

// reconsider chooses again among the claims on a datapath id.
func (r *claims) reconsider(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.choose(id)
}

// choose makes the claim with the greatest standing the holder; of equals the
// present holder, then the oldest. The caller holds the lock.
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

// updateBridge changes c's bridge, and reports it if c is the holder.
func (r *claims) updateBridge(c *claim, b Bridge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.bridge = b
	if r.holders[c.conn.DatapathID] == c {
		r.h.BridgeChanged(c.conn.DatapathID, b)
	}
}

// updateWrite reports the result of writing for c, if c is the holder.
func (r *claims) updateWrite(c *claim, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders[c.conn.DatapathID] == c {
		r.h.DatabaseWritten(c.conn.DatapathID, err)
	}
}

// ownRowsChanged reports that own rows of c's node have changed, if c is the holder.
func (r *claims) ownRowsChanged(c *claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holders[c.conn.DatapathID] == c {
		r.h.OwnRowsChanged(c.conn.DatapathID)
	}
}

// update changes c's interfaces, and reports them if c is the holder.
func (r *claims) update(c *claim, ifaces []*Interface) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.ifaces = ifaces
	if r.holders[c.conn.DatapathID] == c {
		r.h.InterfacesChanged(c.conn.DatapathID, ifaces)
	}
}

// release withdraws c. If it was the holder, the best of the others becomes the
// holder, unless ctx says that Serve is ending: then nothing new is reported.
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
		delete(r.byID, id) // there are no holders any more
		return
	}
	r.choose(id)
}

// report reports a new holder to the handler.
func (r *claims) report(c *claim) {
	r.log.Info("bridge is read over OVSDB", "dpid", fmt.Sprintf("%016x", c.conn.DatapathID),
		"remote", c.conn.Remote, "interfaces", len(c.ifaces))
	r.h.OVSDBConnected(c.conn)
	r.h.BridgeChanged(c.conn.DatapathID, c.bridge)
	r.h.InterfacesChanged(c.conn.DatapathID, c.ifaces)
}
