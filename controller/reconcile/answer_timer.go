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
var errTooManyFlows = fmt.Errorf("the switch tells of more than %d flows, or %d MiB of altered ones", maxFlows, maxAlteredText>>20)

// patience bounds the time for what a switch is asked to do.
type answerTimer struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	most   time.Duration
}

// patience begins to wait for an answer, with a context that ends with it; the
// caller must call end.
func (f *Fabric) awaitAnswer(ctx context.Context) (context.Context, *answerTimer) {
	p := &answerTimer{most: f.cfg.AnswerTimeout}
	ctx, p.cancel = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(p.most, func() { p.cancel(fmt.Errorf("no complete answer within %v", p.most)) })
	return ctx, p
}

// extend begins to wait anew, for an answer about n flows.
func (p *answerTimer) extend(n int) { p.timer.Reset(p.most + time.Duration(n)*time.Millisecond) }

func (p *answerTimer) end() {
	p.timer.Stop()
	p.cancel(nil)
}
