package attach

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// pollInterval is the interval at which Wait reads the port's status from sdnd. Binding takes
// about 20 ms.
const pollInterval = 25 * time.Millisecond

// Wait returns the port once packets are forwarded: the port is bound to the attachment's
// interface, every affected switch has confirmed the flows, and neither the port nor the
// node has a condition that is an error. progress, unless nil, is called with the nodes that
// have yet to confirm.
func (n Node) Wait(ctx context.Context, r Result, progress func(api.Acks)) (api.Port, error) {
	p, err := n.bound(ctx, r)
	if err != nil {
		return p, err
	}
	status, err := n.Controller.Status(ctx)
	if err != nil {
		return p, err
	}
	// sdnd attributes the changes of flows that follow from a binding to the newest revision
	// at that time, which is one of these.
	for rev := r.since; rev <= status.Revision; rev++ {
		if err := n.Controller.Wait(ctx, rev, progress); err != nil {
			return p, err
		}
	}
	return n.ready(ctx, r)
}

// poll calls done each pollInterval until it returns true or an error, or the context ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	again := time.NewTicker(pollInterval)
	defer again.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bound waits until a port is bound to the attachment's interface.
func (n Node) bound(ctx context.Context, r Result) (last api.Port, err error) {
	last = r.Port
	err = poll(ctx, func() (bool, error) {
		p, err := n.Controller.Port(ctx, r.Port.Name)
		if err != nil {
			return false, err
		}
		last = p
		return p.Status.Bound && p.Status.Node == r.Node && p.Status.Interface == r.Link.Host, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		// The caller's deadline has passed, so the request needs another one.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		return last, n.notBound(ctx, r, last, err)
	}
	return last, err
}

// notBound returns the error for a port that was not bound in time.
func (n Node) notBound(ctx context.Context, r Result, p api.Port, cause error) error {
	e := &Error{Code: Late, Err: cause, Message: fmt.Sprintf("%s has its interface, but sdnd has not bound port %s to it", r.Whose, p.Name)}
	if p.Status.Bound {
		e.Fix = fmt.Sprintf("it is bound to the interface %s of node %s", p.Status.Interface, p.Status.Node)
		return e
	}
	node, err := n.Controller.Node(ctx, r.Node)
	switch {
	case err != nil:
		e.Fix = p.Status.Message
	case len(node.Status.Conditions) > 0:
		e.Fix = conditionText("node/"+r.Node, node.Status.Conditions)
	default:
		e.Fix = conditionText("port/"+p.Name, p.Status.Conditions)
	}
	return e
}

// passing reports whether a condition is transient: it occurs after each change, or until
// sdnd has learned of the steps on this machine.
func passing(c api.Condition) bool {
	return slices.Contains([]string{"NotInSync", "NotBound", "InterfaceFailed", "LinkDown", "InterfaceDisabled"}, c.Reason)
}

// ready waits until neither the port nor the node has a transient error, and returns an
// error for a lasting one.
func (n Node) ready(ctx context.Context, r Result) (port api.Port, err error) {
	var left string
	err = poll(ctx, func() (bool, error) {
		node, err := n.Controller.Node(ctx, r.Node)
		if err != nil {
			return false, err
		}
		if port, err = n.Controller.Port(ctx, r.Port.Name); err != nil {
			return false, err
		}
		wrong := slices.DeleteFunc(slices.Clone(node.Status.Conditions), isWarning)
		left = conditionText("node/"+r.Node, wrong)
		if len(wrong) == 0 {
			wrong = slices.DeleteFunc(slices.Clone(port.Status.Conditions), isWarning)
			left = conditionText("port/"+port.Name, wrong)
		}
		if i := slices.IndexFunc(wrong, func(c api.Condition) bool { return !passing(c) }); i >= 0 {
			return false, fault(Failed, left, "port %s is attached, but packets do not flow as declared", port.Name)
		}
		return len(wrong) == 0, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = &Error{Code: Late, Err: err, Message: fmt.Sprintf("port %s is attached, but is not ready yet", port.Name), Fix: left}
	}
	return port, err
}

func isWarning(c api.Condition) bool { return c.Severity == api.SeverityWarning }

// conditionText returns the messages and actions of an object's conditions.
func conditionText(object string, all []api.Condition) string {
	var lines []string
	for _, c := range all {
		lines = append(lines, fmt.Sprintf("%s: %s\n  %s", object, c.Message, c.Action))
	}
	return strings.Join(lines, "\n")
}
