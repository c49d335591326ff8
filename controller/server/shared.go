package server

import (
	"context"
	"errors"
	"sync"
)

// shared computes expensive results once for all concurrent callers. It runs one
// computation at a time for a key. A caller that arrives during a computation waits for the
// next one, which begins after the call and so includes everything before it.
type shared[K comparable, T any] struct {
	mu   sync.Mutex     // guards what follows
	next map[K]*once[T] // not begun yet, and only while somebody waits for it
	busy map[K]chan struct{}
}

// once is one result.
type once[T any] struct {
	done chan struct{} // closed when the rest can be read
	v    T
	err  error
}

// errNotMade is returned to those who waited for a computation that panicked.
var errNotMade = errors.New("the answer could not be made")

func newShared[K comparable, T any]() *shared[K, T] {
	return &shared[K, T]{next: map[K]*once[T]{}, busy: map[K]chan struct{}{}}
}

// get returns what produce returns, in this call or another. The computation continues when
// the client is gone, since others may wait for it.
func (s *shared[K, T]) get(ctx context.Context, key K, produce func(context.Context) (T, error)) (v T, err error) {
	s.mu.Lock()
	o, busy := s.next[key], s.busy[key]
	if o != nil {
		s.mu.Unlock()
		select {
		case <-o.done:
			return o.v, o.err
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
	o = &once[T]{done: make(chan struct{}), err: errNotMade}
	if busy != nil {
		s.next[key] = o
		s.mu.Unlock()
		<-busy // what is under way has its own bound in time
		s.mu.Lock()
		delete(s.next, key)
	}
	s.busy[key] = o.done
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		if s.busy[key] == o.done {
			delete(s.busy, key)
		}
		s.mu.Unlock()
		close(o.done)
	}()
	o.v, o.err = produce(context.WithoutCancel(ctx))
	return o.v, o.err
}
