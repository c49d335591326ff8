package pipeline

import (
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// BackendCounter is a flow of a node that counts the connections which ports there begin to
// a backend of a service.
type BackendCounter struct {
	Cookie openflow.Cookie
	Table  openflow.TableID
	// Backend is the name of the port.
	Backend string
}

// NodesOfService returns the nodes with ports that may use a service, by name.
func (v *View) NodesOfService(o *topology.Service) []string {
	return slices.Sorted(v.nodesServing(o))
}

// BackendCounters returns the flows of a node that count connections to the backends of a
// service. Other services that reach a backend by the same port share them.
func (v *View) BackendCounters(node string, o *topology.Service) (all []BackendCounter) {
	var c Compiler
	var set ItemSet
	for b := range v.Topo.Backends(o) {
		seen := map[Unit]bool{} // several ports of the service may lead to one
		for u := range backendUnits(o, b) {
			if seen[u.Unit] {
				continue
			}
			seen[u.Unit] = true
			set.Reset()
			c.Compile(&set, v, node, u.Unit)
			for _, i := range set.Items() {
				if i.Kind() == ItemFlow && i.Table() == TableEndpoint {
					all = append(all, BackendCounter{i.Cookie(), i.Table(), b.Name})
				}
			}
		}
	}
	return all
}
