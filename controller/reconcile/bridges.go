package reconcile

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// updateBridge updates the facts of a node's bridge on the board.
func (d *dispatcher) updateBridge(n *node) {
	d.configure(n)
	now := d.f.facts.Node(n.dpid, n.name, d.view.Tunnel(n.name), d.acceptsOVSDB(n.dpid, n), d.sameMachine(n))
	d.underlayReported(n.name, now.Underlay)
	var port *string
	if now.Tunnel != nil && now.Tunnel.Error == "" {
		port = &now.Tunnel.DstPort
	}
	common := d.commonDstPort()
	d.countDstPort(n.dstPort, -1)
	d.countDstPort(port, +1)
	n.dstPort = port
	d.f.board.UpdateBridge(n.name, now, d.commonDstPort())
	d.updateOthers(common, n)
}

// updateOthers updates all nodes but one if the UDP port that most nodes use is no longer the
// given one.
func (d *dispatcher) updateOthers(before string, but *node) {
	if d.commonDstPort() == before {
		return
	}
	for _, n := range d.nodes {
		if n != but {
			d.updateBridge(n)
		}
	}
}

func (d *dispatcher) countDstPort(port *string, by int) {
	if port == nil {
		return
	}
	if d.dstPorts[*port] += by; d.dstPorts[*port] == 0 {
		delete(d.dstPorts, *port)
	}
}

// commonDstPort returns the UDP port that most nodes' tunnels use, "" for VXLAN's own. Of
// several that are equally common it returns the first in text order.
func (d *dispatcher) commonDstPort() (common string) {
	for _, port := range slices.Sorted(maps.Keys(d.dstPorts)) {
		if d.dstPorts[port] > d.dstPorts[common] {
			common = port
		}
	}
	return common
}

// bridgeReported: OVSDB has reported the settings of a bridge.
type bridgeReported struct {
	dpid   topology.DatapathID
	bridge ovsdb.Bridge
}

func (e bridgeReported) happen(d *dispatcher) {
	d.f.facts.UpdateBridge(e.dpid, e.bridge)
	if n := d.nodeOf(e.dpid); n != nil {
		d.updateBridge(n)
	}
}

// BridgeChanged implements ovsdb.Handler: the settings of a bridge have changed.
func (f *Fabric) BridgeChanged(datapathID uint64, b ovsdb.Bridge) {
	f.post(bridgeReported{topology.DatapathID(datapathID), b})
}
