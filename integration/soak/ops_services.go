package main

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

const maxServices = 3

// createService declares a service of a router, whose backends are the ports with a random label.
func (s *soak) createService(ctx context.Context) (bool, error) {
	name, ok := free(s.rng, s.services, "s", maxServices)
	router, found := pick(s.rng, sorted(s.routers))
	if !ok || !found {
		return false, nil
	}
	i, err := strconv.Atoi(strings.TrimPrefix(name, "s"))
	if err != nil {
		return false, err
	}
	return true, s.declare(ctx, name, nil, model.ServiceSpec{
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 96, 0, byte(10 + i)}), netip.AddrFrom16([16]byte{0xfd, 3: 0x96, 15: byte(10 + i)})},
		Routers:   []string{router}, Ports: []model.ServicePort{{Port: 80}}, Backends: s.backends(),
	})
}

// backends selects the ports with a random label.
func (s *soak) backends() model.ServiceBackends {
	app, _ := pick(s.rng, []string{"web", "lb", "db"})
	return model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}}}
}

// changeService gives a service other backends.
func (s *soak) changeService(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.services))
	if !ok {
		return false, nil
	}
	spec := s.services[name]
	spec.Backends = s.backends()
	return true, s.declare(ctx, name, nil, spec)
}

func (s *soak) deleteService(ctx context.Context) (bool, error) {
	name, ok := pick(s.rng, sorted(s.services))
	if !ok {
		return false, nil
	}
	return true, s.remove(ctx, api.KindService, name)
}

// unserved returns the routers that no service names, sorted.
func (m *expected) unserved() []string {
	return slices.DeleteFunc(sorted(m.routers), func(r string) bool {
		for _, o := range m.services {
			if slices.Contains(o.Routers, r) {
				return true
			}
		}
		return false
	})
}

// toServices returns connections to the addresses of services, from every live port that may use
// them, and what must become of each. It leaves out those that backends would answer differently,
// as the switch chooses one.
func (s *soak) toServices(j judge, hosts map[string]*traffic.Host) (probes []traffic.Probe, want []traffic.Verdict) {
	for _, name := range sorted(s.services) {
		o := s.services[name]
		for _, from := range s.live() {
			if s.routerOf(s.ports[from].Network) != o.Routers[0] {
				continue
			}
			for _, a := range o.Addresses {
				if !s.plugged[from].Has(a) {
					continue
				}
				if verdict, same := s.serviceVerdict(j, o, from, a); same {
					probes = append(probes, traffic.Probe{From: hosts[from], To: a, Protocol: traffic.TCP, Port: 80})
					want = append(want, verdict)
				}
			}
		}
	}
	return probes, want
}

// serviceVerdict returns the result of a connection from a port to an address of a service. same is
// false if it depends on the backend. Without backends it is refused.
func (s *soak) serviceVerdict(j judge, o model.ServiceSpec, from string, to netip.Addr) (verdict traffic.Verdict, same bool) {
	verdict, same = traffic.Refused, true
	first := true
	for _, backend := range s.live() {
		labels := s.objects[api.Key{Kind: api.KindPort, Name: backend}.String()].Labels
		c := s.plugged[backend]
		if !o.Backends.Selector.Matches(labels) || s.routerOf(s.ports[backend].Network) != o.Routers[0] || !c.Has(to) {
			continue
		}
		v := traffic.Connected // a port reaches itself by a service, whatever policies say
		if backend != from {
			v = j.verdict(from, backend, sourceFor(c, to), model.PolicyPort{Protocol: model.ProtocolTCP, First: 80, Last: 80})
		}
		if !first && v != verdict {
			return v, false
		}
		verdict, first = v, false
	}
	return verdict, true
}
