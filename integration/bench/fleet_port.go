package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

// fleetPorts measures one port added to a fleet: to a segmented network, which
// concerns one node, and to a stretched one that concerns all.
func fleetPorts(ctx context.Context, e *Env, r *Report, nodes int) (err error) {
	const ports = 2
	f, err := newFleet(e, nodes, ports+1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	objects := f.segmented(1)
	objects = append(objects, f.stretched(0)[f.nodes:]...)
	for i := 1; i <= nodes; i++ {
		objects = append(objects, portObject("lan", i, 2))
	}
	if err := f.load(ctx, objects); err != nil {
		return fmt.Errorf("load the topology: %w", err)
	}
	if err := f.startSim(); err != nil {
		return err
	}
	started, err := f.startDaemon()
	if err != nil {
		return err
	}
	if _, err := f.awaitSync(ctx, started, nil); err != nil {
		return err
	}
	for _, network := range []string{"pods", "lan"} {
		s, err := f.portSamples(ctx, network, e.Pick(500, 50))
		if err != nil {
			return fmt.Errorf("%s: %w", network, err)
		}
		name := fmt.Sprintf("segmented, %d nodes, of which 1 must know", nodes)
		if network == "lan" {
			name = fmt.Sprintf("stretched, %d nodes, of which all must know", nodes)
		}
		r.Add(Line{Name: name, Unit: "ms", Ours: s.p50(time.Millisecond)})
	}
	return nil
}

// portSamples creates a port n times, each on the next node, and deletes it
// again, which is not measured. A sample ends when all nodes have confirmed.
func (f *fleet) portSamples(ctx context.Context, network string, n int) (samples, error) {
	i := 0
	var s samples
	client := f.api.Confirming(time.Minute)
	for range n {
		i = i%f.nodes + 1
		o := portObject(network, i, f.ports)
		start := time.Now()
		made, err := client.Create(ctx, o)
		if err != nil {
			return nil, err
		}
		if err := client.Wait(ctx, made.Meta.Revision, nil); err != nil {
			return nil, err
		}
		s = append(s, time.Since(start))
		rev, err := client.Delete(ctx, api.KindPort, o.Name, 0)
		if err != nil {
			return nil, err
		}
		if err := client.Wait(ctx, rev, nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}
