package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// tamper changes flows of a node behind sdnd's back.
func (s *soak) tamper(ctx context.Context) (bool, error) {
	args := [][]string{
		{"del-flows", "br-int"},
		{"del-flows", "br-int", "table=80"},
		{"mod-flows", "br-int", "table=80,actions=drop"},
		{"mod-flows", "br-int", "table=0,actions=drop"},
		{"add-flow", "br-int", fmt.Sprintf("table=%d,priority=%d,actions=drop", s.rng.IntN(100), 1+s.rng.IntN(60000))},
		{"add-flow", "br-int", "table=0,priority=60000,actions=NORMAL"},
	}
	_, err := s.node().OFCtl(ctx, args[s.rng.IntN(len(args))]...)
	return true, err
}

// node is one of the nodes.
func (s *soak) node() *lab.Node { return s.lab.Nodes[s.rng.IntN(len(s.lab.Nodes))] }

func (s *soak) killSdnd(ctx context.Context) (bool, error) {
	return true, s.restart(ctx, syscall.SIGKILL)
}

func (s *soak) stopSdnd(ctx context.Context) (bool, error) {
	return true, s.restart(ctx, syscall.SIGTERM)
}

// killSdndInChange kills sdnd while it creates a port. If it acknowledged that,
// the port is there afterwards; if not, it is there as asked for or not at all.
func (s *soak) killSdndInChange(ctx context.Context) (bool, error) {
	name, spec, ok := s.newPort()
	if !ok {
		return false, nil
	}
	after := time.Duration(s.rng.IntN(3000)) * time.Microsecond
	changed := make(chan error, 1)
	go func() { changed <- s.declare(ctx, name, nil, spec) }()
	select {
	case err := <-changed:
		changed <- err
	case <-time.After(after):
	}
	err := s.restart(ctx, syscall.SIGKILL)
	change := <-changed
	if err != nil || change == nil {
		return true, err
	}
	if !inDoubt(change) {
		return true, change
	}
	s.doubted++
	o, err := s.api.Object(ctx, api.KindPort, name)
	var said *api.Error
	switch {
	case errors.As(err, &said) && said.Code == api.CodeNotFound:
		return true, nil
	case err != nil:
		return true, err
	}
	var got api.PortSpec
	if err := json.Unmarshal(o.Spec, &got); err != nil || got.Network != spec.Network || got.Node != spec.Node {
		return true, fmt.Errorf("port %s is there by half: %s (%w)", name, o.Spec, err)
	}
	s.put(o, spec)
	return true, nil
}

// restartSwitch kills a node's ovs-vswitchd, changes something meanwhile, and
// starts it again.
func (s *soak) restartSwitch(ctx context.Context) (bool, error) {
	n := s.node()
	sig := syscall.SIGKILL
	if s.rng.IntN(2) == 0 {
		sig = syscall.SIGTERM
	}
	if err := n.StopVSwitchd(ctx, sig); err != nil {
		return true, err
	}
	for range s.rng.IntN(4) {
		// What does not wait for the node's Open vSwitch.
		meanwhile := []func(context.Context) (bool, error){s.createPort, s.labelPort, s.repinPort, s.changeRouter, s.renumberGhost}
		if _, err := meanwhile[s.rng.IntN(len(meanwhile))](ctx); err != nil {
			return true, err
		}
	}
	return true, n.RestoreVSwitchd(ctx)
}

// cut has a switch drop its connection and make another.
func (s *soak) cut(ctx context.Context) (bool, error) {
	_, err := s.node().AppCtl(ctx, "bridge/reconnect", "br-int")
	return true, err
}
