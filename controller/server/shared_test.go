package server

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestShared: however many callers there are, no two computations run at once, and each
// caller gets a result that was computed after its call.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared[string, time.Time]()
		made, making := 0, 0
		produce := func(context.Context) (time.Time, error) {
			made, making = made+1, making+1
			if making > 1 {
				t.Error("two are made at once")
			}
			begun := time.Now()
			time.Sleep(time.Second)
			making--
			return begun, nil
		}
		var asking sync.WaitGroup
		for i := range 10 {
			asking.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond) // the last before the first is made
				asked := time.Now()
				begun, err := s.get(t.Context(), "node1", produce)
				if err != nil || begun.Before(asked) {
					t.Errorf("asked at %v, answered as of %v: %v", asked, begun, err)
				}
			})
		}
		asking.Wait()
		if made != 2 {
			t.Errorf("made %d times, want once for the first and once for all others", made)
		}
		if len(s.next)+len(s.busy) != 0 {
			t.Errorf("left behind: %v %v", s.next, s.busy)
		}
		// A caller that stops waiting does not end the computation for the others.
		ctx, cancel := context.WithCancel(t.Context())
		broken := errors.New("broken")
		asking.Go(func() {
			_, err := s.get(ctx, "node1", func(ctx context.Context) (time.Time, error) {
				time.Sleep(time.Second)
				return time.Time{}, errors.Join(ctx.Err(), broken)
			})
			if !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		cancel()
		asking.Wait()
	})
}
