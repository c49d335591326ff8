package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology/model"
)

// tamper changes flows of a node behind sdnd's back.
func (s *soak) tamper(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	args := [][]string{
		{"del-flows", "br-int"},
		{"del-flows", "br-int", "table=80"},
		{"mod-flows", "br-int", "table=80,actions=drop"},
		{"mod-flows", "br-int", "table=0,actions=drop"},
		{"del-flows", "br-int", fmt.Sprintf("table=%d", pipeline.TableEgress)},
		{"mod-flows", "br-int", fmt.Sprintf("table=%d,actions=drop", pipeline.TablePublic)},
		{"del-flows", "br-int", "table=87"}, // ingress rules of the application tier
		{"mod-flows", "br-int", "table=87,actions=drop"},
		{"add-flow", "br-int", "table=86,priority=65000,actions=resubmit(,90)"}, // all policies of ingress
		{"add-flow", "br-int", fmt.Sprintf("table=%d,priority=%d,actions=drop", s.rng.IntN(100), 1+s.rng.IntN(60000))},
		{"add-flow", "br-int", "table=0,priority=60000,actions=NORMAL"},
	}
	_, err = n.OFCtl(ctx, args[s.rng.IntN(len(args))]...)
	return true, err
}

func (s *soak) killSdnd(ctx context.Context) (bool, error) {
	return true, s.restart(ctx, syscall.SIGKILL)
}

func (s *soak) stopSdnd(ctx context.Context) (bool, error) {
	return true, s.restart(ctx, syscall.SIGTERM)
}

// withoutSdnd kills sdnd, changes things on the nodes, and starts it again.
func (s *soak) withoutSdnd(ctx context.Context) (bool, error) {
	if err := s.lab.Controller.Stop(ctx, syscall.SIGKILL); err != nil {
		return true, err
	}
	s.api.Close()
	meanwhile := []func(context.Context) (bool, error){s.unplug, s.clearInterfaceID, s.setInterfaceID, s.tamper, s.renumberInterface, s.restartSwitch}
	for range 1 + s.rng.IntN(4) {
		if _, err := meanwhile[s.rng.IntN(len(meanwhile))](ctx); err != nil {
			return true, err
		}
	}
	return true, s.lab.Controller.Start(ctx)
}

// killSdndInChange kills sdnd while it creates a port. If sdnd acknowledged the port, the port
// must exist afterwards. If not, the port exists as requested or not at all, and is then
// requested again, so that the run continues the same way.
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
	s.uncertain++
	o, err := s.api.Object(ctx, api.KindPort, name)
	var said *api.Error
	switch {
	case errors.As(err, &said) && said.Code == api.CodeNotFound:
		return true, s.declare(ctx, name, nil, spec)
	case err != nil:
		return true, err
	}
	var got model.PortSpec
	if err := json.Unmarshal(o.Spec, &got); err != nil || !got.Equal(spec) {
		return true, fmt.Errorf("port %s is there by half: %s (%w)", name, o.Spec, err)
	}
	s.put(o, spec)
	return true, nil
}
