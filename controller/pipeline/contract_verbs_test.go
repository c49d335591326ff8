package pipeline_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// bounds are the upper bounds of a change, with the names of docs/cost.md: R is
// how many nodes the network is relevant to, P how many ports it has, k 1 where
// it is routed and 0 elsewhere.
type bounds struct{ flowMods, nodes, units int }

// sourceChange is how many flow-mods it takes at most, on one node, to admit one address
// more or fewer: a prefix of 24 bits is split into its parts down to 32 bits.
const sourceChange = 9

// verb is one thing that a user, or a switch, can do.
type verb struct {
	name    string
	prepare func(*contractBed)
	do      func(*contractBed) cost
	bounds  func(R, P, N, k int) bounds
}

// TestContract holds each verb to its formula in docs/cost.md, in a small topology and in
// one four times as large: no more flow-mods, nodes, units or bytes. Networks with IPv6
// have the same variables and other constants: at most three times as many flow-mods, and
// those that a node with ports of them has.
func TestContract(t *testing.T) {
	type size struct{ nodes, ports int }
	for _, families := range [][]topology.Family{{topology.IPv4}, {topology.IPv6}, {topology.IPv4, topology.IPv6}} {
		sizes := []size{{6, 20}, {6, 80}, {24, 80}}
		if slices.Contains(families, topology.IPv6) {
			sizes = []size{{6, 20}, {24, 80}} // the units are the same
		}
		for _, mode := range []topology.Mode{topology.Stretched, topology.Segmented} {
			for _, routed := range []bool{false, true} {
				for _, size := range sizes {
					bed := newContractBed(t, families, mode, routed, size.nodes, size.ports)
					for _, v := range verbs(mode) {
						t.Run(fmt.Sprintf("%v/%s/routed=%v/%s/%dx%d", families, mode, routed, v.name, size.nodes, size.ports), func(t *testing.T) {
							v.holds(t, bed.copy(t), routed || mode == topology.Segmented)
						})
					}
				}
			}
		}
	}
}

// holds carries out the verb and compares its cost with its bounds.
func (v verb) holds(t *testing.T, b *contractBed, routed bool) {
	if v.prepare != nil {
		v.prepare(b)
	}
	got, want := v.do(b), v.bounds(b.relevant, b.ports, b.nodes, btoi(routed))
	longest, own := longestAddition, perNode
	if b.hasIPv6() {
		// The node itself has flows for IPv6 while it has ports with it.
		want.flowMods = 3*want.flowMods + perNodeIPv6*want.nodes
		want.units += want.nodes
		longest, own = longestAdditionIPv6, perNode+perNodeIPv6
	}
	if got.flowMods > want.flowMods || got.nodes > want.nodes || got.units > want.units {
		t.Errorf("%d flow-mods to %d nodes, %d units; want at most %+v", got.flowMods, got.nodes, got.units, want)
	}
	if got.marks > 2*want.units {
		t.Errorf("%d marks for %d units, want at most %d", got.marks, got.units, 2*want.units)
	}
	// compiled counts before and after. No unit has more flows than a node's own or, for
	// sources, than there are nodes in that part of the underlay.
	if most := 2 * (own*got.units + b.relevant); got.compiled > most {
		t.Errorf("%d flows compiled for %d units, want at most %d", got.compiled, got.units, most)
	}
	if most := got.flowMods*(longest+bundleHeader) + got.nodes*bundleRequests; got.bytes > most {
		t.Errorf("%d bytes, want at most %d", got.bytes, most)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func verbs(mode topology.Mode) []verb {
	all := []verb{
		{"create node", nil, func(b *contractBed) cost { return b.apply(nodeOp(b.nodes+1, 0)) },
			func(R, P, N, k int) bounds { return bounds{perNode - 2 + R, 1 + R, 1 + R} }},
		{"delete node",
			func(b *contractBed) { b.apply(nodeOp(b.nodes+1, 0)) },
			func(b *contractBed) cost { return b.apply(remove(topology.KindNode, name(b.nodes+1))) },
			func(R, P, N, k int) bounds { return bounds{perNode - 2 + R, 1 + R, 1 + R} }},
		{"label node", nil,
			func(b *contractBed) cost {
				op := nodeOp(1, 0)
				op.Labels = map[string]string{"a": "b"}
				return b.apply(op)
			},
			func(R, P, N, k int) bounds { return bounds{0, 0, 1} }},
		{"set tunnel address", nil, func(b *contractBed) cost { return b.apply(nodeOp(1, 1)) },
			func(R, P, N, k int) bounds {
				here := (P + R - 1) / R
				// One flow for each of the node's ports, or for its block, on each other
				// node; the port of the unrelated network too.
				// On every node, two parts of the sources and the exemption of the node,
				// which is not known to send from the new address.
				sources := (2*sourceChange + 1) * (R + N)
				if mode == topology.Segmented {
					return bounds{R + N - 1 + sources, N, R + N + 1 + 3*(R+N)}
				}
				return bounds{here*R + N - 1 + sources, N, here*R + N + 1 + 3*(R+N)}
			}},
		{"set tunnel address of the other family", nil,
			func(b *contractBed) cost {
				a := netip.AddrFrom16([16]byte{0xfd, 15: 1})
				return b.apply(put(topology.KindNode, name(1), topology.NodeSpec{TunnelIP: a}))
			},
			func(R, P, N, k int) bounds {
				here := (P + R - 1) / R
				sources := (2*sourceChange + 1) * (R + N)
				// The unrelated network, with a port on each node, on the others and here.
				other := 2*(N-1) + 2*(N-1)
				units := 2*N + 5 + 3*(R+N)
				if mode == topology.Segmented {
					return bounds{R + N - 1 + other + sources, N, R + N + here + units}
				}
				return bounds{(2+k)*(here*R+P) + other + sources, N, here*R + P + units}
			}},
		{"tunnel port sends from another address", nil,
			func(b *contractBed) cost {
				return b.step(pipeline.Update{Locals: []pipeline.LocalChange{{Node: name(1)}}})
			},
			// In each of its networks, on each other node.
			func(R, P, N, k int) bounds { return bounds{R - 1 + N - 1, N - 1, R + N} }},
		{"create network", nil,
			func(b *contractBed) cost {
				return b.apply(b.networkOp("new", mode, 300, 11))
			},
			func(R, P, N, k int) bounds { return bounds{} }},
		{"delete network",
			func(b *contractBed) { b.apply(b.networkOp("new", mode, 300, 11)) },
			func(b *contractBed) cost { return b.apply(remove(topology.KindNetwork, "new")) },
			func(R, P, N, k int) bounds { return bounds{} }},
		{"set MTU of network", nil,
			func(b *contractBed) cost {
				op := b.networkOp("net", mode, 100, 10)
				spec := op.Spec.(topology.NetworkSpec)
				spec.MTU = 1400
				op.Spec = spec
				return b.apply(op)
			},
			func(R, P, N, k int) bounds { return bounds{} }},
		{"set gateway MAC of network", nil,
			func(b *contractBed) cost {
				op := b.networkOp("net", mode, 100, 10)
				spec := op.Spec.(topology.NetworkSpec)
				spec.GatewayMAC = topology.MAC{2, 0, 0, 0, 0, 1}
				op.Spec = spec
				return b.apply(op)
			},
			func(R, P, N, k int) bounds {
				return bounds{2 * R * (2 + 3 + P), R, 2 * R * unitsOfNetwork(mode, P, N, R)}
			}},
		{"set MAC of port", nil,
			func(b *contractBed) cost {
				op := portOp("p1", "net", 1)
				spec := op.Spec.(topology.PortSpec)
				spec.MAC = topology.MAC{2, 0, 0, 0, 0, 1}
				op.Spec = spec
				return b.apply(op)
			},
			func(R, P, N, k int) bounds {
				b := portBounds(mode, 1)(R, P, N, k)
				return bounds{2 * b.flowMods, b.nodes, b.units}
			}},
		{"create port", nil, func(b *contractBed) cost { return b.apply(portOp("new", "net", 1)) },
			portBounds(mode, 0)},
		{"delete port that is not bound",
			func(b *contractBed) { b.apply(portOp("new", "net", 1)) },
			func(b *contractBed) cost { return b.apply(remove(topology.KindPort, "new")) },
			portBounds(mode, 0)},
		{"label port", nil,
			func(b *contractBed) cost {
				op := portOp("p1", "net", 1)
				op.Labels = map[string]string{"a": "b"}
				return b.apply(op)
			},
			func(R, P, N, k int) bounds { return bounds{0, 0, 1} }},
		{"bind port",
			func(b *contractBed) { b.apply(portOp("new", "net", 1)) },
			func(b *contractBed) cost { return b.bind("new", 1) },
			func(R, P, N, k int) bounds { return bounds{perLocalPort + k, 1, 1} }},
		{"unbind port",
			func(b *contractBed) { b.apply(portOp("new", "net", 1)); b.bind("new", 1) },
			func(b *contractBed) cost { return b.bind("new", 0) },
			func(R, P, N, k int) bounds { return bounds{perLocalPort + k, 1, 1} }},
		{"delete port that is bound",
			func(b *contractBed) { b.apply(portOp("new", "net", 1)); b.bind("new", 1) },
			func(b *contractBed) cost { return b.apply(remove(topology.KindPort, "new")) },
			portBounds(mode, 1)},
		{"first port of a node", nil, func(b *contractBed) cost { return b.apply(portOp("new", "net", b.nodes)) },
			func(R, P, N, k int) bounds {
				// One source on each other node, all sources on this one.
				sources := sourceChange*R + R + 1
				if mode == topology.Segmented {
					return bounds{perSegmented + perUnplugged + N - 1 + sources, R + 1, N + 3 + R + 2}
				}
				return bounds{(2+k)*(P+1+R) + 2 + 5*k + sources, R + 1, P + 4 + R + R + 2}
			}},
		{"last port of a node",
			func(b *contractBed) { b.apply(portOp("new", "net", b.nodes)) },
			func(b *contractBed) cost { return b.apply(remove(topology.KindPort, "new")) },
			func(R, P, N, k int) bounds {
				// One source on each other node, all sources on this one.
				sources := sourceChange*R + R + 1
				if mode == topology.Segmented {
					return bounds{perSegmented + perUnplugged + N - 1 + sources, R + 1, N + 3 + R + 2}
				}
				return bounds{(2+k)*(P+1+R) + 2 + 5*k + sources, R + 1, P + 4 + R + R + 2}
			}},
		{"apply 10 ports", nil,
			func(b *contractBed) cost {
				var ops []topology.Op
				for i := range 10 {
					ops = append(ops, portOp(fmt.Sprintf("new%d", i), "net", 1+i%2))
				}
				return b.apply(ops...)
			},
			func(R, P, N, k int) bounds {
				one := portBounds(mode, 0)(R, P, N, k)
				return bounds{10 * one.flowMods, max(2*one.nodes, R), 10 * one.units}
			}},
		{"create router", nil,
			func(b *contractBed) cost {
				if _, ok := b.view.Topo.RouterOf("net"); ok {
					b.apply(remove(topology.KindRouter, "r"))
				}
				return b.apply(put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net"}}))
			},
			func(R, P, N, k int) bounds {
				return bounds{R * routerFlows(mode, P, N, R), R, 2 * R * unitsOfNetwork(mode, P, N, R)}
			}},
		{"delete router",
			func(b *contractBed) {
				b.apply(put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"net"}}))
			},
			func(b *contractBed) cost { return b.apply(remove(topology.KindRouter, "r")) },
			func(R, P, N, k int) bounds {
				return bounds{R * routerFlows(mode, P, N, R), R, 2 * R * unitsOfNetwork(mode, P, N, R)}
			}},
	}
	if mode == topology.Stretched {
		all = append(all,
			verb{"bind port that may move",
				func(b *contractBed) { b.apply(portOp("new", "net", 0)) },
				func(b *contractBed) cost { return b.bind("new", 1) },
				portBounds(mode, 1)},
			verb{"move port",
				func(b *contractBed) { b.apply(portOp("new", "net", 0)); b.bind("new", 1) },
				func(b *contractBed) cost { return b.bind("new", 2) },
				// The flows of what it may send, on either node; ARP and forwarding differ
				// on both nodes, and one flow on each other node.
				func(R, P, N, k int) bounds { return bounds{2*perLocalPort + R - 2, R, R} }},
		)
	}
	return all
}

// portBounds are those of a port that is added or removed where the network has ports
// already; bound is 1 if its interface is there, 0 if it is missing on the node that the
// port is pinned to.
func portBounds(mode topology.Mode, bound int) func(R, P, N, k int) bounds {
	return func(R, P, N, k int) bounds {
		here := perUnplugged
		if bound > 0 {
			here = perLocalPort + k
		}
		if mode == topology.Segmented {
			return bounds{here, 1, 1}
		}
		return bounds{here + (2+k)*(R-1), R, R}
	}
}

// unitsOfNetwork is how many units of a network a node has.
func unitsOfNetwork(mode topology.Mode, P, N, R int) int {
	if mode == topology.Segmented {
		return 1 + 2 + N + (P+R-1)/R
	}
	return 1 + 2 + P
}

// routerFlows is how many flow-mods it takes on one node to route a network, or
// no longer: in a stretched one the gateway and a neighbour for each port, in a
// segmented one the routing domain of all of its routes; in both that of all
// sources.
func routerFlows(mode topology.Mode, P, N, R int) int {
	sources := 2 * R
	if mode == topology.Segmented {
		return 1 + 2*N + sources
	}
	return 5 + 1 + P + sources
}
