package main

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
)

// Limits of what is declared at a time, so that things are deleted and made
// again rather than ever more.
const (
	maxNetworks = 6
	maxRouters  = 2
	maxGhosts   = 4
	maxPorts    = 60
	maxPlugged  = 12
)

// createNetwork declares a network, every third a segmented one.
func (s *soak) createNetwork(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.networks, "net", maxNetworks)
	if !ok {
		return false, nil
	}
	var i int
	if _, err := fmt.Sscanf(name, "net%d", &i); err != nil {
		return false, err
	}
	spec := api.NetworkSpec{CIDR: fmt.Sprintf("10.%d.0.0/24", 20+i)}
	if i%3 == 2 {
		spec = api.NetworkSpec{Mode: api.ModeSegmented, CIDR: fmt.Sprintf("10.%d.0.0/16", 20+i), ContainersPerNode: 100, MaxNodes: 20}
	}
	return true, s.declare(ctx, name, nil, spec)
}

func (s *soak) deleteNetwork(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.unused())
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindNetwork, name)
}

func (s *soak) createRouter(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.routers, "r", maxRouters)
	nets := s.unrouted()
	if !ok || len(nets) < 2 {
		return false, nil
	}
	s.rng.Shuffle(len(nets), func(i, j int) { nets[i], nets[j] = nets[j], nets[i] })
	return true, s.declare(ctx, name, nil, api.RouterSpec{Networks: nets[:2+s.rng.IntN(len(nets)-1)]})
}

// changeRouter adds a network to a router, or takes one away.
func (s *soak) changeRouter(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.routers))
	if !ok {
		return false, nil
	}
	nets := s.routers[name].Networks
	if more, ok := pick(s.rng, s.unrouted()); ok && s.rng.IntN(2) == 0 {
		nets = append(append([]string(nil), nets...), more)
	} else if len(nets) > 2 {
		nets = nets[1:]
	} else {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, api.RouterSpec{Networks: nets})
}

func (s *soak) deleteRouter(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.routers))
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindRouter, name)
}

// createGhost declares a node that never connects.
func (s *soak) createGhost(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.ghosts, "ghost", maxGhosts)
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, s.ghostSpec())
}

func (s *soak) renumberGhost(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.ghosts))
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, s.ghostSpec())
}

// ghostSpec has an address that no other node has.
func (s *soak) ghostSpec() api.NodeSpec {
	for {
		ip := fmt.Sprintf("172.16.56.%d", 100+s.rng.IntN(100))
		taken := false
		for _, g := range s.ghosts {
			taken = taken || g.TunnelIP == ip
		}
		if !taken {
			return api.NodeSpec{TunnelIP: ip}
		}
	}
}

func (s *soak) deleteGhost(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.idleGhosts())
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindNode, name)
}

// createPort declares a port, on a node or, in a stretched network, wherever.
func (s *soak) createPort(ctx context.Context) (bool, error) {
	name, spec, ok := s.newPort()
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, spec)
}

func (s *soak) newPort() (name string, spec api.PortSpec, ok bool) {
	name, ok = free(s.rng, s.ports, "p", maxPorts)
	network, found := pick(s.rng, sorted(s.networks))
	if !ok || !found {
		return "", api.PortSpec{}, false
	}
	return name, api.PortSpec{Network: network, Node: s.somewhere(network)}, true
}

// somewhere is where a port of a network may be: one of the real nodes as a
// rule; a ghost; "" for wherever its interface shows up.
func (s *soak) somewhere(network string) string {
	n := s.rng.IntN(10)
	if ghost, ok := pick(s.rng, sorted(s.ghosts)); ok && n == 0 {
		return ghost
	}
	if n < 4 && s.networks[network].Mode != api.ModeSegmented {
		return ""
	}
	return realNodes()[s.rng.IntN(3)]
}

// labelPort changes what no flow depends on.
func (s *soak) labelPort(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.ports))
	if !ok {
		return false, nil
	}
	labels := map[string]string{"n": fmt.Sprint(s.rng.IntN(1000))}
	return true, s.declare(ctx, name, labels, s.ports[name])
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
	name, ok := pick(s.rng, sorted(s.ports))
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
	if has(s.plugged, name) {
		return true, s.pull(ctx, name)
	}
	return true, nil
}
