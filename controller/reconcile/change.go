package reconcile

import (
	"sync/atomic"

	"github.com/sdnctl/sdnctl/controller/workqueue"
)

// change counts the cost of one change until all of its work is done.
type change struct {
	metrics *changeMetrics
	seq     uint64
	object  string
	// left counts the nodes that have not confirmed their part, plus one while the dispatcher
	// distributes the parts.
	left        atomic.Int32
	mods, bytes atomic.Int64
}

// Seq returns the sequence number of the view that the change made.
func (c *change) Seq() uint64 { return c.seq }

// Settle adds the cost of one part of the change. After the last part the total is observed.
func (c *change) Settle(s workqueue.Cost) {
	c.mods.Add(int64(s.Mods))
	c.bytes.Add(int64(s.Bytes))
	if c.left.Add(-1) > 0 {
		return
	}
	c.metrics.flowMods.WithLabelValues(c.object).Observe(float64(c.mods.Load()))
	c.metrics.bytes.WithLabelValues(c.object).Observe(float64(c.bytes.Load()))
}
