package attach

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Again repeats the attachments of running containers that have lost their interface, for
// example by a restart. It finds them by their interface on the bridge, or by the port that
// attach declared. It returns the attachments that it made. A failure does not stop it; the
// error joins all failures.
func (n Node) Again(ctx context.Context) ([]Result, error) {
	requests, err := n.lost(ctx)
	failed := []error{err}
	var done []Result
	for _, r := range requests {
		res, err := n.Attach(ctx, r)
		if err != nil {
			failed = append(failed, fmt.Errorf("port %s: %w", r.Port, err))
			continue
		}
		done = append(done, res)
	}
	return done, errors.Join(failed...)
}

// lost returns the requests to repeat, and an error for each attachment that it could not
// check.
func (n Node) lost(ctx context.Context) (requests []Request, err error) {
	n, _, unlock, err := n.open(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := n.all(ctx)
	if err != nil {
		return nil, err
	}
	var unchecked []error
	known := map[string]bool{}
	look := func(port string, a attachment) {
		known[port] = true
		r, err := n.again(ctx, port, a)
		if err != nil {
			unchecked = append(unchecked, fmt.Errorf("port %s: %w", port, err))
		} else if r != nil {
			requests = append(requests, *r)
		}
	}
	for _, a := range all {
		if a.row {
			look(a.port, a)
		}
	}
	ports, err := n.Controller.Ports(ctx, api.ListOptions{Node: n.Name, Label: TargetLabel})
	if err != nil {
		return requests, errors.Join(append(unchecked, err)...)
	}
	for _, p := range ports.Items {
		if t, err := ParseTarget(p.Labels[TargetLabel]); err == nil && p.Spec.Node == n.Name && !known[p.Name] {
			look(p.Name, attachment{host: HostName(p.Name), port: p.Name, target: t})
		}
	}
	return requests, errors.Join(unchecked...)
}

// again returns the request that attaches a container again; nil if the container has its
// interface or does not run. It also returns nil if the target is not a container, because a
// namespace or process that is gone does not come back.
func (n Node) again(ctx context.Context, port string, a attachment) (*Request, error) {
	if a.target.Kind != Docker {
		return nil, nil
	}
	c, err := n.container(ctx, a.target.ID)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Code == NotFound:
		return nil, nil // Collect removes the rest
	case err != nil:
		return nil, err
	case c.PID == 0:
		return nil, nil
	}
	r := Request{Name: c.ID, Port: port, Interface: a.inner, NoDefaultRoute: a.noRoute}
	if r.Interface == "" {
		// An older sdnctl did not record it.
		after, more := strings.CutPrefix(port, c.Name+"-")
		switch {
		case more:
			r.Interface = after
		case port == c.Name:
			r.Interface = DefaultInterface
		default:
			return nil, fault(Failed, "attach it once more with its options: sdnctl attach "+c.Name+" --port "+port+" --interface NAME",
				"the name of the interface in container %s was not recorded", c.Name)
		}
	}
	if !a.row || !a.link {
		return &r, nil
	}
	ns, err := n.Kernel.Open(processNamespace(c.PID))
	if err != nil {
		return nil, err
	}
	seen, err := n.Kernel.Look(ns, a.host, r.Interface)
	if err := errors.Join(err, ns.Close()); err != nil || (Found{Seen: seen}).paired() {
		return nil, err
	}
	return &r, nil
}
