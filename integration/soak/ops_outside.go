package main

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// uplinkName is the name of the uplink, by which every real node has a bridge to the machine
// outside.
const uplinkName = "ext"

// maxFloating is the largest number of floating addresses; every second is an IPv6 address.
const maxFloating = 4

func uplinkSpec() model.UplinkSpec {
	return model.UplinkSpec{
		Type: model.UplinkBridge, Bridge: lab.ExternalBridge,
		Subnet: netip.MustParsePrefix("192.0.2.0/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
		Subnet6: netip.MustParsePrefix("2001:db8:0:2::/64"), Gateway6: netip.MustParseAddr("2001:db8:0:2::1"),
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26"), netip.MustParsePrefix("2001:db8:0:2::/112")},
	}
}

// uplinkAddresses returns an address of each family on the uplink.
func uplinkAddresses(host byte) []netip.Addr {
	return []netip.Addr{
		netip.AddrFrom4([4]byte{192, 0, 2, host}),
		netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: 2, 15: host}),
	}
}

// nodeUplinkAddresses returns the addresses of a real node on the uplink.
func nodeUplinkAddresses(i int) []netip.Addr { return uplinkAddresses(byte(65 + i)) }

// uplinkEgress is the egress of routers that have one.
func uplinkEgress() *model.RouterEgress { return &model.RouterEgress{Uplink: uplinkName} }

// letOut gives a router a way out, or takes it away.
func (s *soak) letOut(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.routers))
	if !ok {
		return false, nil
	}
	spec := s.routers[name]
	if spec.Egress == nil {
		spec.Egress = uplinkEgress()
	} else {
		spec.Egress = nil
	}
	return true, s.declare(ctx, name, nil, spec)
}

// createFloating declares a floating address for a port, whose router may have no way out.
func (s *soak) createFloating(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.floating, "f", maxFloating)
	if !ok {
		return false, nil
	}
	i, err := strconv.Atoi(strings.TrimPrefix(name, "f"))
	if err != nil {
		return false, err
	}
	address := uplinkAddresses(byte(100 + i))[i%2]
	port, ok := pick(s.rng, s.leadable(model.FamilyOf(address)))
	if !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, model.FloatingIPSpec{Uplink: uplinkName, Address: address, Port: port})
}

// moveFloating leads a floating address to another port.
func (s *soak) moveFloating(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.floating))
	if !ok {
		return false, nil
	}
	spec := s.floating[name]
	if spec.Port, ok = pick(s.rng, s.leadable(model.FamilyOf(spec.Address))); !ok {
		return false, nil
	}
	return true, s.declare(ctx, name, nil, spec)
}

func (s *soak) deleteFloating(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.floating))
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindFloatingIP, name)
}

// leadable returns the ports with an address of the family to which no floating address of it
// leads, sorted. Those with an interface come more often than others.
func (m *expected) leadable(f model.Family) []string {
	var all []string
	for _, port := range append(sorted(m.ports), m.live()...) {
		subnets := m.networks[m.ports[port].Network].Subnets
		has := slices.ContainsFunc(subnets, func(s model.Subnet) bool { return model.FamilyOf(s.Prefix.Addr()) == f })
		if has && !m.floatingOf(port, f).IsValid() {
			all = append(all, port)
		}
	}
	return all
}

// floatingOf returns the floating address of the family that leads to a port; it is not valid if
// there is none.
func (m *expected) floatingOf(port string, f model.Family) netip.Addr {
	for _, spec := range m.floating {
		if spec.Port == port && model.FamilyOf(spec.Address) == f {
			return spec.Address
		}
	}
	return netip.Addr{}
}

// led reports whether a floating address leads to the port, which therefore cannot be deleted.
func (m *expected) led(port string) bool {
	for _, spec := range m.floating {
		if spec.Port == port {
			return true
		}
	}
	return false
}

// unled returns those of the ports to which no floating address leads.
func (m *expected) unled(ports []string) []string { return slices.DeleteFunc(ports, m.led) }

// leaves reports whether packets of the network's ports leave by the uplink.
func (m *expected) leaves(network string) bool {
	r := m.routerOf(network)
	return r != "" && m.routers[r].Egress != nil
}
