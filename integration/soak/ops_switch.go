package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// later does something to a node after a while. Meanwhile the run continues with operations
// that do not concern that node; see awaitNode.
func (s *soak) later(ctx context.Context, n *lab.Node, after time.Duration, do func(context.Context) error) {
	done := make(chan error, 1)
	s.disturbed[n.Name] = done
	go func() { // ends with the timer and do; operations that need the node wait for it
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		done <- do(ctx)
	}()
}

// awaitNode waits until a node is as it was before later was called for it.
func (s *soak) awaitNode(name string) error {
	done, ok := s.disturbed[name]
	if !ok {
		return nil
	}
	delete(s.disturbed, name)
	if err := <-done; err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return nil
}

// awaitAllNodes waits for all nodes.
func (s *soak) awaitAllNodes() error {
	var errs []error
	for _, name := range realNodes() {
		errs = append(errs, s.awaitNode(name))
	}
	return errors.Join(errs...)
}

// node returns one of the nodes, undisturbed.
func (s *soak) node() (*lab.Node, error) {
	n := s.lab.Nodes[s.rng.IntN(len(s.lab.Nodes))]
	return n, s.awaitNode(n.Name)
}

// forAWhile returns a random time of at most so many milliseconds.
func (s *soak) forAWhile(most int) time.Duration {
	return time.Duration(s.rng.IntN(most)) * time.Millisecond
}

// restartSwitch kills a node's ovs-vswitchd and starts it again in a while.
func (s *soak) restartSwitch(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	sig := syscall.SIGKILL
	if s.rng.IntN(2) == 0 {
		sig = syscall.SIGTERM
	}
	after := s.forAWhile(300)
	if err := n.StopVSwitchd(ctx, sig); err != nil {
		return true, err
	}
	s.later(ctx, n, after, n.RestoreVSwitchd)
	return true, nil
}

// freezeSwitch stops a node's ovs-vswitchd for a while (SIGSTOP).
func (s *soak) freezeSwitch(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	after := s.forAWhile(400)
	if err := n.FreezeVSwitchd(); err != nil {
		return true, err
	}
	s.later(ctx, n, after, func(context.Context) error { return n.ThawVSwitchd() })
	return true, nil
}

// isolate pulls a node's cable for a while: it sends nothing more, and no connection is closed.
func (s *soak) isolate(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	after := s.forAWhile(400)
	if err := n.Cable(ctx, false); err != nil {
		return true, err
	}
	s.later(ctx, n, after, func(ctx context.Context) error { return n.Cable(context.WithoutCancel(ctx), true) })
	return true, nil
}

// cut makes a switch drop its connection and open another.
func (s *soak) cut(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	_, err = n.AppCtl(ctx, "bridge/reconnect", "br-int")
	return true, err
}

// reboot cuts a node's power. Afterwards its interfaces are gone.
func (s *soak) reboot(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	if err := n.Reboot(ctx); err != nil {
		return true, err
	}
	if err := n.CableExternal(ctx, s.outside); err != nil {
		return true, err
	}
	for port, c := range s.plugged {
		if c.Node == n.Name {
			delete(s.plugged, port)
			delete(s.loose, port)
		}
	}
	return true, nil
}

// remakeBridge deletes a node's br-int with everything that is plugged in, and creates it again
// as "node join" does.
func (s *soak) remakeBridge(ctx context.Context) (bool, error) {
	n, err := s.node()
	if err != nil {
		return true, err
	}
	if _, err := n.VSCtl(ctx, "del-br", "br-int"); err != nil {
		return true, err
	}
	for _, port := range sorted(s.plugged) {
		if s.plugged[port].Node == n.Name {
			if err := s.pull(ctx, port); err != nil {
				return true, err
			}
		}
	}
	if _, err := n.VSCtl(ctx, "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure"); err != nil {
		return true, err
	}
	return true, s.join(ctx, n)
}

// join makes a node's Open vSwitch connect to sdnd.
func (s *soak) join(ctx context.Context, n *lab.Node) error {
	_, err := n.Exec(ctx, "sdnctl", "node", "join", n.Name, "--uplink", "bridge:"+lab.ExternalBridge,
		"--controller", s.lab.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	return err
}
