package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableClient sends the packets of ports that may use services through the connection
// tracker.
const TableClient openflow.TableID = 14

func clientStage() stage {
	return stage{
		Table:   Table{TableClient, "client", "from a port that may use services: which connection is it of?", "network", "connection, with the connection's state"},
		network: (*Compiler).clientNetwork,
	}
}

func (c *Compiler) clientNetwork(n *topology.Network) {
	if !c.local || c.serves == 0 {
		return
	}
	for _, f := range familiesOf(n) {
		c.match = c.match[:0].EthType(ethTypes[f]).Metadata(metadata(n))
		c.actions = c.actions[:0].
			SetReg(regRouter, c.domain).
			SetReg(regServiceZone, uint32(c.serves)).
			CT(openflow.CT{Zone: uint16(c.serves), Table: TableConnection})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"looks up the connection of packets from a port that may use services", "looks up the connection of IPv6 packets from a port that may use services"}[f])
	}
}
