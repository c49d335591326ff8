package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// maxGroup bounds how many commits share a transaction of the file, so that
// the first of them does not wait for the planning of too many others.
const maxGroup = 128

// request is a commit that a caller waits for.
type request struct {
	ctx    context.Context
	author string
	plan   func(before *topology.Snapshot, at time.Time) (topology.Result, error)

	// The outcome; it may be read once done is closed.
	commit store.Commit
	err    error
	done   chan struct{}
}

// do commits what plan makes of the newest state.
//
// A sync costs the same for one commit as for many. So callers that come while the file is
// being written wait in a queue, and the first of them to get the turn writes for all.
// Each commit has its own revision, history entry and callbacks; they share the syncs.
func (s *Store) do(ctx context.Context, author string, plan func(*topology.Snapshot, time.Time) (topology.Result, error)) (store.Commit, error) {
	r := &request{ctx: ctx, author: author, plan: plan, done: make(chan struct{})}
	s.queueMu.Lock()
	s.queue = append(s.queue, r)
	s.queueMu.Unlock()
	for {
		select {
		case <-r.done:
			return r.commit, r.err
		case s.turn <- struct{}{}:
			s.commitGroup()
			<-s.turn
		}
	}
}

// nextGroup returns the next group of the queue.
func (s *Store) nextGroup() []*request {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	n := min(len(s.queue), maxGroup)
	group := s.queue[:n:n]
	if s.queue = s.queue[n:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return group
}

// commitGroup commits the next group. The caller has the turn.
func (s *Store) commitGroup() {
	group := s.nextGroup()
	if len(group) == 0 {
		return
	}
	err := s.confirm()
	if err == nil {
		err = s.commit(group)
	}
	if err != nil && len(group) > 1 && s.unconfirmed == nil {
		// The failure of one request must not fail the others. Plan each again,
		// because it may have been refused on account of an earlier one that has
		// failed now.
		for _, r := range group {
			if err := s.commit([]*request{r}); err != nil {
				r.commit, r.err = store.Commit{}, err
			}
			close(r.done)
		}
		return
	}
	for _, r := range group {
		if err != nil {
			r.commit, r.err = store.Commit{}, err
		}
		close(r.done)
	}
}

// commit plans the requests of a group, each on the result of the one before, writes the
// changes and publishes them. The error is one of writing. An error of planning goes to
// its request.
func (s *Store) commit(group []*request) error {
	var commits []store.Commit
	before := s.Snapshot()
	for _, r := range group {
		if r.commit, r.err = (store.Commit{}), r.ctx.Err(); r.err != nil {
			continue
		}
		now := s.clock()
		p, err := r.plan(before, now)
		if err != nil {
			r.err = err
			continue
		}
		r.commit = store.Commit{
			Revision: p.Next.Revision(), Time: now, Author: r.author,
			Before: before, After: p.Next, Changes: p.Changes, Blocks: p.Blocks,
			Identities: p.Identities, Numberings: p.Numberings, Identified: p.Identified,
		}
		if p.Next != before {
			commits = append(commits, r.commit)
			before = p.Next
		}
	}
	if len(commits) == 0 {
		return nil
	}
	err := s.write(commits)
	switch {
	case errors.Is(err, store.ErrUnconfirmed):
		return err
	case err != nil:
		return fmt.Errorf("revision %d was not written and nothing has changed: %w", commits[0].Revision, err)
	}
	s.publish(commits)
	return nil
}

// publish makes durable commits the newest state, one after the other.
func (s *Store) publish(commits []store.Commit) {
	for _, c := range commits {
		s.current.Store(c.After)
		for _, f := range s.callbacks {
			f(c)
		}
	}
}
