package pipeline

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// affinity returns how the switch learns which backend a client of a service's port has: a
// flow in TableAffinity that loads the backend's address and port for new connections of
// the client. The flow goes when there was none for the service's timeout.
func affinity(o *topology.Service, of endpoint, f topology.Family) openflow.Learning {
	return openflow.Learning{
		Table: TableAffinity, Priority: prioNormal, Cookie: affinityCookie(o, of), Limit: MaxAffinities, DeleteLearned: true,
		IdleTimeout: uint16(time.Duration(o.Spec.SessionAffinityTimeout) / time.Second),
		Match:       isFor(o)(toPort(openflow.Match(nil).EthType(ethTypes[f]), of)),
		Copy:        []openflow.Field{openflow.FieldMetadata, sourceFields[f]},
		Load:        targetFields(f),
	}
}

// sourceFields are the fields of a packet's source, by family.
var sourceFields = [...]openflow.Field{topology.IPv4: openflow.FieldIPv4Src, topology.IPv6: openflow.FieldIPv6Src}

// targetFields are the registers that hold a backend's port and address.
func targetFields(f topology.Family) []openflow.Field {
	fields := []openflow.Field{openflow.FieldReg(regTargetPort)}
	for i := range [...]int{topology.IPv4: 1, topology.IPv6: 4}[f] {
		fields = append(fields, openflow.FieldReg(regTarget+i))
	}
	return fields
}

// affinityCookie is the cookie of what is learned of a service's port, in both families.
// With another timeout it is another, so that the switch forgets what it has learned.
func affinityCookie(o *topology.Service, of endpoint) openflow.Cookie {
	b := binary.BigEndian.AppendUint32([]byte("affinity"), o.ID)
	b = binary.BigEndian.AppendUint16(append(b, protocolNumbers[of.protocol]), of.port)
	b = binary.BigEndian.AppendUint64(b, uint64(o.Spec.SessionAffinityTimeout))
	return openflow.Cookie(max(xxhash.Sum64(b), 1))
}

// IsTransient reports whether a flow comes and goes by itself, so that comparisons ignore
// it: a sample, or what the switch has learned.
func IsTransient(f *openflow.Flow) bool {
	_, affine := AffinityOf(f)
	_, neighbour := NeighbourOf(f)
	return affine || neighbour || IsSample(f)
}

// Affinity is a client that keeps its backend by a service.
type Affinity struct {
	// Service is the number of the service.
	Service uint32
	// Client is the client's address, Backend the backend's with its port.
	Client  netip.Addr
	Backend netip.AddrPort
}

// AffinityOf reads a flow that was learned by a service with session affinity; ok is false
// for any other flow. Of a flow in that form the packet gets no more than an address and a
// port, which TableAffinityBackend compares with those of the service's backends.
func AffinityOf(f *openflow.Flow) (a Affinity, ok bool) {
	if f.Table != TableAffinity || f.Priority != prioNormal || f.Flags != 0 || f.HardTimeout != 0 || f.IdleTimeout == 0 {
		return a, false
	}
	family, fields := topology.IPv4, 0
	for o := range f.Match.All() {
		switch fields++; {
		case o.Mask != nil:
			return a, false
		case o.Field == openflow.FieldReg(regService):
			a.Service = binary.BigEndian.Uint32(o.Value) &^ serviceMet
		case slices.Contains(sourceFields[:], o.Field):
			a.Client, _ = netip.AddrFromSlice(o.Value)
			family = model.FamilyOf(a.Client)
		}
	}
	const matched = 6 // family, protocol, port, service, network, client
	if fields != matched || a.Service == 0 || !a.Client.IsValid() {
		return a, false
	}
	a.Backend, ok = loadedTarget(f.Instructions, family)
	return a, ok
}

// loadedTarget reads the backend that the instructions of a learned flow load, if they do
// nothing else.
func loadedTarget(all openflow.Instructions, f topology.Family) (backend netip.AddrPort, ok bool) {
	values, ok := loaded(all, targetFields(f)...)
	if !ok {
		return backend, false
	}
	var ip []byte
	for _, v := range values[1:] {
		ip = binary.BigEndian.AppendUint32(ip, v)
	}
	a, _ := netip.AddrFromSlice(ip) // 4 or 16 bytes
	return netip.AddrPortFrom(a, uint16(values[0])), true
}
