package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// ovnFigures are the baseline figures of OVN.
type ovnFigures struct {
	// err is why some figures are missing, pingErr why those of pings and lookups are.
	err, pingErr error
	// added are the times to add a port by ovn-nbctl as a daemon and as a process, by the
	// number of other ports.
	added, byProcess map[int]samples
	// pinged are the times from setting iface-id to the first reply, across the nodes and on
	// the same node.
	pinged, pingedHere samples
	// lookups are those of a packet to the other node and to the same node; 0 if unknown.
	lookups, lookupsHere int
}

// ovnMost is the greatest number of ports beside which OVN is measured. OVN needs half a minute
// to create 10,000, and more than a second for each further port.
const ovnMost = 5000

// ovnLimit is the time limit of measuring OVN.
const ovnLimit = 2 * time.Minute

// ovnFigures measures OVN, once in a run.
func (e *Env) ovnFigures(ctx context.Context) *ovnFigures {
	if e.ovn != nil {
		return e.ovn
	}
	e.ovn = &ovnFigures{added: map[int]samples{}, byProcess: map[int]samples{}}
	e.Logf("   (OVN, beside which the next are set)")
	// A limit of its own, not that of the bench that uses the figures first.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), ovnLimit, fmt.Errorf("took longer than %v", ovnLimit))
	defer cancel()
	e.ovn.err = e.ovn.measure(ctx, e)
	if e.ovn.err != nil {
		e.Logf("   (OVN: %v)", e.ovn.err)
	}
	return e.ovn
}

func (f *ovnFigures) measure(ctx context.Context, e *Env) (err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	pinging, cancel := context.WithTimeout(ctx, ovnLimit/4)
	f.pingErr = f.measurePings(pinging, e, b)
	cancel()
	if f.pingErr != nil {
		e.Logf("   (OVN's first ping: %v)", f.pingErr)
	}
	have := 0
	for _, size := range e.portSizes() {
		if size > ovnMost {
			break
		}
		if err := b.fill(ctx, have, size); err != nil {
			return fmt.Errorf("get %d ports: %w", size, err)
		}
		have = size
		// A few seconds for each size.
		n := e.Pick(300, 20)
		if size > 0 {
			n = max(6, min(n, 40_000/size))
		}
		if err := f.measureProcess(ctx, b, size, min(n, 100)); err != nil {
			return fmt.Errorf("ovn-nbctl: %w", err)
		}
		for range n {
			start := time.Now()
			if err := b.nb(ctx, append([]string{"--wait=hv"}, ovnPort(0, 60_000, "extra")...)...); err != nil {
				return err
			}
			f.added[size] = append(f.added[size], time.Since(start))
			if err := b.nb(ctx, "--wait=hv", "lsp-del", "extra"); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill adds logical ports up to a number.
func (b *ovnBed) fill(ctx context.Context, have, want int) error {
	args := []string{"--wait=hv"}
	for i := have; i < want; i++ {
		if len(args) > 1 {
			args = append(args, "--")
		}
		args = append(args, ovnPort(i%2, 1000+i/2, fmt.Sprintf("p%d", i))...)
	}
	if len(args) == 1 {
		return nil
	}
	return b.nb(ctx, args...)
}

func (f *ovnFigures) measureProcess(ctx context.Context, b *ovnBed, others, n int) error {
	program := []string{"ovn-nbctl", "--db=unix:" + b.socket("nb"), "--wait=hv"}
	for range n {
		took, err := runProcess(ctx, "", append(program, ovnPort(0, 60_000, "extra")...)...)
		if err != nil {
			return err
		}
		f.byProcess[others] = append(f.byProcess[others], took)
		if _, err := runProcess(ctx, "", append(program, "lsp-del", "extra")...); err != nil {
			return err
		}
	}
	return nil
}

func (f *ovnFigures) measurePings(ctx context.Context, e *Env, b *ovnBed) error {
	moving, err := b.container(ctx, 0, 2, "moving")
	if err != nil {
		return err
	}
	here, err := b.container(ctx, 0, 3, "here")
	if err != nil {
		return err
	}
	there, err := b.container(ctx, 1, 2, "there")
	if err != nil {
		return err
	}
	for _, c := range []*lab.Container{here, there} {
		n, err := b.Node(c.Node)
		if err != nil {
			return err
		}
		if err := setIfaceID(ctx, n, c.Interface, c.Name); err != nil {
			return err
		}
	}
	bind := binder{
		node: b.Nodes[0], moving: moving,
		bind:   func(ctx context.Context) error { return setIfaceID(ctx, b.Nodes[0], moving.Interface, moving.Name) },
		bound:  func(ctx context.Context) error { return b.bound(ctx, moving.Name) },
		unbind: func(ctx context.Context) error { return b.unbound(ctx, moving.Name) },
	}
	n := e.Pick(50, 5)
	if f.pinged, err = bind.firstPings(ctx, n, there); err != nil {
		return err
	}
	if f.pingedHere, err = bind.firstPings(ctx, n, here); err != nil {
		return err
	}
	if f.lookups, err = ovnLookups(ctx, b, moving, there); err != nil {
		return err
	}
	f.lookupsHere, err = ovnLookups(ctx, b, moving, here)
	return err
}

// figure is a median, or why there is none.
func (f *ovnFigures) figure(s samples, err error) Figure {
	if len(s) > 0 {
		return s.p50(time.Millisecond)
	}
	if err = cmp.Or(err, f.err); err != nil {
		return None(err.Error())
	}
	return None(fmt.Sprintf("not measured beyond %s ports", number(ovnMost)))
}

// daemon returns the figure of adding a port beside others by ovn-nbctl as a daemon.
func (f *ovnFigures) daemon(others int) Figure { return f.figure(f.added[others], nil) }

// process returns the same for ovn-nbctl as a process.
func (f *ovnFigures) process(others int) Figure { return f.figure(f.byProcess[others], nil) }

// count returns the figure of a number of lookups.
func (f *ovnFigures) count(n int) Figure {
	if n == 0 {
		return f.figure(nil, f.pingErr)
	}
	return Value(float64(n))
}
