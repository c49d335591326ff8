package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// plugIn makes the interface of a port.
func (s *soak) plugIn(ctx context.Context) (bool, error) {
	var names []string
	for _, name := range s.bare() {
		if !has(s.absent, s.ports[name].Node) {
			names = append(names, name)
		}
	}
	name, ok := pick(s.rng, names)
	if !ok || len(s.plugged) >= maxPlugged {
		return false, nil
	}
	node := s.ports[name].Node
	if node == "" {
		node = realNodes()[s.rng.IntN(3)]
	}
	return true, s.plugAt(ctx, name, node)
}

// plugAt plugs a port in on a node, with the addresses that sdnd reports.
func (s *soak) plugAt(ctx context.Context, port, node string) error {
	p, err := s.api.Port(ctx, port)
	if err != nil {
		return err
	}
	st := p.Status
	if err := s.awaitNode(node); err != nil {
		return err
	}
	s.made++
	c := lab.Container{
		Name: fmt.Sprintf("c%d", s.made), Node: node, InterfaceID: s.interfaceID(port), MAC: st.MAC, MTU: st.MTU,
	}
	n, err := s.api.Network(ctx, p.Spec.Network)
	if err != nil {
		return err
	}
	for _, a := range st.Links() {
		ip, err := netip.ParseAddr(a.IP)
		if err != nil {
			return fmt.Errorf("port %s: %w", port, err)
		}
		gateway, err := api.GatewayFor(a, n)
		if err != nil {
			return err
		}
		c.SetLink(netip.PrefixFrom(ip, a.PrefixLength), gateway)
	}
	got, err := s.lab.AddContainer(ctx, c)
	if err != nil {
		return err
	}
	s.plugged[port] = got
	return nil
}

// pull removes a port's interface.
func (s *soak) pull(ctx context.Context, port string) error {
	c := s.plugged[port]
	delete(s.plugged, port)
	delete(s.loose, port)
	return s.removeContainer(ctx, c)
}

// removeContainer removes an interface.
func (s *soak) removeContainer(ctx context.Context, c *lab.Container) error {
	if err := s.awaitNode(c.Node); err != nil {
		return err
	}
	return c.Remove(ctx)
}

func (s *soak) unplug(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.plugged))
	if !ok {
		return false, nil
	}
	return true, s.pull(ctx, name)
}

// move moves a port that is not pinned to another node. Half of the time its interface there is
// plugged in before the old one is removed.
func (s *soak) move(ctx context.Context) (bool, error) {
	var names []string
	for _, name := range s.live() {
		if s.ports[name].Node == "" {
			names = append(names, name)
		}
	}
	name, ok := pick(s.rng, names)
	if !ok {
		return false, nil
	}
	old := s.plugged[name]
	at, _ := realNode(old.Node)
	to := realNodes()[(at+1+s.rng.IntN(2))%3]
	if s.rng.IntN(2) == 0 {
		if err := s.pull(ctx, name); err != nil {
			return false, err
		}
		return true, s.plugAt(ctx, name, to)
	}
	if err := s.plugAt(ctx, name, to); err != nil {
		return false, err
	}
	return true, s.removeContainer(ctx, old)
}

// clearInterfaceID removes the interface id of an interface.
func (s *soak) clearInterfaceID(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.live())
	if !ok {
		return false, nil
	}
	s.loose[name] = true
	return true, s.vsctl(ctx, name, "remove", "interface", s.plugged[name].Interface, "external_ids", "iface-id")
}

// setInterfaceID sets it again.
func (s *soak) setInterfaceID(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.loose))
	if !ok {
		return false, nil
	}
	delete(s.loose, name)
	return true, s.vsctl(ctx, name, "set", "interface", s.plugged[name].Interface, "external_ids:iface-id="+s.interfaceID(name))
}

// renumberInterface has Open vSwitch give an interface another OpenFlow port number.
func (s *soak) renumberInterface(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.plugged))
	if !ok {
		return false, nil
	}
	return true, s.vsctl(ctx, name, "set", "interface", s.plugged[name].Interface, fmt.Sprintf("ofport_request=%d", 100+s.rng.IntN(900)))
}

// vsctl runs ovs-vsctl where a port is.
func (s *soak) vsctl(ctx context.Context, port string, args ...string) error {
	n, err := s.lab.Node(s.plugged[port].Node)
	if err != nil {
		return err
	}
	if err := s.awaitNode(n.Name); err != nil {
		return err
	}
	_, err = n.VSCtl(ctx, args...)
	return err
}
