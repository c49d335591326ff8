package main

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Limits of what is declared at the same time, so that objects are deleted and created again
// instead of accumulating.
const (
	maxNetworks    = 6
	maxRouters     = 2
	maxAbsentNodes = 4
	maxPorts       = 60
	maxPlugged     = 12
)

// createNetwork declares a network; every third is segmented. Its number also determines its
// families: IPv4, IPv6 or both.
func (s *soak) createNetwork(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.networks, "net", maxNetworks)
	if !ok {
		return false, nil
	}
	i, err := strconv.Atoi(strings.TrimPrefix(name, "net"))
	if err != nil {
		return false, err
	}
	spec := stretched(i, 254, model.MAC{})
	if i%3 == 2 {
		spec = model.NetworkSpec{Mode: model.Segmented, ContainersPerNode: 100, MaxNodes: 20}
		for _, subnet := range subnetsOf(i) {
			spec.Subnets = append(spec.Subnets, model.Subnet{Prefix: netip.PrefixFrom(subnet.addr(0), subnet.segmented)})
		}
	}
	return true, s.declare(ctx, name, nil, spec)
}

// stretched is the spec of a stretched network. Its gateway is among addresses
// that no port is given.
func stretched(i, gateway int, mac model.MAC) model.NetworkSpec {
	spec := model.NetworkSpec{GatewayMAC: mac}
	for _, subnet := range subnetsOf(i) {
		spec.Subnets = append(spec.Subnets, model.Subnet{
			Prefix: netip.PrefixFrom(subnet.addr(0), subnet.stretched), Gateway: model.GatewayOf(subnet.addr(gateway)),
			Reserved: []model.AddrRange{{From: subnet.addr(200), To: subnet.addr(254)}},
		})
	}
	return spec
}

// subnet is the addresses of a network in one family.
type subnet struct {
	addr func(host int) netip.Addr
	// The length of its prefix, by the network's mode.
	stretched, segmented int
}

// subnetsOf returns those of network i: networks 0 and 4 have IPv4, 1 and 5 IPv6, and
// the others both.
func subnetsOf(i int) (all []subnet) {
	if i%4 != 1 {
		all = append(all, subnet{func(host int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(20 + i), 0, byte(host)}) }, 24, 16})
	}
	if i%4 != 0 {
		all = append(all, subnet{func(host int) netip.Addr { return netip.AddrFrom16([16]byte{0xfd, 3: byte(20 + i), 15: byte(host)}) }, 64, 48})
	}
	return all
}

// renumberGateway gives a network's gateway another address, another MAC, or both, and
// configures the containers accordingly.
func (s *soak) renumberGateway(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.networks))
	if !ok {
		return false, nil
	}
	mac := model.MAC{6, 0, 0, byte(0x80 + s.rng.IntN(0x80)), byte(s.rng.IntN(256)), byte(s.rng.IntN(256))}
	spec := s.networks[name]
	if spec.Mode == model.Segmented {
		spec.GatewayMAC = mac // the blocks have gateways of their own
	} else {
		i, err := strconv.Atoi(strings.TrimPrefix(name, "net"))
		if err != nil {
			return true, err
		}
		was := spec
		spec = stretched(i, 200+s.rng.IntN(55), mac)
		switch s.rng.IntN(3) {
		case 0:
			spec.Subnets = was.Subnets
		case 1:
			spec.GatewayMAC = was.GatewayMAC
		}
	}
	if err := s.declare(ctx, name, nil, spec); err != nil {
		return true, err
	}
	for _, port := range sorted(s.plugged) {
		if s.ports[port].Network != name {
			continue
		}
		p, err := s.api.Port(ctx, port)
		if err != nil {
			return true, err
		}
		n, err := s.api.Network(ctx, name)
		if err != nil {
			return true, err
		}
		for _, a := range p.Status.Links() {
			gateway, err := api.GatewayFor(a, n)
			if err != nil {
				return true, err
			}
			if err := s.plugged[port].SetGateway(ctx, gateway); err != nil {
				return true, err
			}
		}
	}
	return true, nil
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
	spec := model.RouterSpec{Networks: nets[:2+s.rng.IntN(len(nets)-1)]}
	if s.rng.IntN(2) == 0 {
		spec.Egress = uplinkEgress()
	}
	return true, s.declare(ctx, name, nil, spec)
}

// changeRouter adds a network to a router or removes one.
func (s *soak) changeRouter(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.routers))
	if !ok {
		return false, nil
	}
	spec := s.routers[name]
	nets := spec.Networks
	if more, ok := pick(s.rng, s.unrouted()); ok && s.rng.IntN(2) == 0 {
		nets = append(append([]string(nil), nets...), more)
	} else if len(nets) > 2 {
		nets = nets[1:]
	} else {
		return false, nil
	}
	spec.Networks = nets
	return true, s.declare(ctx, name, nil, spec)
}

func (s *soak) deleteRouter(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.unserved())
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindRouter, name)
}

// createAbsentNode declares a node that never connects.
func (s *soak) createAbsentNode(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.absent, "absent", maxAbsentNodes)
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, s.absentNodeSpec())
}

func (s *soak) renumberAbsentNode(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.absent))
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, s.absentNodeSpec())
}

// absentNodeSpec returns a tunnel address that no other node has. One in four is an IPv6
// address, which the real nodes cannot reach.
func (s *soak) absentNodeSpec() model.NodeSpec {
	for {
		n := byte(100 + s.rng.IntN(100))
		ip := netip.AddrFrom4([4]byte{172, 16, 56, n})
		if n%4 == 0 {
			ip = netip.AddrFrom16([16]byte{0xfd, 3: 0x56, 15: n})
		}
		taken := false
		for _, g := range s.absent {
			taken = taken || g.TunnelIP == ip
		}
		if !taken {
			return model.NodeSpec{TunnelIP: ip}
		}
	}
}

func (s *soak) deleteAbsentNode(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, s.idleAbsentNodes())
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindNode, name)
}
