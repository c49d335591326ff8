package reconcile

import (
	"context"
	"fmt"
	"time"
)

// maxFlows is how many flows a switch is believed to have; maxAlteredText is how
// many bytes the text of those may have that somebody altered. They bound what a
// switch that never comes to an end costs.
const (
	maxFlows       = 1 << 22
	maxAlteredText = 64 << 20
)

// errEndless says that the bounds were exceeded.
var errEndless = fmt.Errorf("the switch tells of more than %d flows, or %d MiB of altered ones", maxFlows, maxAlteredText>>20)

// withPatience bounds the time for an answer about n flows.
func (w *worker) withPatience(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	d := w.f.cfg.AnswerTimeout + time.Duration(n)*time.Millisecond
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no complete answer within %v", d))
}
