package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// expected is what must be true: the changes that sdnd has acknowledged, and the interfaces
// that exist. Only operations that it allows are done, so that every refusal is a fault of sdnd
// or of this model.
type expected struct {
	// objects are declared, by reference.
	objects map[string]api.Object
	// specs of ports, networks, routers, policies, floating addresses and services, by name.
	ports    map[string]model.PortSpec
	networks map[string]model.NetworkSpec
	routers  map[string]model.RouterSpec
	policies map[string]model.PolicySpec
	floating map[string]model.FloatingIPSpec
	services map[string]model.ServiceSpec
	// absent are declared nodes that never connect.
	absent map[string]model.NodeSpec
	// plugged are the interfaces by port; those in loose have no interface id.
	plugged map[string]*lab.Container
	loose   map[string]bool
}

func newExpected() *expected {
	return &expected{
		objects: map[string]api.Object{}, ports: map[string]model.PortSpec{}, networks: map[string]model.NetworkSpec{},
		routers: map[string]model.RouterSpec{}, policies: map[string]model.PolicySpec{}, floating: map[string]model.FloatingIPSpec{}, services: map[string]model.ServiceSpec{}, absent: map[string]model.NodeSpec{},
		plugged: map[string]*lab.Container{}, loose: map[string]bool{},
	}
}

// clone copies what is declared; what is plugged in is the same.
func (m *expected) clone() *expected {
	return &expected{
		objects: maps.Clone(m.objects), ports: maps.Clone(m.ports), networks: maps.Clone(m.networks),
		routers: maps.Clone(m.routers), policies: maps.Clone(m.policies), floating: maps.Clone(m.floating), services: maps.Clone(m.services), absent: maps.Clone(m.absent), plugged: m.plugged, loose: m.loose,
	}
}

// put records a declared object.
func (m *expected) put(o api.Object, spec model.Spec) {
	m.objects[o.Ref()] = o
	switch s := spec.(type) {
	case model.PortSpec:
		m.ports[o.Name] = s
	case model.NetworkSpec:
		m.networks[o.Name] = s
	case model.RouterSpec:
		m.routers[o.Name] = s
	case model.PolicySpec:
		m.policies[o.Name] = s
	case model.FloatingIPSpec:
		m.floating[o.Name] = s
	case model.ServiceSpec:
		m.services[o.Name] = s
	case model.NodeSpec:
		if _, real := realNode(o.Name); !real {
			m.absent[o.Name] = s
		}
	}
}

// delete records that an object is no longer declared.
func (m *expected) delete(kind api.Kind, name string) {
	delete(m.objects, api.Key{Kind: kind, Name: name}.String())
	switch kind {
	case api.KindPort:
		delete(m.ports, name)
	case api.KindNetwork:
		delete(m.networks, name)
	case api.KindRouter:
		delete(m.routers, name)
	case api.KindPolicy:
		delete(m.policies, name)
	case api.KindFloatingIP:
		delete(m.floating, name)
	case api.KindService:
		delete(m.services, name)
	case api.KindNode:
		delete(m.absent, name)
	}
}

// routerOf returns the router that joins the network, or "".
func (m *expected) routerOf(network string) string {
	for name, r := range m.routers {
		if slices.Contains(r.Networks, network) {
			return name
		}
	}
	return ""
}

// unused returns the networks without ports, router and policies that name them, sorted.
func (m *expected) unused() []string {
	used := m.named()
	for _, p := range m.ports {
		used[p.Network] = true
	}
	return slices.DeleteFunc(m.unrouted(), func(n string) bool { return used[n] })
}

// unrouted returns the networks without router, sorted.
func (m *expected) unrouted() []string {
	return slices.DeleteFunc(sorted(m.networks), func(n string) bool { return m.routerOf(n) != "" })
}

// idleAbsentNodes returns the absent nodes that no port is pinned to, sorted.
func (m *expected) idleAbsentNodes() []string {
	used := map[string]bool{}
	for _, p := range m.ports {
		used[p.Node] = true
	}
	return slices.DeleteFunc(sorted(m.absent), func(n string) bool { return used[n] })
}

// reaches reports whether one port must reach another.
func (m *expected) reaches(from, to string) bool {
	a, b := m.ports[from].Network, m.ports[to].Network
	return a == b || m.routerOf(a) != "" && m.routerOf(a) == m.routerOf(b)
}

// routed reports whether the network has a gateway that answers.
func (m *expected) routed(network string) bool {
	return m.networks[network].Mode == model.Segmented || m.routerOf(network) != ""
}

// live returns the ports that have an interface with their interface id, sorted.
func (m *expected) live() []string {
	return slices.DeleteFunc(sorted(m.plugged), func(p string) bool { return m.loose[p] })
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// pick returns one of them; false if there is none.
func pick(rng *rand.Rand, from []string) (string, bool) {
	if len(from) == 0 {
		return "", false
	}
	return from[rng.IntN(len(from))], true
}

// free returns a name prefix0 to prefix(n-1) that is not taken.
func free[T any](rng *rand.Rand, taken map[string]T, prefix string, n int) (string, bool) {
	var names []string
	for i := range n {
		if name := fmt.Sprintf("%s%d", prefix, i); !has(taken, name) {
			names = append(names, name)
		}
	}
	return pick(rng, names)
}

func has[T any](m map[string]T, key string) bool {
	_, ok := m[key]
	return ok
}
