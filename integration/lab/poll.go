package lab

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is how often Poll looks again.
const pollEvery = 20 * time.Millisecond

// Poll calls check until it returns nil or the context ends, and then returns
// an error that says what was waited for and why the last check failed.
func Poll(ctx context.Context, what string, check func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error // of a check that the end of the context did not cut short
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s (%w): %w", what, ctx.Err(), last)
		case <-tick.C:
		}
	}
}

// PollFor is Poll with a limit in time.
func PollFor(ctx context.Context, limit time.Duration, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return Poll(ctx, what, check)
}
