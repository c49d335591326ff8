package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// createPort declares a port on a node or, in a stretched network, on any node.
func (s *soak) createPort(ctx context.Context) (bool, error) {
	name, spec, ok := s.newPort()
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, s.labels(), spec)
}

// labels returns random labels. Policies select ports by them.
func (s *soak) labels() map[string]string {
	labels := map[string]string{"n": fmt.Sprint(s.rng.IntN(1000))}
	if app, ok := pick(s.rng, []string{"web", "lb", "db", ""}); ok && app != "" {
		labels["app"] = app
	}
	return labels
}

func (s *soak) newPort() (name string, spec model.PortSpec, ok bool) {
	name, ok = free(s.rng, s.ports, "p", maxPorts)
	network, found := pick(s.rng, sorted(s.networks))
	if !ok || !found {
		return "", model.PortSpec{}, false
	}
	spec = model.PortSpec{Network: network, Node: s.somewhere(network)}
	switch s.rng.IntN(4) {
	case 0:
		spec.MAC = model.MAC{0x0a, 0x50, 0, byte(s.rng.IntN(256)), byte(s.rng.IntN(256)), byte(s.rng.IntN(256))}
	case 1:
		spec.InterfaceID = fmt.Sprintf("if-%s-%d", name, s.rng.IntN(100))
	}
	return name, spec, true
}

// somewhere returns where a port of a network may be: usually one of the real nodes; an absent
// node; or "" for wherever its interface appears.
func (s *soak) somewhere(network string) string {
	n := s.rng.IntN(10)
	if node, ok := pick(s.rng, sorted(s.absent)); ok && n == 0 {
		return node
	}
	if n < 4 && s.networks[network].Mode != model.Segmented {
		return ""
	}
	return realNodes()[s.rng.IntN(3)]
}

// interfaceID returns the interface id of a port.
func (m *expected) interfaceID(port string) string {
	if id := m.ports[port].InterfaceID; id != "" {
		return id
	}
	return port
}

// burst declares several ports at once.
func (s *soak) burst(ctx context.Context) (bool, error) {
	specs := s.newPorts(2 + s.rng.IntN(8))
	if len(specs) == 0 {
		return false, nil
	}
	type answer struct {
		o   api.Object
		err error
	}
	answers := make(chan answer)
	for _, name := range sorted(specs) {
		go func() {
			o, err := s.change(ctx, name, nil, specs[name])
			answers <- answer{o, err}
		}()
	}
	var errs []error
	for range specs {
		if a := <-answers; a.err != nil {
			errs = append(errs, a.err)
		} else {
			s.put(a.o, specs[a.o.Name])
		}
	}
	return true, errors.Join(errs...)
}

// newPorts returns up to n ports that can be declared together.
func (s *soak) newPorts(n int) map[string]model.PortSpec {
	specs := map[string]model.PortSpec{}
	for range n {
		if name, spec, ok := s.newPort(); ok && len(s.ports)+len(specs) < maxPorts {
			specs[name] = spec
		}
	}
	return specs
}

// labelPort changes the labels of a port, on which only policies depend.
func (s *soak) labelPort(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.ports))
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, s.labels(), s.ports[name])
}

// repinPort pins a port that has no interface to another node.
func (s *soak) repinPort(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.bare())
	if !ok {
		return false, nil
	}
	spec := s.ports[name]
	spec.Node = s.somewhere(spec.Network)
	return true, s.declare(ctx, name, nil, spec)
}

// bare returns the ports without interface, sorted.
func (s *soak) bare() []string {
	var names []string
	for _, name := range sorted(s.ports) {
		if !has(s.plugged, name) {
			names = append(names, name)
		}
	}
	return names
}

// deletePort deletes a port, and its interface before or after it.
func (s *soak) deletePort(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.unled(sorted(s.ports)))
	if !ok {
		return false, nil
	}
	first := s.rng.IntN(2) == 0
	if has(s.plugged, name) && first {
		if err := s.pull(ctx, name); err != nil {
			return false, err
		}
	}
	if err := s.remove(ctx, api.KindPort, name); err != nil {
		return false, err
	}
	return true, s.pullGone(ctx)
}

// pullGone removes the interfaces of ports that no longer exist.
func (s *soak) pullGone(ctx context.Context) error {
	for _, name := range sorted(s.plugged) {
		if !has(s.ports, name) {
			if err := s.pull(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}
