package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// bridgeFacts is what OVSDB says of a bridge beside who claims which port. The
// dispatcher owns it.
type bridgeFacts struct {
	bridge ovsdb.Bridge
	ifaces []*ovsdb.Interface // sorted by name
}

// factsOf returns what OVSDB says of a bridge, to be filled in.
func (d *dispatcher) factsOf(id topology.DatapathID) *bridgeFacts {
	f, ok := d.facts[id]
	if !ok {
		f = &bridgeFacts{}
		d.facts[id] = f
	}
	return f
}

// bridgeTold: OVSDB says what a bridge is set to.
type bridgeTold struct {
	dpid   topology.DatapathID
	bridge ovsdb.Bridge
}

func (e bridgeTold) happen(d *dispatcher) {
	d.factsOf(e.dpid).bridge = e.bridge
	if n := d.nodeOf(e.dpid); n != nil {
		d.f.board.update(n.name, func(s *NodeStatus) { s.bridge = d.bridgeOf(n) })
	}
}

// bridgeOf returns what a node's bridge is set to, nil while it is not known or
// somebody says it who may not speak for the node.
func (d *dispatcher) bridgeOf(n *node) *ovsdb.Bridge {
	f, ok := d.facts[n.dpid]
	if !ok || !d.hears(n.dpid, n) {
		return nil
	}
	b := f.bridge
	return &b
}

// BridgeChanged is part of ovsdb.Handler: what a bridge is set to.
func (f *Fabric) BridgeChanged(datapathID uint64, b ovsdb.Bridge) {
	f.tell(bridgeTold{topology.DatapathID(datapathID), b})
}
