package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// daemonBed is sdnd with real nodes that have joined it.
type daemonBed struct {
	*lab.Lab
	api  *api.Client
	stop func() error
}

// newDaemonBed starts sdnd with extra flags, and nodes, and waits until these are in sync.
func newDaemonBed(ctx context.Context, e *Env, nodes int, flags ...string) (*daemonBed, error) {
	l, down, err := e.up(ctx, nodes)
	if err != nil {
		return nil, err
	}
	b := &daemonBed{Lab: l, stop: down}
	if err := b.start(ctx, flags...); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

func (b *daemonBed) start(ctx context.Context, flags ...string) error {
	if err := b.Controller.Start(ctx, flags...); err != nil {
		return err
	}
	client, err := api.NewClient(b.Controller.Host(), api.ClientOptions{Author: "bench"})
	if err != nil {
		return err
	}
	down := b.stop
	b.api, b.stop = client, func() error { client.Close(); return down() }
	var req api.ApplyRequest
	for _, n := range b.Nodes {
		if _, err := n.Exec(ctx, "sdnctl", "node", "join", n.Name,
			"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait"); err != nil {
			return err
		}
		if err := add(&req, n.Name, model.NodeSpec{TunnelIP: n.Addr}); err != nil {
			return err
		}
	}
	return b.apply(ctx, req)
}

// apply applies objects and waits until all nodes have confirmed.
func (b *daemonBed) apply(ctx context.Context, req api.ApplyRequest) error {
	done, err := b.api.Apply(ctx, req)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := b.api.Wait(ctx, done.Revision, nil); err != nil {
		return fmt.Errorf("wait for revision %d: %w", done.Revision, err)
	}
	return nil
}

// add adds an object to a request.
func add(req *api.ApplyRequest, name string, spec model.Spec) error {
	o, err := api.NewObject(name, nil, spec)
	if err != nil {
		return err
	}
	req.Objects = append(req.Objects, o)
	return nil
}

// flowCount returns the number of flows of a node.
func (b *daemonBed) flowCount(ctx context.Context, node string) (int, error) {
	n, err := b.api.Node(ctx, node)
	if err != nil {
		return 0, err
	}
	return n.Status.Flows, nil
}
