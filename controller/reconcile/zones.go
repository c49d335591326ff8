package reconcile

import (
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
)

// zoneLimits returns how many connections a node may track in each zone, by zone. It returns nil if
// limits are to be left as they are: the node's Open vSwitch knows none, or the bridge is not
// marked as the node's.
func (d *dispatcher) zoneLimits(n *node) map[uint16]uint32 {
	zones, domains := d.view.ZonesOn(n.name)
	if d.f.cfg.MaxConnections == 0 {
		domains = 0
	}
	lacks := n.peer != nil && worker.OlderThan(n.peer.sess.Desc().Software, limitsZones)
	if n.domains != domains || n.noLimits != lacks {
		n.domains, n.noLimits = domains, lacks
		d.f.board.Update(n.name, func(s *status.Node) { s.SharingDomains, s.NoZoneLimits = domains, lacks })
	}
	if lacks || d.f.facts.JoinedNode(n.dpid) != n.name {
		return nil
	}
	limits := map[uint16]uint32{}
	if d.f.cfg.MaxConnections > 0 {
		for _, z := range zones {
			limits[uint16(z)] = d.f.cfg.MaxConnections
		}
	}
	return limits
}

// limitsZones is for worker.OlderThan: Open vSwitch 3.3.0 is the first that takes limits of zones
// from its database (its NEWS, "ovs-vsctl: set-zone-limit").
func limitsZones(major, minor int) (patch int, known bool) {
	return 1 << 30, major < 3 || major == 3 && minor < 3
}

// zonesText is equal for equal limits.
func zonesText(limits map[uint16]uint32) string {
	if limits == nil {
		return ""
	}
	return fmt.Sprint(limits) // sorted by key
}

// zonesMarked sets the limits of nodes whose zones may have changed: with them, units of networks do.
func (d *dispatcher) zonesMarked(m *marking) {
	for name, k := range m.nodes {
		n := d.nodes[name]
		if n == nil || n.peer == nil {
			continue
		}
		if k.wide || slices.ContainsFunc(k.units, func(u pipeline.Unit) bool { return u.Kind == pipeline.UnitNetwork }) {
			d.configure(n)
		}
	}
}
