package worker

import (
	"context"
	"sync"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// compilation computes all flows of the worker's node into its bare set, sorted, while the
// switch's flows are being read. It does so only if a slot is free.
type compilation struct {
	w       *Worker
	view    *pipeline.View
	flows   int // how many there may be
	release func()
	running sync.WaitGroup
	begun   bool
	// digest is the digest of the node's items without the stamp and the invalidations.
	digest pipeline.Digest
}

// tryBegin begins unless all slots are taken. n is the number of flows that the switch reports.
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
	w.borrow() // only now: a worker that waits for a slot holds no memory
	c.running.Go(func() {
		w.bare.ResetBare(min(c.flows, maxGrown))
		w.compiler.CompileNode(&w.bare, c.view, w.node)
		c.digest = w.bare.Digest()
		w.addStamp(&w.compiler, &w.bare, c.view, w.node, c.digest)
		w.bare.Sort()
	})
}

// maxGrown is the largest number of flows for which memory is allocated because the switch
// reports that many. It is large enough to save reallocations, and costs little if the report
// is wrong.
const maxGrown = 1 << 18

// complete waits until everything is computed.
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

// end waits for the computation and frees the slot.
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
	w.addStamp(&w.compiler, &w.set, c.view, w.node, c.digest)
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
