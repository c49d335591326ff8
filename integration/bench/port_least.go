package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/topology/model"
)

// leastWork is the least work of adding a port: writing to the disk, and then a bundle on every
// affected node, at the same time on all. It includes no computation.
type leastWork struct {
	disk             *bareDisk
	wires            []*wire
	adding, removing []byte
}

// portBesideLeast measures adding a port in turn with the least work of adding one.
func portBesideLeast(ctx context.Context, e *Env, r *Report, mode string) (err error) {
	b, err := newPortBed(ctx, e, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	concerned := b.Nodes
	if model.Mode(mode) == model.Segmented {
		concerned = concerned[:1]
	}
	least := &leastWork{}
	defer func() { err = errors.Join(err, least.close()) }()
	if least.disk, err = newBareDisk(filepath.Join(b.Dir, "bare")); err != nil {
		return err
	}
	if least.adding, least.removing, err = bareBundles(); err != nil {
		return err
	}
	for _, n := range concerned {
		if _, err := n.VSCtl(ctx, "add-br", bareBridge, "--", "set", "bridge", bareBridge, "datapath_type=netdev", "fail_mode=secure"); err != nil {
			return err
		}
		w, err := dialWire(ctx, filepath.Join(n.Dir, bareBridge+".mgmt"))
		if err != nil {
			return err
		}
		least.wires = append(least.wires, w)
	}
	flip, err := b.portFlip(ctx)
	if err != nil {
		return err
	}
	var ours, theirs samples
	for range e.Pick(500, 30) {
		took, err := flip()
		if err != nil {
			return err
		}
		ours = append(ours, took)
		alone, err := timed(1, least.add)
		if err != nil {
			return err
		}
		theirs = append(theirs, alone...)
		if err := least.remove(); err != nil {
			return err
		}
	}
	r.Add(Line{
		Name: fmt.Sprintf("add a port, %s, %d of two nodes concerned", mode, len(concerned)), Unit: "ms", Ours: ours.p50(time.Millisecond),
		Baseline: "the disk alone, and a bare bundle of five flows on each of these", Theirs: theirs.p50(time.Millisecond), Goal: RatioAtMost(2),
		Note: "In turn: a port, and then what it cannot do without, from bytes that were encoded before.",
	})
	return nil
}

// add does the least work of adding a port.
func (l *leastWork) add() error {
	if err := l.disk.commit(); err != nil {
		return err
	}
	return l.send(l.adding)
}

func (l *leastWork) remove() error { return l.send(l.removing) }

func (l *leastWork) send(bundle []byte) error {
	var g errgroup.Group
	for _, w := range l.wires {
		g.Go(func() error { return w.commit(bundle) })
	}
	return g.Wait()
}

func (l *leastWork) close() (err error) {
	if l.disk != nil {
		err = l.disk.Close()
	}
	for _, w := range l.wires {
		err = errors.Join(err, w.Close())
	}
	return err
}
