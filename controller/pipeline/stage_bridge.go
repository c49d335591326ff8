package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableBridge separates packets to the gateway from those that stay within their layer-2
// domain.
const TableBridge openflow.TableID = 40

func bridgeStage() stage {
	return stage{
		Table:   Table{TableBridge, "bridge", "addressed to the gateway?", "network, dl_dst", "route, else forward"},
		node:    (*Compiler).bridgeToForward,
		network: (*Compiler).bridgeNetwork,
		block:   (*Compiler).bridgeBlock,
	}
}

func (c *Compiler) bridgeNetwork(n *topology.Network) {
	if n.Spec.Mode == topology.Stretched && c.routed && c.local {
		for _, f := range familiesOf(n) {
			c.bridgeToGateway(n, f, n.GatewayMAC, c.domain)
		}
	}
}

func (c *Compiler) bridgeBlock(b *topology.Block) {
	if b.Node == c.node && c.local {
		for f := range b.Ranges() {
			c.bridgeToGateway(c.network, f, b.GatewayMAC, c.domain)
		}
	}
}

// bridgeToGateway sends packets to the gateway's MAC to the router.
func (c *Compiler) bridgeToGateway(n *topology.Network, f topology.Family, mac topology.MAC, domain uint32) {
	c.match = c.match[:0].EthDst(mac).EthType(ethTypes[f]).Metadata(metadata(n))
	c.actions = c.actions[:0].SetReg(regRouter, domain)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableRoute))
	c.emit(prioNormal, rules{"sends packets that are addressed to the gateway to the router", "sends IPv6 packets that are addressed to the gateway to the router"}[f])
}

// bridgeToForward keeps all other packets within the layer-2 domain.
func (c *Compiler) bridgeToForward() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableForward))
	c.emit(prioDefault, "keeps packets that are not for the gateway within their network")
}
