package pipeline

import (
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/topology"
)

// ZonesOn returns the connection tracker's zones that a node uses for routing domains, sorted, and
// how many domains those are of.
func (v *View) ZonesOn(node string) (zones []topology.Zone, domains int) {
	all, of := map[topology.Zone]bool{}, map[domain]bool{}
	for network := range v.NetworksOn(node) {
		d := v.domainOf(network)
		n, policed := v.Topo.Numbering(d)
		if policed {
			all[n.Zone], all[n.Egress], of[d] = true, true, true
		}
		if z, ok := v.servicesZone(network); ok {
			all[z], of[d] = true, true
		}
	}
	delete(all, 0) // of numberings without that zone
	return slices.Sorted(maps.Keys(all)), len(of)
}
