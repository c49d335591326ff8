package ovsdb

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// What a connection may have without asking: enough for a node with a hundred
// ports, so that such nodes never feel what others do.
const (
	smallMessage = 32 << 10 // bytes
	smallView    = 64 << 10 // bytes, as view.size counts
)

// How much of what is larger all connections may have together.
const (
	largeMessages = 16 // messages being read or applied
	largeViews    = 64 // times Config.MaxMessage
)

// pool bounds the memory that all connections of a Serve take up together. A
// thousand nodes that return at once wait for each other's large first
// messages for a few milliseconds; a thousand hostile ones cannot fill the
// memory.
type pool struct {
	messages *semaphore.Weighted
	rows     atomic.Int64 // bytes left for large views
}

func newPool(maxMessage int) *pool {
	p := &pool{messages: semaphore.NewWeighted(largeMessages)}
	p.rows.Store(largeViews * int64(maxMessage))
	return p
}

// takeMessage waits until one more large message may be read.
func (p *pool) takeMessage(ctx context.Context) error { return p.messages.Acquire(ctx, 1) }

// giveMessage says that a large message is done with.
func (p *pool) giveMessage() { p.messages.Release(1) }

// takeRows reserves bytes for a view.
func (p *pool) takeRows(n int) error {
	if p.rows.Add(int64(-n)) < 0 {
		p.giveRows(n)
		return fmt.Errorf("no more room: the rows of all nodes together are more than %d times the greatest message", largeViews)
	}
	return nil
}

// giveRows gives back what takeRows reserved.
func (p *pool) giveRows(n int) { p.rows.Add(int64(n)) }
