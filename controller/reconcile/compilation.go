package reconcile

import (
	"context"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// compilation computes all flows of the worker's node into its set, sorted,
// while the switch's are read back, if there is a place for it: the switch takes
// time for its answer.
type compilation struct {
	w       *worker
	view    *pipeline.View
	release func()
	running sync.WaitGroup
	begun   bool
}

// tryBegin begins, unless as many as may be are at it.
func (c *compilation) tryBegin() {
	if c.release = c.w.f.tryCompareSlot(); c.release == nil {
		return
	}
	c.begin()
}

func (c *compilation) begin() {
	c.begun = true
	w := c.w
	w.borrow() // only now: who waits for a place keeps no memory
	c.running.Go(func() {
		w.set.Reset()
		w.compiler.CompileNode(&w.set, c.view, w.node.name)
		w.set.Sort()
	})
}

// complete returns when all is computed.
func (c *compilation) complete(ctx context.Context) (err error) {
	if !c.begun {
		if c.release, err = c.w.f.compareSlot(ctx); err != nil {
			return err
		}
		c.begin()
	}
	c.running.Wait()
	return nil
}

// end waits for what was begun and lets others have the place.
func (c *compilation) end() {
	c.running.Wait()
	if c.release != nil {
		c.release()
	}
}
