package attach

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// askEvery is how often sdnd is asked whether the port is bound, which takes
// it some 20 ms.
const askEvery = 25 * time.Millisecond

// Wait returns the port once sdnd sees it bound to the attachment's interface
// and every switch concerned has confirmed the flows, so that packets are
// forwarded. progress, unless nil, is told who has yet to confirm.
func (n Node) Wait(ctx context.Context, r Result, progress func(api.Acks)) (api.Port, error) {
	p, err := n.bound(ctx, r)
	if err != nil {
		return p, err
	}
	status, err := n.Controller.Status(ctx)
	if err != nil {
		return p, err
	}
	// What follows from a binding counts to the revision that was the newest when
	// sdnd saw it: one of these.
	for rev := r.since; rev <= status.Revision; rev++ {
		if err := n.Controller.Wait(ctx, rev, progress); err != nil {
			return p, err
		}
	}
	return p, nil
}

// bound waits until a port is bound to the attachment's interface.
func (n Node) bound(ctx context.Context, r Result) (api.Port, error) {
	again := time.NewTicker(askEvery)
	defer again.Stop()
	last := r.Port
	for {
		p, err := n.Controller.Port(ctx, r.Port.Name)
		if err == nil {
			last = p
			if p.Status.Bound && p.Status.Node == r.Node && p.Status.Interface == r.Link.Host {
				return p, nil
			}
		} else if ctx.Err() == nil {
			return last, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return last, notBound(ctx, r, last)
		}
	}
}

// notBound says why a port is not bound after the time.
func notBound(ctx context.Context, r Result, p api.Port) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	why := p.Status.Message
	if p.Status.Bound {
		why = fmt.Sprintf("it is bound to the interface %s of node %s", p.Status.Interface, p.Status.Node)
	}
	return &Error{Code: Failed, Err: ctx.Err(),
		Message: fmt.Sprintf("%s has its interface, but sdnd has not bound port %s to it (%s)", r.Whose, p.Name, why),
		Fix:     "see whether the node is connected, with OVSDB: sdnctl node show " + r.Node}
}
