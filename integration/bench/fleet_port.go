package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
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
	one, err := f.portSamples(ctx, "pods", e.Pick(500, 50))
	if err != nil {
		return fmt.Errorf("segmented: %w", err)
	}
	all, err := f.portSamples(ctx, "lan", e.Pick(500, 50))
	if err != nil {
		return fmt.Errorf("stretched: %w", err)
	}
	if err := f.sdnd.stop(syscall.SIGTERM); err != nil {
		return err
	}
	bare, err := f.bareBundles(ctx, e.Pick(200, 20))
	if err != nil {
		return fmt.Errorf("bare sessions: %w", err)
	}
	r.Add(Line{Name: fmt.Sprintf("segmented, %d nodes, of which 1 must know", nodes), Unit: "ms", Ours: one.p50(time.Millisecond)})
	r.Add(Line{
		Name: fmt.Sprintf("stretched, %d nodes, of which all must know", nodes), Unit: "ms", Ours: all.p50(time.Millisecond),
		Baseline: "a bundle of three flows to each, encoded before", Theirs: bare.p50(time.Millisecond), Goal: RatioAtMost(2),
		Note: "The baseline is afterwards, by as many sessions (openflow/session) to the same switches, and nothing else.",
	})
	return nil
}

// bareBundles takes the place of the daemon, which has ended. n times it sends a pre-encoded
// bundle to all switches at the same time, and waits until all have confirmed it.
func (f *fleet) bareBundles(ctx context.Context, n int) (_ samples, err error) {
	ln, err := net.Listen("tcp4", f.openflow)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ln.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var running errgroup.Group
	defer func() { cancel(); _ = running.Wait() }() // they end because we end them
	var sessions []*session.Session
	for range f.nodes {
		c, err := ln.Accept()
		if err != nil {
			return nil, err
		}
		s, err := session.Handshake(ctx, c, session.Config{Fragments: openflow.FragNXMatch})
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		running.Go(func() error { return s.Run(ctx) })
		sessions = append(sessions, s)
	}
	const cookie, table = 0xbe, 80
	var add [][]byte
	for i := range 3 {
		flow := openflow.Flow{Table: table, Priority: 7, Cookie: cookie, Match: openflow.Match(nil).Metadata(uint64(i + 1))}
		add = append(add, flow.AppendAdd(nil, 0))
	}
	remove := [][]byte{openflow.AppendFlowDeleteByCookie(nil, 0, table, cookie)}
	toAll := func(mods [][]byte) error {
		var g errgroup.Group
		for _, s := range sessions {
			g.Go(func() error {
				return s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered|session.BundlePipelined, slices.Values(mods))
			})
		}
		return g.Wait()
	}
	var all samples
	for range n {
		took, err := timed(1, func() error { return toAll(add) })
		if err == nil {
			err = toAll(remove)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, took...)
	}
	return all, nil
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
