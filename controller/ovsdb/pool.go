package ovsdb

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// What a connection may use without the pool: enough for a node with a hundred ports, so
// that others never slow such nodes down.
const (
	smallMessage = 32 << 10 // bytes
	smallView    = 64 << 10 // bytes, as view.size counts
)

// The sum that all connections of nodes may use beyond that, and all connections that have
// not authenticated as a node.
const (
	largeMessages     = 16 // messages being read or applied
	largeViews        = 64 // times Config.MaxMessage
	unprovenMessages  = 4
	unprovenViews     = 8
	largeGrace        = 5 * time.Second // how long a message is safe from those that wait
	unprovenGrace     = time.Second
	unprovenBytes     = 8 << 20 // a second, of large messages of all of them together
	unprovenBytesOnce = 1 << 20
)

// pool bounds the memory that all connections of a Serve use together. A thousand nodes
// that return at once wait for each other's large first messages for a few milliseconds; a
// thousand hostile peers cannot fill the memory. Those that have not authenticated as a
// node have a pool of their own: whatever they do, nodes wait for nodes only.
type pool struct{ nodes, unproven room }

// room is the share of one kind of connection.
type room struct {
	messages *connlimit.Limiter
	views    int          // that rows was made of
	rows     atomic.Int64 // bytes left for large views
	pace     *rate.Limiter
}

func newPool(maxMessage int) *pool {
	p := &pool{
		nodes:    room{messages: connlimit.New(largeMessages, largeGrace), views: largeViews, pace: rate.NewLimiter(rate.Inf, 0)},
		unproven: room{messages: connlimit.New(unprovenMessages, unprovenGrace), views: unprovenViews, pace: rate.NewLimiter(unprovenBytes, unprovenBytesOnce)},
	}
	for _, r := range []*room{&p.nodes, &p.unproven} {
		r.rows.Store(int64(r.views) * int64(maxMessage))
	}
	return p
}

// part is one connection's part of a pool. Its methods may be called
// concurrently.
type part struct {
	pool *pool
	from net.Addr
	// known reports whether the connection is known to be a node's by now.
	known func() bool
	// drop ends the connection to make room for others; it must not wait.
	drop func()
}

func (p *part) room() *room {
	if p.known() {
		return &p.pool.nodes
	}
	return &p.pool.unproven
}

// takeMessage waits until one more large message may be read, in parts of n bytes. The
// caller must return it to the pool after handling it.
func (p *part) takeMessage(ctx context.Context) (*large, error) {
	r := p.room()
	leave := r.messages.Acquire(ctx, p.from, 1, p.drop)
	if leave == nil {
		return nil, context.Cause(ctx)
	}
	return &large{give: leave, pace: r.pace}, nil
}

// large is a large message.
type large struct {
	give func()
	pace *rate.Limiter
}

// take waits until n more bytes may be read.
func (l *large) take(ctx context.Context, n int) error {
	for n > 0 {
		some := min(n, unprovenBytesOnce)
		if err := l.pace.WaitN(ctx, some); err != nil {
			return err
		}
		n -= some
	}
	return nil
}

// takeRows reserves bytes for a view; the caller must return them to the pool.
func (p *part) takeRows(n int) (give func(), err error) {
	r := p.room()
	give = func() { r.rows.Add(int64(n)) }
	if r.rows.Add(int64(-n)) < 0 {
		give()
		return nil, fmt.Errorf("no more room: the rows of all nodes together are more than %d times the greatest message", r.views)
	}
	return give, nil
}
