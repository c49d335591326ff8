package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableForeign counts, for all ports together, the IPv6 packets that ports sent from
// addresses they do not have.
const TableForeign openflow.TableID = 97

func foreignStage() stage {
	return stage{
		Table: Table{TableForeign, "foreign", "counts IPv6 packets that ports may not send", "–", "drop"},
		node:  (*Compiler).foreignNode,
	}
}

// foreignNode serves the same purpose as classifyNone: its counter says whether those of
// ports need to be read.
func (c *Compiler) foreignNode() {
	if c.view != nil && !c.view.CarriesIPv6(c.node) {
		return
	}
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(c.next(TableDrop))
	c.emit(prioDefault, "counts IPv6 packets from other addresses than their port's")
}
