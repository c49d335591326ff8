package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableNeighbour gives a routed packet its new Ethernet addresses.
const TableNeighbour openflow.TableID = 70

func neighbourStage() stage {
	return stage{
		Table: Table{TableNeighbour, "neighbour", "address → Ethernet addresses", "network, nw_dst", "forward; no neighbour: controller, at a bounded rate"},
		node:  (*Compiler).neighbourNode,
		port:  (*Compiler).neighbourPort,

		static: (*Compiler).neighbourStatic,
	}
}

func (c *Compiler) neighbourPort(p *topology.Port) {
	if !c.routed || c.place.number == 0 && !c.place.vtep.IsValid() {
		return
	}
	mac := c.network.GatewayMAC
	if b, ok := c.view.Topo.Block(c.network.Name, c.node); ok {
		mac = b.GatewayMAC
	}
	for _, ip := range p.Addresses {
		c.neighbour(c.network, p, ip, mac)
	}
	c.neighbourFurther(p, mac)
}

// neighbour gives a routed packet the Ethernet addresses of its last hop.
func (c *Compiler) neighbour(n *topology.Network, p *topology.Port, ip netip.Addr, gatewayMAC topology.MAC) {
	c.match = toPrefix(c.match[:0], host(ip)).Metadata(metadata(n))
	c.actions = c.actions[:0].SetEthSrc(gatewayMAC).SetEthDst(p.MAC)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableForward))
	c.emit(prioNormal, rules{"addresses routed packets to the port", "addresses routed IPv6 packets to the port"}[model.FamilyOf(ip)])
}
