package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableFlood limits what a port sends to all ports of its network.
const TableFlood openflow.TableID = 136

// floodMeters are behind the meters that a node has once, with room for more of these. Versions of Open vSwitch that
// take no number above that of the meters they have room for, which is 200,000 with the kernel, take those
// of the first 3,000 ports.
const floodMeters = errorMeter + 256

func floodStage() stage {
	return stage{
		Table:   Table{TableFlood, "flood", "to all of a network: how many packets a port sends in a second", "in_port; network", "within the port's limit: forward of each port; remote nodes: tunnel"},
		network: (*Compiler).floodNetwork,
		port:    (*Compiler).floodPort,
		groups:  true,
	}
}

// toAll completes a flow of packets that go to all of a network: by the limit of who sends them, or at
// once to the group if there is none.
func (c *Compiler) toAll(n *topology.Network, id uint32) {
	if _, _, ok := n.Spec.Floods(); !ok {
		c.toGroup(id)
		return
	}
	c.instr = c.instr[:0].GotoTable(c.next(TableFlood))
}

// floodNetwork passes what other nodes have limited, and what the node itself sends by host access.
func (c *Compiler) floodNetwork(n *topology.Network) {
	if _, _, ok := n.Spec.Floods(); !ok || !c.local {
		return
	}
	c.match = c.match[:0].Metadata(metadata(n))
	c.toGroup(groupMembers | uint32(n.VNI))
	c.emit(prioRemote, "sends to all of the network what no port here sends: other nodes have limited it")
}

// floodPort has a meter for each port, so that one that floods loses its own packets only.
func (c *Compiler) floodPort(*topology.Port) {
	rate, burst, ok := c.network.Spec.Floods()
	in := c.place.number
	if !ok || in == 0 {
		return
	}
	meter := floodMeters + uint32(in)
	c.emitMeter(openflow.Meter{
		ID: meter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(uint32(rate), uint32(burst)),
	}, "limits what the port sends to all of the network")
	c.match = c.match[:0].InPort(in)
	c.actions = c.actions[:0].Group(groupMembers | uint32(c.network.VNI))
	c.instr = c.instr[:0].Meter(meter).ApplyActions(c.actions)
	c.emit(prioNormal, "sends to all of the network what the port sends, as far as its limit allows")
}

// FloodMeter returns the port of a node whose packets to all of its network a meter limits; ok is false if the
// meter is another one.
func FloodMeter(id uint32) (in openflow.PortNo, ok bool) {
	return openflow.PortNo(id - floodMeters), id > floodMeters && id < floodMeters+1<<16
}

// FloodQuiet returns how many packets all ports of a node may send to all of their networks between two readings
// of counters while certainly none of them is beyond its limit: half of what the strictest limit allows
// in a second and at once. ok is false if the node limits no port.
//
// A meter drops nothing while a port sends, since the meter was last full, at most a burst and what the rate
// allows. Counters are read at intervals, and this time may begin and end within one. So each interval may
// have half of both at most.
func (v *View) FloodQuiet(node string) (packets uint64, ok bool) {
	for name := range seconds(v.byNode, node) {
		n, found := v.Topo.Network(name)
		if !found {
			continue
		}
		if rate, burst, limited := n.Spec.Floods(); limited {
			if least := uint64(min(rate, burst) / 2); !ok || least < packets {
				packets, ok = least, true
			}
		}
	}
	return packets, ok
}
