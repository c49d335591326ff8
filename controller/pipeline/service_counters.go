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
	return slices.Sorted(v.nodesUsing(o))
}

// BackendCounters returns the flows of a node that count connections to the backends of a
// service. Other services that reach a backend by the same port share them.
func (v *View) BackendCounters(node string, o *topology.Service) (all []BackendCounter) {
	var c Compiler
	var set ItemSet
	for b := range v.Topo.Backends(o) {
		wanted := map[endpoint]bool{}
		for _, p := range o.Spec.Ports {
			if number := b.Target(p); number != 0 {
				wanted[endpoint{protocolNumbers[p.Protocol], number}] = true
			}
		}
		set.Reset()
		c.Compile(&set, v, node, Unit{Kind: UnitBackend, Name: b.Name})
		for _, i := range set.Items() {
			if i.Kind() != ItemFlow || i.Table() != TableEndpoint {
				continue
			}
			if e, ok := endpointOf(set.Message(i)); ok && wanted[e] {
				all = append(all, BackendCounter{i.Cookie(), i.Table(), b.Name})
			}
		}
	}
	return all
}

// endpointOf returns the protocol and the port that a flow of the endpoint table is for.
func endpointOf(message []byte) (e endpoint, ok bool) {
	mod, err := openflow.DecodeFlowMod(message)
	if err != nil {
		return e, false // not of a flow that the compiler makes
	}
	for o := range mod.Flow.Match.All() {
		if o.Field == openflow.FieldIPProto && len(o.Value) == 1 {
			e.protocol = o.Value[0]
		}
	}
	e.port = uint16(register(mod.Flow.Match, openflow.FieldReg(regTargetPort)))
	return e, true
}
