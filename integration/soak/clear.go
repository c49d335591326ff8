package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// clear deletes everything but the real nodes.
func (s *soak) clear(ctx context.Context) error {
	for _, name := range sorted(s.plugged) {
		if err := s.pull(ctx, name); err != nil {
			return err
		}
	}
	for _, o := range []struct {
		kind  api.Kind
		names []string
	}{
		{api.KindPolicy, sorted(s.policies)}, {api.KindFloatingIP, sorted(s.floating)}, {api.KindService, sorted(s.services)}, {api.KindPort, sorted(s.ports)}, {api.KindRouter, sorted(s.routers)},
		{api.KindNetwork, sorted(s.networks)}, {api.KindNode, sorted(s.absent)}, {api.KindUplink, []string{uplinkName}},
	} {
		for _, name := range o.names {
			if err := s.remove(ctx, o.kind, name); err != nil {
				return err
			}
		}
	}
	if left := sorted(s.objects); len(left) != len(realNodes()) {
		return errors.New("the model still has " + strings.Join(left, ", "))
	}
	return nil
}

// forget deletes the real nodes: their switches must be emptied.
func (s *soak) forget(ctx context.Context) error {
	for _, n := range s.lab.Nodes {
		if err := s.remove(ctx, api.KindNode, n.Name); err != nil {
			return err
		}
		err := lab.PollFor(ctx, settleTimeout, n.Name+" to be emptied", func(ctx context.Context) error {
			left, err := n.FlowCount(ctx)
			if err == nil && left > 0 {
				err = fmt.Errorf("it has %d flows", left)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
