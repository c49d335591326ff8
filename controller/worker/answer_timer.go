package worker

import (
	"context"
	"fmt"
	"time"
)

// maxFlows is the largest number of flows that sdnd reads from a switch; maxAlteredText is
// the largest total size in bytes of the text of altered flows. They bound the cost of a
// switch whose answer never ends.
const (
	maxFlows       = 1 << 22
	maxAlteredText = 64 << 20
)

// errTooManyFlows says that a switch exceeded these bounds.
var errTooManyFlows = fmt.Errorf("the switch reports more than %d flows, or %d MiB of altered ones", maxFlows, maxAlteredText>>20)

// answerTimer bounds the time for an answer of a switch.
type answerTimer struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	most   time.Duration
}

// awaitAnswer starts the timer, and returns a context that ends when it expires; the caller
// must call end.
func (p *Pool) awaitAnswer(ctx context.Context) (context.Context, *answerTimer) {
	t := &answerTimer{most: p.cfg.AnswerTimeout}
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.timer = time.AfterFunc(t.most, func() { t.cancel(fmt.Errorf("no complete answer within %v", t.most)) })
	return ctx, t
}

// extend starts the timer again, for an answer about n flows.
func (p *answerTimer) extend(n int) { p.timer.Reset(p.most + time.Duration(n)*time.Millisecond) }

func (p *answerTimer) end() {
	p.timer.Stop()
	p.cancel(nil)
}
