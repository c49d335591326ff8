package pipeline

import (
	"sync"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// candidates keeps the backends of the services of one view that have many, so that they are looked up once
// and not for each node that uses the service. It is safe for use by several goroutines.
type candidates struct {
	mu    sync.Mutex
	found map[candidatesOf][]choice
	total int
}

// candidatesOf are the backends of a service's port in a state, for a family and a routing domain.
type candidatesOf struct {
	service  string
	domain   domain
	protocol model.PolicyProtocol
	port     uint16
	family   topology.Family
	state    model.EndpointState
}

const (
	// manyCandidates is from how many backends on they are kept: for fewer, looking again costs little.
	manyCandidates = 64
	// maxCandidates is how many backends a view keeps in all, some 10 MB.
	maxCandidates = 1 << 17
)

// candidates returns the backends of a service's port in a state that get new connections as far as that does not
// depend on the node of the client. The caller must not change them.
func (v *View) candidates(o *topology.Service, s scope, p model.ServicePort, f topology.Family, state model.EndpointState) []choice {
	of := candidatesOf{o.Name, s.domain, p.Protocol, p.Port, f, state}
	v.kept.mu.Lock()
	all, known := v.kept.found[of]
	v.kept.mu.Unlock()
	if known {
		return all
	}
	for b := range v.Topo.Backends(o) {
		ip, ok := b.Address(f)
		if !ok || b.Endpoint.State != state || v.domainOf(b.Spec.Network) != s.domain {
			continue
		}
		if port := b.Target(p); port != 0 && v.answers(b.Port) && v.serves(o, b.Name) {
			all = append(all, choice{b.Name, ip, port, v.Location(b.Port), v.Place(b.Name).OFPort})
		}
	}
	if len(all) < manyCandidates {
		return all
	}
	v.kept.mu.Lock()
	defer v.kept.mu.Unlock()
	if v.kept.total+len(all) <= maxCandidates {
		if v.kept.found == nil {
			v.kept.found = map[candidatesOf][]choice{}
		}
		v.kept.found[of] = all
		v.kept.total += len(all)
	}
	return all
}
