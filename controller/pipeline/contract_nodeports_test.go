package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestContractOfNodePorts holds the rows of docs/cost.md about node ports. All nodes have an
// uplink, the last one has no port that may use services.
func TestContractOfNodePorts(t *testing.T) {
	for _, families := range [][]topology.Family{{topology.IPv4}, {topology.IPv4, topology.IPv6}} {
		for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
			for _, size := range [][2]int{{6, 20}, {24, 80}} {
				bed := newContractBed(t, families, mode, true, size[0], size[1])
				bed.apply(labelled("s1", 1, "app", "web"), labelled("s2", 2, "app", "web"), labelled("s3", 3, "app", "none"), put(topology.KindUplink, "wan", model.UplinkSpec{}))
				bed.bind("s1", 1)
				bed.bind("s2", 2)
				bed.bind("s3", 3)
				for i := range bed.nodes {
					bed.uplink(i+1, 0, 9)
				}
				bed.apply(entered("one", 1, ""))
				for _, v := range nodePortVerbs() {
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

// uplink gives a node an uplink to its kernel, or removes it.
func (b *contractBed) uplink(node int, before, after openflow.PortNo) cost {
	return b.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{Node: name(node), Before: before, After: after}}})
}

// entered is service with a node port.
func entered(service_ string, last byte, external model.TrafficPolicy) topology.Op {
	op := service(service_, last)
	spec := op.Spec.(model.ServiceSpec)
	spec.Ports = []model.ServicePort{{Port: 80, NodePort: model.NodePort{Number: 30080 + uint16(last)}}}
	spec.ExternalTrafficPolicy = external
	op.Spec = spec
	return op
}

// What node ports cost; f is the number of families.
//
// perNodePort is what a node port costs on each node, for each family of the node's addresses:
// these are of both. perEntryNode is what a node with uplink and ports has once for all node ports,
// and perWayIn what it has for each other node with an uplink. takesPart is what a node without
// ports of a domain gets, to reach its n ports on other nodes. perHealthPort is what a health port
// costs where a node port does.
const (
	perNodePort   = 2
	perHealthPort = 2
)

func perEntryNode(f int) int               { return 42 + 8*f }
func perWayIn(f int) int                   { return f + 2 }
func (b *contractBed) takesPart(f int) int { return 22 + 36*f + 3*(b.ports+3) + b.nodes }

func nodePortVerbs() []serviceVerb {
	const groups = 2 // of a service with one port and addresses of both families
	any := 1 << 30
	local := func(b *contractBed) { b.apply(entered("one", 1, model.TrafficLocal)) }
	more := func(b *contractBed) cost { return b.apply(labelled("s3", 3, "app", "web")) }
	less := func(b *contractBed) cost { return b.apply(labelled("s2", 2, "app", "none")) }
	two := func(b *contractBed) cost { return b.apply(entered("two", 2, "")) }
	create := func(b *contractBed, _ int) bounds {
		return bounds{b.relevant*perService(0, 0) + 2*perNodePort*b.nodes + groups, b.nodes, 3 * b.nodes}
	}
	each := func(messages int) func(b *contractBed, f int) bounds {
		return func(b *contractBed, f int) bounds { return bounds{messages * f * b.nodes, b.nodes, 3 * b.nodes} }
	}
	return []serviceVerb{
		{"one backend more", nil, more, each(2)},
		{"one backend less", nil, less, each(2)},
		{"one backend more, external traffic policy Local", local, more, each(2)},
		{"one backend less, external traffic policy Local", local, less, each(2)},
		{"a backend fails its health check", func(b *contractBed) {
			op := entered("one", 1, "")
			spec := op.Spec.(model.ServiceSpec)
			spec.HealthCheck = &model.HealthCheck{Protocol: model.CheckTCP}
			op.Spec = spec
			b.apply(op)
			b.step(pipeline.Update{Health: []pipeline.HealthChange{{Service: "one", Port: "s1", After: pipeline.Health{Healthy: true}}, {Service: "one", Port: "s2", After: pipeline.Health{Healthy: true}}}})
		}, func(b *contractBed) cost {
			return b.step(pipeline.Update{Health: []pipeline.HealthChange{{Service: "one", Port: "s2", After: pipeline.Health{Why: "refused"}}}})
		}, each(1)},
		{"the interface of a backend vanishes", nil, func(b *contractBed) cost { return b.bind("s2", 0) },
			func(b *contractBed, f int) bounds {
				return bounds{perLocalPort + 2 + 2*f + 6*(f-1) + f + f*b.nodes, b.nodes, 2 + 2*b.nodes}
			}},
		{"create a service", nil, two, create},
		{"delete a service", func(b *contractBed) { two(b) }, func(b *contractBed) cost { return b.apply(remove(model.KindService, "two")) }, create},
		{"a service gets a node port", func(b *contractBed) { b.apply(service("two", 2)) }, two,
			func(b *contractBed, _ int) bounds {
				return bounds{2*perNodePort*b.nodes + groups, b.nodes, 3 * b.nodes}
			}},
		{"the external traffic policy becomes Local", nil, func(b *contractBed) cost { return b.apply(entered("one", 1, model.TrafficLocal)) },
			func(b *contractBed, f int) bounds { return bounds{4*b.nodes + groups + 2*f, b.nodes, 3 * b.nodes} }},
		{"a service gets a health port", local, func(b *contractBed) cost {
			op := entered("one", 1, model.TrafficLocal)
			spec := op.Spec.(model.ServiceSpec)
			spec.HealthCheckNodePort = model.NodePort{Number: 30999}
			op.Spec = spec
			return b.apply(op)
		}, func(b *contractBed, f int) bounds { return bounds{2 * perHealthPort * b.nodes, b.nodes, 3 * b.nodes} }},
		{"the first service with a node port", func(b *contractBed) { b.apply(service("one", 1)) }, func(b *contractBed) cost { return b.apply(entered("one", 1, "")) },
			func(b *contractBed, f int) bounds {
				return bounds{b.nodes*perEntryNode(f) + b.relevant*(b.nodes-1)*perWayIn(f) + b.takesPart(f), b.nodes, any}
			}},
		{"a node without ports loses its uplink", nil, func(b *contractBed) cost { return b.uplink(b.nodes, 9, 0) },
			func(b *contractBed, f int) bounds {
				return bounds{perEntryNode(f) + b.relevant*perWayIn(f) + b.takesPart(f), b.nodes, any}
			}},
		{"a node with ports gets its uplink", func(b *contractBed) { b.uplink(1, 9, 0) }, func(b *contractBed) cost { return b.uplink(1, 0, 9) },
			func(b *contractBed, f int) bounds {
				return bounds{perEntryNode(f) + (b.relevant-1)*perWayIn(f), b.relevant, any}
			}},
		{"labels of a node", nil, func(b *contractBed) cost {
			op := nodeOp(1, 0)
			op.Labels = map[string]string{"rack": "a"}
			return b.apply(op)
		}, func(*contractBed, int) bounds { return bounds{0, 0, 1} }},
	}
}
