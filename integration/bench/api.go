package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

const apiSection = "The API and the store"

// apis returns the benches of the API: bulk changes, request rates and watches.
func apis() []Bench {
	return []Bench{
		{Name: "api/apply", Section: apiSection, Run: bulkApply},
		{Name: "api/rates", Section: apiSection, Run: apiRates},
		{Name: "api/watch", Section: apiSection, Run: watchFanOut},
	}
}

// bulkApply declares many ports in one transaction.
func bulkApply(ctx context.Context, e *Env, r *Report) (err error) {
	b, err := newDaemonBed(ctx, e, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	n := e.Pick(100_000, 5_000)
	req, err := manyPorts(n)
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := b.api.Apply(ctx, req); err != nil {
		return err
	}
	took := time.Since(start)
	r.Add(Line{Name: fmt.Sprintf("apply %s ports at once", number(float64(n))), Unit: "s", Ours: Value(took.Seconds()).With("%s ports/s", number(float64(n)/took.Seconds()))})
	start = time.Now()
	if _, err := b.api.Apply(ctx, req); err != nil {
		return err
	}
	r.Add(Line{Name: "apply the same again, nothing to change", Unit: "s", Ours: Value(time.Since(start).Seconds())})
	return nil
}

func manyPorts(n int) (req api.ApplyRequest, err error) {
	err = add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/10")})
	for i := range n {
		err = errors.Join(err, add(&req, fmt.Sprintf("p%d", i), model.PortSpec{Network: "n"}))
	}
	return req, err
}

// apiRates measures the rates of reads and writes of several clients on the unix socket.
func apiRates(ctx context.Context, e *Env, r *Report) (err error) {
	b, err := newDaemonBed(ctx, e, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	req, err := manyPorts(1000)
	if err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	span := time.Duration(e.Pick(2000, 200)) * time.Millisecond
	for _, clients := range []int{1, 16} {
		reads, err := rate(ctx, clients, span, func(ctx context.Context, i int) error {
			_, err := b.api.Port(ctx, fmt.Sprintf("p%d", i%1000))
			return err
		})
		if err != nil {
			return err
		}
		r.Add(Line{Name: fmt.Sprintf("reads of one object, %d clients", clients), Unit: "/s", Ours: Value(reads)})
	}
	for _, clients := range []int{1, 16} {
		writes, err := rate(ctx, clients, span, func(ctx context.Context, i int) error {
			o, err := api.NewObject(fmt.Sprintf("p%d", i%1000), map[string]string{"turn": fmt.Sprint(i)}, model.PortSpec{Network: "n"})
			if err != nil {
				return err
			}
			_, err = b.api.Put(ctx, o, 0)
			return err
		})
		if err != nil {
			return err
		}
		r.Add(Line{Name: fmt.Sprintf("durable writes of one object, %d clients", clients), Unit: "/s", Ours: Value(writes)})
	}
	return nil
}

// rate calls f for a while from several goroutines, each time with another number, and returns
// the number of successful calls per second.
func rate(ctx context.Context, clients int, span time.Duration, f func(context.Context, int) error) (float64, error) {
	var calls atomic.Int64
	var wg sync.WaitGroup
	failed := make([]error, clients)
	start := time.Now()
	for c := range clients {
		wg.Go(func() {
			for time.Since(start) < span && failed[c] == nil {
				failed[c] = f(ctx, int(calls.Add(1)))
			}
		})
	}
	wg.Wait()
	return float64(calls.Load()) / time.Since(start).Seconds(), errors.Join(failed...)
}

// watchFanOut measures how long it takes until many watchers have received a change.
func watchFanOut(ctx context.Context, e *Env, r *Report) (err error) {
	const watchers = 100
	b, err := newDaemonBed(ctx, e, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	if err := add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16")}); err != nil {
		return err
	}
	if err := b.apply(ctx, req); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	received := make(chan time.Time, watchers)
	ready := make(chan struct{}, watchers)
	ended := make(chan error, watchers)
	for range watchers {
		go func() {
			ended <- b.api.Watch(ctx, api.WatchOptions{}, func(ev api.Event) error {
				switch {
				case ev.Type == api.EventReady:
					ready <- struct{}{}
				case ev.Type == api.EventChange:
					received <- time.Now()
				}
				return nil
			})
		}()
	}
	defer func() {
		cancel()
		for range watchers {
			<-ended
		}
	}()
	if _, err := collect(ctx, ready, ended, watchers); err != nil {
		return err
	}
	var took samples
	n := e.Pick(200, 10)
	start := time.Now()
	for i := range n {
		o, err := api.NewObject(fmt.Sprintf("p%d", i), nil, model.PortSpec{Network: "n"})
		if err != nil {
			return err
		}
		if _, err := b.api.Create(ctx, o); err != nil {
			return err
		}
		answered := time.Now()
		last, err := collect(ctx, received, ended, watchers)
		if err != nil {
			return err
		}
		took = append(took, max(0, last.Sub(answered)))
	}
	perSecond := float64(n*watchers) / time.Since(start).Seconds()
	r.Add(Line{
		Name: "the last of 100 watchers hears of a change, after the writer's answer", Unit: "ms", Ours: took.p50(time.Millisecond),
		Note: fmt.Sprintf("One change after the other, %s events a second; the watchers share the processors with sdnd.", number(perSecond)),
	})
	return nil
}

// collect receives n values from a channel and returns the last one.
func collect[T any](ctx context.Context, from <-chan T, ended <-chan error, n int) (last T, err error) {
	for range n {
		select {
		case last = <-from:
		case err := <-ended:
			return last, fmt.Errorf("a watch ended: %w", err)
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
	return last, nil
}
