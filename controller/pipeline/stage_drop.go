package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableDrop counts the packets that ports sent and may not send, by port.
const TableDrop openflow.TableID = 98

func dropStage() stage {
	return stage{
		Table: Table{TableDrop, "drop", "counts packets that ports may not send", "in_port", "–"},
		port:  (*Compiler).dropPort,
	}
}

func (c *Compiler) dropPort(*topology.Port) {
	if in := c.place.number; in != 0 {
		c.dropFrom(in)
	}
}

// dropFrom counts the packets that the port sent and may not send.
func (c *Compiler) dropFrom(in openflow.PortNo) {
	c.match = c.match[:0].InPort(in)
	c.instr = c.instr[:0]
	c.emit(prioNormal, "counts packets that the port sent from other addresses than its own")
}
