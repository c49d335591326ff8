package nameserver

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// MaxListed is how many backends of a headless service an answer names at most: as many as fit
// into the largest messages. Which of more they are changes from question to question.
const MaxListed = 256

// Lists finds the backends that names of headless services have, and keeps what it has found for
// as long as it is used: for one state of the network. It is safe for use by several goroutines.
type Lists struct {
	topo   *topology.Snapshot
	listed func(*topology.Service, topology.Backend) bool

	mu    sync.Mutex
	found map[listKey][]topology.Backend
}

// listKey is a service, and a routing domain whose ports ask for its name.
type listKey struct{ service, domain string }

// NewLists returns the lists of the services of a topology. listed says whether the name of a
// headless service has a backend's addresses.
func NewLists(topo *topology.Snapshot, listed func(*topology.Service, topology.Backend) bool) *Lists {
	return &Lists{topo: topo, listed: listed, found: map[listKey][]topology.Backend{}}
}

// Declared reports whether a backend of a service is not draining, which is what other name
// servers get to know.
func Declared(_ *topology.Service, b topology.Backend) bool {
	return b.Endpoint.State == model.EndpointReady
}

// of returns the backends of a service, by name, that those who look up names reach.
func (l *Lists) of(names topology.Names, o *topology.Service) []topology.Backend {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := listKey{o.Name, names.Scope()}
	all, known := l.found[k]
	if !known {
		for b := range l.topo.Backends(o) {
			if names.Reach(b.Port) && l.listed(o, b) {
				all = append(all, b)
			}
		}
		l.found[k] = all
	}
	return all
}

// listed returns the backends that an answer names: not more than MaxListed of them, and another
// one first in most answers.
func (a Asker) listed(names topology.Names, o *topology.Service) []topology.Backend {
	all := a.Lists.of(names, o)
	if a.whole || len(all) < 2 {
		return all
	}
	first := int(a.turn) % len(all)
	out := make([]topology.Backend, 0, min(len(all), MaxListed))
	for i := range cap(out) {
		out = append(out, all[(first+i)%len(all)])
	}
	return out
}

// headless answers for the name of a headless service, or of a port of it: the port is "" for a
// name that begins with the protocol, and both are for the service's own. There is always the
// name of the service, and that of a port that the service has.
func (a Asker) headless(names topology.Names, q dns.Question, o *topology.Service, port, protocol, name string) (exists bool, records, extra []dns.RR) {
	if protocol == "" {
		for _, b := range a.listed(names, o) {
			records = append(records, addresses(q.Name, q.Qtype, b.Addresses)...)
		}
		return true, records, nil
	}
	for _, p := range o.Spec.Ports {
		if string(p.Protocol) != protocol || p.Name == "" {
			continue
		}
		exists = exists || port == ""
		if !strings.EqualFold(p.Name, port) {
			continue
		}
		for _, b := range a.listed(names, o) {
			label, at := backendLabel(b.Port), b.Target(p)
			if label == "" || at == 0 {
				continue
			}
			rr, more := server(q, at, label+"."+name+".", b.Addresses)
			records, extra = append(records, rr...), append(extra, more...)
		}
		return true, records, extra
	}
	return exists, nil, nil
}

// backend answers for the name of a backend below that of a headless service. There is such a
// name if the service has the backend; it has addresses if the service's name has them.
func (a Asker) backend(names topology.Names, q dns.Question, name, domain string) (exists bool, records []dns.RR) {
	label, of, ok := strings.Cut(name, ".")
	if !ok {
		return false, nil
	}
	o, ok := names.Service(of, domain)
	if !ok || !o.Spec.Headless || a.Lists == nil {
		return false, nil
	}
	b, ok := names.Backend(o, label)
	if !ok {
		if b, ok = names.BackendAt(o, dashed(label)); !ok {
			return false, nil
		}
	}
	if a.Lists.listed(o, b) {
		records = addresses(q.Name, q.Qtype, b.Addresses)
	}
	return true, records
}

// backendLabel returns the label of a backend below the names of its services: its name, or where
// that is none, its first address with - between the numbers; "" if it has no address either.
func backendLabel(p *topology.Port) string {
	if label, ok := dns.IsDomainName(p.Name); ok && label == 1 && p.Name == strings.ToLower(p.Name) && !strings.ContainsAny(p.Name, `.\_`) {
		return p.Name
	}
	if len(p.Addresses) == 0 {
		return ""
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(p.Addresses[0].StringExpanded())
}

// dashed reads an address that backendLabel wrote; what is none is the zero address.
func dashed(label string) netip.Addr {
	for _, between := range []string{".", ":"} {
		if a, err := netip.ParseAddr(strings.ReplaceAll(label, "-", between)); err == nil {
			return a
		}
	}
	return netip.Addr{}
}
