package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableReturn finds the router that packets from the node's kernel are for, and translates
// their destination back to the port's address.
const TableReturn openflow.TableID = 5

// TableReturned admits packets only of connections that ports began.
const TableReturned openflow.TableID = 6

func returnStage() stage {
	return stage{
		Table:  Table{TableReturn, "return", "from the node's kernel: of which router? Translated back", "nw_dst", "returned, with the connection's state; the node itself: node-port"},
		entry:  (*Compiler).bridgedNode,
		node:   (*Compiler).returnEntered,
		router: (*Compiler).returnRouter,
	}
}

func returnedStage() stage {
	return stage{
		Table: Table{TableReturned, "returned", "from outside: does it belong to what a port began?", "ct_state", "route; else drop"},
		entry: (*Compiler).uplinkedNode,
		node:  (*Compiler).returnedNode,

		router: (*Compiler).returnedNames,
	}
}

func (c *Compiler) returnRouter(e *egress) {
	e.each(func(f topology.Family, a netip.Addr) {
		c.match = toPrefix(c.match[:0], host(a))
		c.actions = c.actions[:0].
			SetReg(regRouter, e.router.ID).
			CT(openflow.CT{Zone: uint16(e.zone), NAT: &openflow.NAT{}, Table: TableReturned})
		c.instr = c.instr[:0].ApplyActions(c.actions)
		c.emit(prioNormal, rules{"translates what comes back to the router to the port's address", "translates IPv6 that comes back to the router to the port's address"}[f])
	})
}

// returnedNode clears the connection state, so that policies look up the connection between
// the untranslated addresses.
func (c *Compiler) returnedNode() {
	if !c.uplinkedNode() {
		return
	}
	c.actions = c.actions[:0].CTClear().SetReg(regFlags, flagReturned)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableRoute))
	c.match = c.match[:0].CTState(replied, replied|openflow.CTStateInvalid)
	c.emit(prioReply, "lets in replies to packets that ports sent")
	c.match = c.match[:0].CTState(related, related|openflow.CTStateInvalid)
	c.emit(prioRelated, "lets in errors about packets that ports sent")
}

// classifyUplink accepts packets from the node's kernel that are for a router, and drops
// the others: a kernel sends router solicitations and group reports on every interface.
func (c *Compiler) classifyUplink(in openflow.PortNo) {
	for _, f := range model.Families() {
		c.match = c.match[:0].InPort(in).EthSrc(model.UplinkKernelMAC()).EthDst(model.UplinkSwitchMAC()).EthType(ethTypes[f]).VLANUntagged()
		c.instr = c.instr[:0].GotoTable(c.next(TableReturn))
		c.emit(prioNormal, rules{"takes IP packets from the node's kernel", "takes IPv6 packets from the node's kernel"}[f])
	}
	c.match = c.match[:0].InPort(in)
	c.instr = c.instr[:0]
	c.emit(prioUnaccepted, "drops packets from the node's kernel that are for no router")
}
