package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/topology/store"
)

// saveAfter is how long what is to be saved is gathered first. Commits of the
// topology wait for the disk too, and somebody waits for them.
const saveAfter = 100 * time.Millisecond

// saver writes where ports are, and from which addresses nodes send, into the
// store, off the way of flows: OVSDB will say it again if the last of it is lost in
// a crash, and until then nothing is removed (see await_ovsdb.go). Changes that come
// while a write is under way are merged into the next.
type saver struct {
	log    *slog.Logger
	store  Store
	notify chan struct{}

	mu      sync.Mutex
	waiting observed
}

// observed is what is to be saved, by port and by node.
type observed struct {
	bindings map[string]store.Binding
	locals   map[string]store.Local
}

func newObserved() observed {
	return observed{map[string]store.Binding{}, map[string]store.Local{}}
}

func newSaver(log *slog.Logger, st Store) *saver {
	return &saver{log: log, store: st, notify: make(chan struct{}, 1), waiting: newObserved()}
}

func (s *saver) put(b store.Binding) {
	s.mu.Lock()
	s.waiting.bindings[b.Port] = b
	s.mu.Unlock()
	s.wake()
}

func (s *saver) putLocal(l store.Local) {
	s.mu.Lock()
	s.waiting.locals[l.Node] = l
	s.mu.Unlock()
	s.wake()
}

func (s *saver) wake() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// run writes until ctx ends, and then what is left.
func (s *saver) run(ctx context.Context) error {
	const retryAfter = time.Second
	for {
		select {
		case <-s.notify:
			pause(ctx, saveAfter)
			if err := s.flush(); err != nil {
				s.log.Error("where ports are was not saved", "err", err, "retry_after", retryAfter)
				pause(ctx, retryAfter)
			}
		case <-ctx.Done():
			return s.flush()
		}
	}
}

// flush writes all that waits; on failure it waits on, under what came since.
func (s *saver) flush() error {
	s.mu.Lock()
	batch := s.waiting
	s.waiting = newObserved()
	s.mu.Unlock()
	err := errors.Join(s.store.SaveBindings(inOrder(batch.bindings)), s.store.SaveLocals(inOrder(batch.locals)))
	if err == nil {
		return nil
	}
	s.mu.Lock()
	maps.Copy(batch.bindings, s.waiting.bindings)
	maps.Copy(batch.locals, s.waiting.locals)
	s.waiting = batch
	s.mu.Unlock()
	s.wake()
	return err
}

// inOrder returns what is to be saved by name.
func inOrder[T any](batch map[string]T) []T {
	all := make([]T, 0, len(batch))
	for _, name := range slices.Sorted(maps.Keys(batch)) {
		all = append(all, batch[name])
	}
	return all
}
