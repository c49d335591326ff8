package reconcile

import (
	"maps"
	"net/netip"
	"sync"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// identities says which addresses present which datapath id by OpenFlow, so that OVSDB knows
// whose reports count. The dispatcher writes it, anyone reads it.
type identities struct {
	reconsider *ovsdb.Reconsider

	mu   sync.Mutex
	byID map[topology.DatapathID]identity
	// reported are the datapath ids that a connection from none of the identity's others has
	// reported by OVSDB.
	reported map[topology.DatapathID]bool
}

// identity has the addresses that present one datapath id.
type identity struct {
	// session is the address of the node's session; the zero Addr if there is none.
	session netip.Addr
	// known are the node's own addresses, others those of other switches that present its
	// datapath id.
	known, others map[netip.Addr]bool
}

func newIdentities() identities {
	return identities{
		reconsider: ovsdb.NewReconsider(),
		byID:       map[topology.DatapathID]identity{}, reported: map[topology.DatapathID]bool{},
	}
}

// set records the addresses that present a datapath id.
func (i *identities) set(id topology.DatapathID, is identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	was := i.byID[id]
	if was.session == is.session && maps.Equal(was.known, is.known) && maps.Equal(was.others, is.others) {
		return
	}
	if !is.session.IsValid() && len(is.known)+len(is.others) == 0 {
		delete(i.byID, id)
	} else {
		i.byID[id] = is
	}
	i.reconsider.Add(uint64(id))
}

// forget drops a datapath id that is no longer a node's.
func (i *identities) forget(id topology.DatapathID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.reported, id)
}

// reportedFrom records that a connection reports a datapath id by OVSDB.
func (i *identities) reportedFrom(id topology.DatapathID, remote string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.byID[id].others[addrIn(remote)] {
		i.reported[id] = true
	}
}
