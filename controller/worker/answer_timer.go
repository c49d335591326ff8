package worker

import (
	"context"
	"fmt"
	"time"
)

// maxFlows is the largest number of flows that sdnd reads from a switch, and maxAlteredText the
// largest total size of the text of altered flows, in bytes. They bound the cost of a switch
// that does not stop answering.
const (
	maxFlows       = 1 << 22
	maxAlteredText = 64 << 20
)

// errTooManyFlows is the error for a switch that exceeds these bounds.
var errTooManyFlows = fmt.Errorf("the switch reports more than %d flows, or %d MiB of altered ones", maxFlows, maxAlteredText>>20)

// answerTimer bounds the time for an answer of a switch.
type answerTimer struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	most   time.Duration
}

// awaitAnswer starts the timer, and returns a context that ends when the timer expires. The
// caller must call end.
func (p *Pool) awaitAnswer(ctx context.Context) (context.Context, *answerTimer) {
	t := &answerTimer{most: p.cfg.AnswerTimeout}
	ctx, t.cancel = context.WithCancelCause(ctx)
	t.timer = time.AfterFunc(t.most, func() { t.cancel(fmt.Errorf("no complete answer within %v", t.most)) })
	return ctx, t
}

// extend restarts the timer for an answer about n flows.
func (p *answerTimer) extend(n int) { p.timer.Reset(p.most + time.Duration(n)*time.Millisecond) }

func (p *answerTimer) end() {
	p.timer.Stop()
	p.cancel(nil)
}
