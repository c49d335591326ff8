package worker

import (
	"context"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// compilation computes all flows of the worker's node into its bare set, sorted,
// while the switch's are read back, if there is a place for it: the switch takes
// time for its answer.
type compilation struct {
	w       *Worker
	view    *pipeline.View
	flows   int // there may be
	release func()
	running sync.WaitGroup
	begun   bool
	// digest is that of the node's items without the stamp and the invalidations.
	digest pipeline.Digest
}

// tryBegin begins, unless as many as may be are at it. The switch is said to have
// n flows.
func (c *compilation) tryBegin(n int) {
	c.flows = n
	if c.release = c.w.pool.trySlot(); c.release == nil {
		return
	}
	c.begin()
}

func (c *compilation) begin() {
	c.begun = true
	w := c.w
	w.borrow() // only now: who waits for a place keeps no memory
	c.running.Go(func() {
		w.bare.ResetBare(min(c.flows, maxGrown))
		w.compiler.CompileNode(&w.bare, c.view, w.node)
		c.digest = w.bare.Digest()
		w.addStamp(&w.bare, c.view, w.node, c.digest)
		w.bare.Sort()
	})
}

// maxGrown is how many flows there is memory made for because a switch says that
// it has them: worth it, and cheap if untrue.
const maxGrown = 1 << 18

// complete returns when all is computed.
func (c *compilation) complete(ctx context.Context) (err error) {
	if !c.begun {
		if c.release, err = c.w.pool.slot(ctx); err != nil {
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

// withMessages computes the messages of items of the bare set, which must be in order,
// into the set, and returns their entries there.
func (c *compilation) withMessages(bare []pipeline.Item) []pipeline.Item {
	w := c.w
	w.set.Reset()
	for u := range w.bare.UnitsOf(bare) {
		w.compiler.Compile(&w.set, c.view, w.node, u)
	}
	w.addStamp(&w.set, c.view, w.node, c.digest)
	w.set.Sort()
	filled := make([]pipeline.Item, 0, len(bare))
	for _, e := range w.set.Items() {
		for len(bare) > 0 && bare[0].Sum < e.Sum {
			bare = bare[1:]
		}
		if len(bare) > 0 && bare[0].Sum == e.Sum {
			filled = append(filled, e)
		}
	}
	return filled
}
