package reconcile

import (
	"context"
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

// saver writes where ports are into the store, off the way of flows: OVSDB will
// say it again if the last of it is lost in a crash, and until then nothing is
// removed (see unsure.go). Changes that come while a write is under way are
// merged into the next.
type saver struct {
	log    *slog.Logger
	store  Store
	notify chan struct{}

	mu      sync.Mutex
	waiting map[string]store.Binding
}

func newSaver(log *slog.Logger, st Store) *saver {
	return &saver{log: log, store: st, notify: make(chan struct{}, 1), waiting: map[string]store.Binding{}}
}

func (s *saver) put(b store.Binding) {
	s.mu.Lock()
	s.waiting[b.Port] = b
	s.mu.Unlock()
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
	s.waiting = map[string]store.Binding{}
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(batch))
	bindings := make([]store.Binding, len(names))
	for i, n := range names {
		bindings[i] = batch[n]
	}
	err := s.store.SaveBindings(bindings)
	if err == nil {
		return nil
	}
	s.mu.Lock()
	maps.Copy(batch, s.waiting)
	s.waiting = batch
	s.mu.Unlock()
	select {
	case s.notify <- struct{}{}:
	default:
	}
	return err
}
