package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableReceive sends packets for a port that policies judge through the connection tracker,
// unless they passed it where they were sent.
const TableReceive openflow.TableID = 81

func receiveStage() stage {
	return stage{
		Table:   Table{TableReceive, "receive", "for a port that policies judge: which connection is it of?", "network, nw_src, nw_dst, not tracked yet", "inbound, with the connection's state"},
		node:    (*Compiler).receiveNode,
		network: (*Compiler).receiveNetwork,
	}
}

func (c *Compiler) receiveNode() {
	if !c.view.PolicedNode(c.node) {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableInbound))
	c.emit(prioDefault, "the connection is known already")
}

func (c *Compiler) receiveNetwork(n *topology.Network) {
	if c.local {
		c.track(n, TableInbound, func(m openflow.Match) openflow.Match { return m.CTState(0, openflow.CTStateTracked) }, "of what is for a port: ")
	}
}
