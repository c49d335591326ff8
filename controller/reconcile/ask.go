package reconcile

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// maxAsked is how many switches are asked at a time for one answer to a user.
	maxAsked = 16
	// askTime is how long each may take.
	askTime = 5 * time.Second
)

// askNodes calls do for each node, several at a time, with its place and its switch. For each
// node it returns why there is no answer: the switch is not connected, or do returned an error;
// "" if there is one.
func (f *Fabric) askNodes(ctx context.Context, nodes []string, do func(ctx context.Context, i int, on *peer) error) []string {
	reasons := make([]string, len(nodes))
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for i, node := range nodes {
		group.Go(func() error {
			on := f.peerOf(node)
			if on == nil {
				reasons[i] = "its switch is not connected"
				return nil
			}
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			if err := do(ctx, i, on); err != nil {
				reasons[i] = "its switch did not answer: " + err.Error()
			}
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	return reasons
}
