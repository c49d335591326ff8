package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// serviceVerb is one change of services, or of their backends.
type serviceVerb struct {
	name    string
	prepare func(*contractBed)
	do      func(*contractBed) cost
	// bounds are those of docs/cost.md, where f is the number of families.
	bounds func(b *contractBed, f int) bounds
}

// TestContractOfServices holds the rows of docs/cost.md about services, as TestContract does
// the others.
func TestContractOfServices(t *testing.T) {
	for _, families := range [][]topology.Family{{topology.IPv4}, {topology.IPv4, topology.IPv6}} {
		for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
			for _, size := range [][2]int{{6, 20}, {24, 80}} {
				bed := newContractBed(t, families, mode, true, size[0], size[1])
				bed.apply(labelled("s1", 1, "app", "web"), labelled("s2", 2, "app", "web"), labelled("s3", 3, "app", "none"))
				bed.bind("s1", 1)
				bed.bind("s2", 2)
				bed.bind("s3", 3)
				for _, v := range serviceVerbs() {
					t.Run(fmt.Sprintf("%v/%s/%s/%dx%d", families, mode, v.name, size[0], size[1]), func(t *testing.T) {
						b := bed.copy(t)
						if v.prepare != nil {
							v.prepare(b)
						}
						got, want := v.do(b), v.bounds(b, len(families))
						if got.flowMods > want.flowMods || got.nodes > want.nodes || got.units > want.units {
							t.Errorf("%d flow-mods to %d nodes, %d units; want at most %+v", got.flowMods, got.nodes, got.units, want)
						}
					})
				}
			}
		}
	}
}

// What services cost; f is the number of families.
//
// perServedNode is what a node with ports that may use services has, perServedNetwork what
// it has for each of their networks, perServedPort what differs for each of these ports,
// and perService what one service costs with addresses of both families, one port and n
// backends: its flows, the groups, and the backends' flows.
func perServedNode(f int) int    { return 15 + 15*f }
func perServedNetwork(f int) int { return f }
func perServedPort(f int) int    { return 5*f + 2 }
func perService(f, n int) int    { return 2*5 + f*n }

// perAffinity is what session affinity costs beside that, with n backends: what learns, what
// has a group choose, and a flow for each backend, of each family of addresses, and a group
// for each backend on its own node.
func perAffinity(f, n int) int { return 2*2 + f*n }

func serviceVerbs() []serviceVerb {
	declared := func(b *contractBed) { b.apply(service("one", 1)) }
	datagrams := func(b *contractBed) {
		op := service("one", 1)
		spec := op.Spec.(model.ServiceSpec)
		spec.Ports = []model.ServicePort{{Protocol: model.ProtocolUDP, Port: 53}}
		op.Spec = spec
		b.apply(op)
	}
	named := func(b *contractBed) {
		op := service("one", 1)
		spec := op.Spec.(model.ServiceSpec)
		spec.Ports = []model.ServicePort{{Port: 80, TargetPort: model.TargetPort{Name: "http"}}}
		op.Spec = spec
		b.apply(op, naming("s2", 2, 8080))
	}
	return []serviceVerb{
		{"first service of a network", nil, func(b *contractBed) cost { return b.apply(service("one", 1)) },
			func(b *contractBed, f int) bounds {
				ports := b.ports + 3
				return bounds{b.relevant*(perServedNode(f)+2*perServedNetwork(f)+perService(f, 2)) + ports*perServedPort(f), b.relevant, 1 << 30}
			}},
		{"create service", declared, func(b *contractBed) cost { return b.apply(service("two", 2)) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant * perService(f, 0), b.relevant, 3 * b.relevant} // the backends' flows are there
			}},
		{"delete service", func(b *contractBed) { declared(b); b.apply(service("two", 2)) },
			func(b *contractBed) cost { return b.apply(remove(model.KindService, "two")) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant * perService(f, 0), b.relevant, 3 * b.relevant}
			}},
		{"create service with session affinity", declared, func(b *contractBed) cost { return b.apply(affineService("two", 2)) },
			func(b *contractBed, f int) bounds {
				return bounds{b.relevant*(perService(f, 0)+perAffinity(f, 2)) + 2, b.relevant, 5 * b.relevant}
			}},
		{"one backend more of a service with session affinity", func(b *contractBed) { b.apply(affineService("one", 1)) },
			func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "web")) },
			func(b *contractBed, f int) bounds { return bounds{3*f*b.relevant + 1, b.relevant, 4 * b.relevant} }},
		{"one backend more", declared, func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "web")) },
			func(b *contractBed, f int) bounds { return bounds{2 * f * b.relevant, b.relevant, 3 * b.relevant} }},
		{"one backend less", declared, func(b *contractBed) cost { return b.apply(labelled("s2", 2, "app", "none")) },
			func(b *contractBed, f int) bounds { return bounds{2 * f * b.relevant, b.relevant, 3 * b.relevant} }},
		{"a backend gives a named port another number", named, func(b *contractBed) cost { return b.apply(naming("s2", 2, 8081)) },
			func(b *contractBed, f int) bounds { return bounds{3 * f * b.relevant, b.relevant, 4 * b.relevant} }},
		{"the internal traffic policy becomes Local", declared, func(b *contractBed) cost { return b.apply(localService("one", 1)) },
			func(b *contractBed, f int) bounds { return bounds{(2 + 2*f) * b.relevant, b.relevant, 3 * b.relevant} }},
		{"a draining time is set", declared, func(b *contractBed) cost { return b.apply(drainingService("one", 1)) },
			func(b *contractBed, f int) bounds {
				return bounds{(2*2 + 2*f) * b.relevant, b.relevant, 3 * b.relevant}
			}},
		{"one backend less of a service with a draining time", func(b *contractBed) { b.apply(drainingService("one", 1)) },
			func(b *contractBed) cost { return b.apply(labelled("s2", 2, "app", "none")) },
			func(b *contractBed, f int) bounds { return bounds{2 * f * b.relevant, b.relevant, 3 * b.relevant} }},
		{"the draining time of a backend is over", func(b *contractBed) {
			b.apply(drainingService("one", 1))
			b.apply(labelled("s2", 2, "app", "none"))
		}, func(b *contractBed) cost { return b.step(pipeline.Update{Leaving: b.view.Drained(time.Unix(1e9, 0))}) },
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"a health check is set", declared, func(b *contractBed) cost { return b.apply(checking("one", 1)) },
			func(b *contractBed, f int) bounds { return bounds{2 * 2, 2, 4*b.relevant + 2} }},
		{"a backend fails its health check", func(b *contractBed) { declared(b); b.apply(checking("one", 1)) },
			func(b *contractBed) cost {
				return b.step(pipeline.Update{Health: []pipeline.HealthChange{{Service: "one", Port: "s2", After: pipeline.Health{Why: "refused"}}}})
			},
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"one backend of UDP more", datagrams, func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "web")) },
			func(b *contractBed, f int) bounds { return bounds{3 * f * b.relevant, b.relevant, 3 * b.relevant} }},
		{"the interface of a backend of UDP vanishes", datagrams, func(b *contractBed) cost { return b.bind("s2", 0) },
			func(b *contractBed, f int) bounds {
				return bounds{perLocalPort + 2 + 2*f + 6*(f-1) + 2*f + 2*f*b.relevant, b.relevant, 2 + 2*b.relevant}
			}},
		{"the interface of a backend vanishes", declared, func(b *contractBed) cost { return b.bind("s2", 0) },
			func(b *contractBed, f int) bounds {
				return bounds{perLocalPort + 2 + 2*f + 6*(f-1) + f + f*b.relevant, b.relevant, 2 + 2*b.relevant}
			}},
		{"the link of a backend goes down", declared, func(b *contractBed) cost { return b.link("s2", true) },
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"the link of a backend comes up", func(b *contractBed) { declared(b); b.link("s2", true) }, func(b *contractBed) cost { return b.link("s2", false) },
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"the link of the last backend goes down", func(b *contractBed) { declared(b); b.link("s1", true) }, func(b *contractBed) cost { return b.link("s2", true) },
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"the link of a backend of UDP goes down", datagrams, func(b *contractBed) cost { return b.link("s2", true) },
			func(b *contractBed, f int) bounds { return bounds{2 * f * b.relevant, b.relevant, b.relevant} }},
		{"the link of a backend of a service with session affinity goes down", func(b *contractBed) { b.apply(affineService("one", 1)) }, func(b *contractBed) cost { return b.link("s2", true) },
			func(b *contractBed, f int) bounds { return bounds{2 * f * b.relevant, b.relevant, b.relevant} }},
		{"the link of a backend with a health check goes down", func(b *contractBed) { declared(b); b.apply(checking("one", 1)) }, func(b *contractBed) cost { return b.link("s2", true) },
			func(b *contractBed, f int) bounds { return bounds{f * b.relevant, b.relevant, b.relevant} }},
		{"its link comes up before a probe has passed", func(b *contractBed) { declared(b); b.apply(checking("one", 1)); b.link("s2", true) }, func(b *contractBed) cost { return b.link("s2", false) },
			func(b *contractBed, f int) bounds { return bounds{0, 0, b.relevant} }},
		{"the link of a port that is no backend goes down", declared, func(b *contractBed) cost { return b.link("s3", true) },
			func(*contractBed, int) bounds { return bounds{0, 0, 0} }},
		{"the link of a port without services goes down", nil, func(b *contractBed) cost { return b.link("s1", true) },
			func(*contractBed, int) bounds { return bounds{0, 0, 0} }},
		{"the link of a backend of a headless service goes down", func(b *contractBed) { b.apply(headlessService("one")) }, func(b *contractBed) cost { return b.link("s2", true) },
			func(*contractBed, int) bounds { return bounds{0, 0, 0} }},
		{"a headless service comes", nil, func(b *contractBed) cost { return b.apply(headlessService("one")) },
			func(*contractBed, int) bounds { return bounds{0, 0, 1 << 30} }},
		{"a headless service gets one backend more", func(b *contractBed) { b.apply(headlessService("one")) }, func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "web")) },
			func(*contractBed, int) bounds { return bounds{0, 0, 1 << 30} }},
		{"a port that is no backend gets other labels", declared, func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "other")) },
			func(*contractBed, int) bounds { return bounds{0, 0, 1 << 30} }},
	}
}

// naming declares a backend that calls a port of TCP "http".
func naming(port string, node int, number uint16) topology.Op {
	op := labelled(port, node, "app", "web")
	spec := op.Spec.(topology.PortSpec)
	spec.NamedPorts = map[string]model.PolicyPort{"http": {Protocol: model.ProtocolTCP, First: number, Last: number}}
	op.Spec = spec
	return op
}

// checking is service with a health check.
func checking(name string, last byte) topology.Op {
	op := service(name, last)
	spec := op.Spec.(model.ServiceSpec)
	spec.HealthCheck = &model.HealthCheck{Protocol: model.CheckTCP}
	op.Spec = spec
	return op
}

// drainingService is service with a draining time.
func drainingService(name string, last byte) topology.Op {
	op := service(name, last)
	spec := op.Spec.(model.ServiceSpec)
	spec.DrainingTime = model.Duration(time.Minute)
	op.Spec = spec
	return op
}

// headlessService is service without addresses.
func headlessService(name string) topology.Op {
	op := service(name, 1)
	spec := op.Spec.(model.ServiceSpec)
	spec.Addresses, spec.Headless = nil, true
	op.Spec = spec
	return op
}

// localService is service for clients on the nodes of its backends.
func localService(name string, last byte) topology.Op {
	op := service(name, last)
	spec := op.Spec.(model.ServiceSpec)
	spec.InternalTrafficPolicy = model.TrafficLocal
	op.Spec = spec
	return op
}

// affineService is service with session affinity.
func affineService(name string, last byte) topology.Op {
	op := service(name, last)
	spec := op.Spec.(model.ServiceSpec)
	spec.SessionAffinity = model.AffinityClientIP
	op.Spec = spec
	return op
}

// service returns a service for the networks of the router "r", with one port and the ports
// with "app=web" as backends.
func service(name string, last byte) topology.Op {
	return put(model.KindService, name, model.ServiceSpec{
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: last})}, Routers: []string{"r"},
		Ports:    []model.ServicePort{{Port: 80}},
		Backends: model.ServiceBackends{PolicySelection: with("app", "web")},
	})
}
