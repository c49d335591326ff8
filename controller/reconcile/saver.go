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

// saveAfter is how long changes are collected before they are saved. Commits of the topology,
// which users wait for, use the same disk.
const saveAfter = 100 * time.Millisecond

// saver saves where ports are, from which addresses nodes send, which backends are healthy,
// which ports have joined groups, and since when others leave their services. Flows do not wait for it.
// If a crash loses the last changes, OVSDB reports them again, and until then nothing is
// removed (see await_ovsdb.go). Changes that come during a write are merged into the next.
type saver struct {
	log    *slog.Logger
	store  Store
	notify chan struct{}

	mu      sync.Mutex
	waiting observed
}

// observed has what is to be saved, by port, by node and by backend.
type observed struct {
	bindings map[string]store.Binding
	locals   map[string]store.Local
	healths  map[string]store.Health
	leavings map[string]store.Leaving
	joins    map[string]store.Join
}

func newObserved() observed {
	return observed{map[string]store.Binding{}, map[string]store.Local{}, map[string]store.Health{}, map[string]store.Leaving{}, map[string]store.Join{}}
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

func (s *saver) putHealth(h store.Health) {
	s.mu.Lock()
	s.waiting.healths[h.Key()] = h
	s.mu.Unlock()
	s.wake()
}

func (s *saver) putLeaving(l store.Leaving) {
	s.mu.Lock()
	s.waiting.leavings[l.Key()] = l
	s.mu.Unlock()
	s.wake()
}

func (s *saver) putJoin(j store.Join) {
	s.mu.Lock()
	s.waiting.joins[j.Key()] = j
	s.mu.Unlock()
	s.wake()
}

func (s *saver) wake() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// run saves changes until ctx ends, and then the remaining ones.
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

// flush saves all waiting changes. If that fails they wait again, unless newer ones replace
// them.
func (s *saver) flush() error {
	s.mu.Lock()
	batch := s.waiting
	s.waiting = newObserved()
	s.mu.Unlock()
	err := errors.Join(s.store.SaveBindings(inOrder(batch.bindings)), s.store.SaveLocals(inOrder(batch.locals)), s.store.SaveHealths(inOrder(batch.healths)), s.store.SaveLeavings(inOrder(batch.leavings)), s.store.SaveJoins(inOrder(batch.joins)))
	if err == nil {
		return nil
	}
	s.mu.Lock()
	maps.Copy(batch.bindings, s.waiting.bindings)
	maps.Copy(batch.locals, s.waiting.locals)
	maps.Copy(batch.healths, s.waiting.healths)
	maps.Copy(batch.leavings, s.waiting.leavings)
	maps.Copy(batch.joins, s.waiting.joins)
	s.waiting = batch
	s.mu.Unlock()
	s.wake()
	return err
}

// inOrder returns the values sorted by their names.
func inOrder[T any](batch map[string]T) []T {
	all := make([]T, 0, len(batch))
	for _, name := range slices.Sorted(maps.Keys(batch)) {
		all = append(all, batch[name])
	}
	return all
}
