package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// installs returns the benches of installing all flows on an empty switch.
func installs() []Bench {
	var all []Bench
	for _, size := range []struct{ flows, runs int }{{10_000, 7}, {100_000, 4}, {300_000, 2}} {
		all = append(all, Bench{
			Name:    fmt.Sprintf("install/%dk", size.flows/1000),
			Section: "Install: an empty switch gets all its flows",
			Run: func(ctx context.Context, e *Env, r *Report) error {
				flows, runs := size.flows, e.Pick(size.runs, 1)
				if e.Short {
					flows /= 10
				}
				return install(ctx, e, r, flows, runs)
			},
		})
	}
	return all
}

// rival is one way to install all flows on a switch.
type rival struct {
	name string
	goal Goal
	note string
	// run installs all flows on an empty switch and returns how long that took.
	run func(ctx context.Context) (time.Duration, error)

	took   samples
	failed error
}

func install(ctx context.Context, e *Env, r *Report, flows, runs int) (err error) {
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

	// The first installation is not measured. It provides the flows for the rivals.
	if _, err := b.connect(ctx); err != nil {
		return err
	}
	others, err := rivals(ctx, e, b)
	if err != nil {
		return err
	}
	var ours samples
	for range runs {
		// In turn, so that other load on the machine affects all of them alike.
		if err := b.empty(ctx); err != nil {
			return err
		}
		took, err := b.connect(ctx)
		if err != nil {
			return err
		}
		ours = append(ours, took)
		for _, o := range others {
			if o.failed != nil {
				continue
			}
			if err := b.empty(ctx); err != nil {
				return err
			}
			took, err := o.run(ctx)
			if err == nil {
				err = b.complete(ctx)
			}
			if err != nil {
				o.failed = err
				continue
			}
			o.took = append(o.took, took)
		}
	}
	for _, o := range others {
		theirs := o.took.best(time.Millisecond)
		if o.failed != nil {
			theirs = None(o.failed.Error())
		}
		r.Add(Line{
			Name: fmt.Sprintf("install %s flows", number(float64(b.want))), Unit: "ms",
			Ours: ours.best(time.Millisecond), Baseline: o.name, Theirs: theirs, Goal: o.goal, Note: o.note,
		})
	}
	return nil
}

// rivals prepares the other ways from the flows that the switch has now.
func rivals(ctx context.Context, e *Env, b *fabricBed) ([]*rival, error) {
	text, err := b.node.Flows(ctx)
	if err != nil {
		return nil, err
	}
	textFile := filepath.Join(b.node.Dir, "flows.txt")
	var lines []byte
	for _, l := range text {
		lines = append(append(lines, l...), '\n')
	}
	set := b.items()
	var mods []byte
	eachMod := func(yield func([]byte) bool) {
		for _, i := range set.Items() {
			if i.Kind() == pipeline.ItemFlow && !yield(set.Message(i)) {
				return
			}
		}
	}
	for m := range eachMod {
		mods = append(mods, m...)
	}
	modFile := filepath.Join(b.node.Dir, "flows.bin")
	if err := errors.Join(os.WriteFile(textFile, lines, 0o600), os.WriteFile(modFile, mods, 0o600)); err != nil {
		return nil, err
	}
	bundle, err := encodeBundle(eachMod)
	if err != nil {
		return nil, err
	}
	return []*rival{
		{
			name: "ovs-ofctl --bundle replace-flows", goal: RatioAtMost(1),
			note: "Ours from the switch's connection until all is confirmed: handshake, reading back what it has, computing its flows and one bundle. ovs-ofctl's is the whole program, reading its text file included.",
			run: func(ctx context.Context) (time.Duration, error) {
				start := time.Now()
				_, err := b.node.OFCtl(ctx, "--bundle", "replace-flows", "br-int", textFile)
				return time.Since(start), err
			},
		},
		{
			name: "bytes encoded before (the floor)", goal: RatioAtMost(1.15),
			run: func(ctx context.Context) (time.Duration, error) { return replay(ctx, b.management(), bundle) },
		},
		{
			name: "ofnet, in a bundle",
			note: "antrea.io/ofnet with flow objects made before, from sending the first until its bundle is committed.",
			run:  func(ctx context.Context) (time.Duration, error) { return ofnet(ctx, e, b.management(), modFile) },
		},
	}, nil
}

// complete returns an error unless the switch has all flows.
func (b *fabricBed) complete(ctx context.Context) error {
	out, err := b.node.OFCtl(ctx, "dump-aggregate", "br-int")
	if err != nil {
		return err
	}
	got, err := field(out, `flow_count=(\d+)`)
	if err != nil {
		return err
	}
	if got != fmt.Sprint(b.want) {
		return fmt.Errorf("the switch has %s flows after it, want %d", got, b.want)
	}
	return nil
}
