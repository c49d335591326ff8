package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reconnects returns the benches of a switch that has all its flows and connects again.
func reconnects() []Bench {
	var all []Bench
	for _, size := range []struct{ flows, runs int }{{10_000, 7}, {100_000, 5}} {
		all = append(all, Bench{
			Name:    fmt.Sprintf("reconnect/%dk", size.flows/1000),
			Section: "Reconnect: the switch has all its flows already",
			Run: func(ctx context.Context, e *Env, r *Report) error {
				flows, runs := size.flows, e.Pick(size.runs, 2)
				if e.Short {
					flows /= 10
				}
				return reconnect(ctx, e, r, flows, runs)
			},
		})
	}
	return all
}

func reconnect(ctx context.Context, e *Env, r *Report, flows, runs int) (err error) {
	l, down, err := e.up(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, down()) }()
	b, err := newFabricBed(ctx, l, flows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	if _, err := b.connect(ctx); err != nil {
		return err
	}
	var ours, bare samples
	var size int
	for range runs {
		if err := calm(ctx, b.node); err != nil {
			return err
		}
		took, err := b.connect(ctx)
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if err := calm(ctx, b.node); err != nil {
			return err
		}
		if took, size, err = dump(ctx, b.management()); err != nil {
			return err
		}
		bare = append(bare, took)
	}
	// A flow takes no less than its fixed part (OpenFlow 1.3.5, 7.3.5.2).
	if size < 56*b.want {
		return fmt.Errorf("the bare reader got %d bytes, which cannot be %d flows", size, b.want)
	}
	r.Add(Line{
		Name: fmt.Sprintf("reconnect with %s flows, nothing to do", number(float64(b.want))), Unit: "ms",
		Ours: ours.best(time.Millisecond), Baseline: "a reader of bare bytes dumps them", Theirs: bare.best(time.Millisecond),
		Goal: RatioAtMost(1.5),
		Note: fmt.Sprintf("From the connection until the node is in sync: all flows read back (%s bytes), checked against their hashes and compared with those wanted.", number(float64(size))),
	})
	return nil
}
