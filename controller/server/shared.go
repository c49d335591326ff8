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
	mu   sync.Mutex          // guards what follows
	next map[K]*once[T]      // computations that wait for the end of another one
	busy map[K]chan struct{} // running computations; closed at their end
}

// once is the result of one computation.
type once[T any] struct {
	done chan struct{} // closed when v and err are set
	v    T
	err  error
}

// errNotMade is returned to callers that waited for a computation that panicked.
var errNotMade = errors.New("sdnd failed to prepare the response")

func newShared[K comparable, T any]() *shared[K, T] {
	return &shared[K, T]{next: map[K]*once[T]{}, busy: map[K]chan struct{}{}}
}

// get returns the result of produce, in this call or a concurrent one. The computation
// continues if the caller's context ends, since other callers may wait for it.
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
		<-busy // the running computation has its own time limit
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
