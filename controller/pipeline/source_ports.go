package pipeline

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

const (
	// routerParts is into how many parts the source ports of a router are divided on a node, a
	// power of two.
	routerParts = 4
	// nodeParts is the same for those of the node's address on a bridge, which routers share.
	nodeParts = 2
	// firstSourcePort is the lowest that is used, since those below are for servers (RFC 6335, 6).
	firstSourcePort = 1024
)

// sourcePorts returns a translation to one of some equal parts of the source ports.
func sourcePorts(part, parts uint16) openflow.NAT {
	size := uint16((1<<16 - firstSourcePort) / int(parts))
	first := firstSourcePort + part*size
	return openflow.NAT{Direction: openflow.NATSource, FirstPort: first, LastPort: first + size - 1}
}

// kernelSourcePorts returns a translation to the router's address on an uplink of the type host. The kernel, which translates
// once more, has one half of the source ports for it, which the last bit but one of the address chooses (uplink.sh); so has
// Open vSwitch, so that it is here that none is free, where it is counted. Parts overlap: each is half of the router's, and
// one that is used up leaves every other a sixth of the router's or more.
func kernelSourcePorts(router netip.Addr, part uint16) openflow.NAT {
	const (
		all  = (1<<16 - firstSourcePort) / nodeParts
		size = all / 2
		step = (all - size) / (routerParts - 1)
	)
	b := router.AsSlice()
	first := firstSourcePort + uint16(b[len(b)-1]>>1&1)*all + part*step
	return openflow.NAT{Direction: openflow.NATSource, First: router, FirstPort: first, LastPort: first + size - 1}
}

// noSourcePortTables returns the tables that have flows which count what finds no source port; the last two
// on gateways of egress addresses.
func noSourcePortTables() []openflow.TableID {
	return []openflow.TableID{TableTranslated, TableLeave, TableEgressAddress, TableEgressTranslated}
}

// NoSourcePortRequests yields the requests for the flows that NoSourcePort reads on a node, which is a
// gateway of egress addresses or is not.
func NoSourcePortRequests(gateway bool) iter.Seq[openflow.FlowStatsRequest] {
	return func(yield func(openflow.FlowStatsRequest) bool) {
		q := openflow.AllFlows()
		q.Match = openflow.Match(nil).CTState(begun, begun)
		tables := noSourcePortTables()
		if !gateway {
			tables = tables[:2]
		}
		for _, q.Table = range tables {
			if !yield(q) {
				return
			}
		}
	}
}

// NoSourcePort reads a flow of these tables. ok is true if it counts packets that
// begin connections for which no source port is free: of a router, of which it returns the number, or
// of the node or an egress address on a bridge, for 0.
func NoSourcePort(f *openflow.Flow) (router uint32, ok bool) {
	for o := range f.Match.All() {
		if o.Field == openflow.FieldCTState && slices.Contains(noSourcePortTables(), f.Table) {
			return register(f.Match, openflow.FieldReg(regRouter)), true
		}
	}
	return 0, false
}
