package lab

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is the interval of Poll's checks.
const pollEvery = 20 * time.Millisecond

// Poll calls check until it returns nil or the context ends. In the latter case it returns an
// error with what and the error of the last check.
func Poll(ctx context.Context, what string, check func(context.Context) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last error // of the last check that the end of the context did not interrupt
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

// PollFor does what Poll does, with a time limit.
func PollFor(ctx context.Context, limit time.Duration, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return Poll(ctx, what, check)
}
