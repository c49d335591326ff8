package pipeline

import (
	"math/bits"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TableForward sends a packet to the port or node that has the destination MAC.
const TableForward openflow.TableID = 80

func forwardStage() stage {
	return stage{
		Table: Table{TableForward, "forward", "Ethernet address → port or remote node", "network, dl_dst; copy for a port", "output; remote port: tunnel; to groups: multicast"},
		port:  (*Compiler).forwardPort,

		network: (*Compiler).forwardMulticast,

		static: (*Compiler).forwardStatic,
	}
}

func (c *Compiler) forwardPort(p *topology.Port) {
	for _, mac := range append([]topology.MAC{p.MAC}, p.Spec.MACs()...) {
		switch {
		case c.place.number != 0:
			c.forwardLocal(c.network, mac, c.place.number)
		case c.place.vtep.IsValid():
			c.forwardRemote(c.network, mac, c.place.vtep)
		}
	}
	if c.place.number != 0 {
		c.forwardCopy(c.network, c.place.number)
	}
}

// forwardLocal sends to the port's interface.
func (c *Compiler) forwardLocal(n *topology.Network, mac topology.MAC, out openflow.PortNo) {
	c.match = c.match[:0].EthDst(mac).Metadata(metadata(n))
	c.forwardTo(out, "")
}

// forwardTo sends what is matched to the port's interface. what says which packets these are, if not
// all that are for the port.
func (c *Compiler) forwardTo(out openflow.PortNo, what Rule) {
	if c.place.judged {
		c.forwardJudged(out, what)
		return
	}
	if c.serves != 0 {
		c.actions = c.forClient(c.actions[:0].SetReg(regOutPort, uint32(out)))
		c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(TableDeliver)
		c.emit(prioNormal, what+"delivers to the port, which may use services")
		return
	}
	c.actions = c.actions[:0].Output(out)
	c.instr = c.instr[:0].ApplyActions(c.actions)
	c.emit(prioNormal, what+"delivers to the port's interface")
}

// forClient appends, if ports of the network may use services, the zone in which the
// connections that these ports began are found.
func (c *Compiler) forClient(a openflow.Actions) openflow.Actions {
	if c.serves == 0 {
		return a
	}
	return a.SetReg(regServiceZone, uint32(c.serves)).Load(openflow.FieldReg(regFlags), bits.TrailingZeros32(flagClient), 1, 1)
}

// forwardJudged sends packets for the port to the policies first.
func (c *Compiler) forwardJudged(out openflow.PortNo, what Rule) {
	c.actions = c.forClient(c.actions[:0].SetReg(regDestination, c.place.identity).SetReg(regOutPort, uint32(out)))
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableReceive))
	why := Rule("has policies judge packets for the port")
	if c.serves != 0 {
		why = "has policies judge packets for the port, which may use services"
	}
	c.emit(prioNormal, what+why)
}

// forwardRemote sends to the node that has the port. A packet from the tunnel is not sent
// back into it: a switch does not send a packet out of its own port (OpenFlow 1.3.5,
// 7.2.5).
func (c *Compiler) forwardRemote(n *topology.Network, mac topology.MAC, vtep netip.Addr) {
	c.match = c.match[:0].EthDst(mac).Metadata(metadata(n))
	c.actions = c.actions[:0].SetTunnelDst(vtep)
	c.instr = c.instr[:0].ApplyActions(c.actions).GotoTable(c.next(TableTunnel))
	c.emit(prioNormal, rules{"sends to the node that has the port", "sends to the node that has the port, over IPv6"}[model.FamilyOf(vtep)])
}
