package reconcile

import (
	"maps"
	"net/netip"
	"sync"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// identities has the addresses that present each datapath id over OpenFlow. They decide whose
// reports over OVSDB count. Only the dispatcher writes it.
type identities struct {
	reconsider *ovsdb.Reconsider

	mu   sync.Mutex
	byID map[topology.DatapathID]identity
	// reported has the datapath ids that OVSDB has reported from an address that is not among
	// the identity's others.
	reported map[topology.DatapathID]bool
}

// identity has the addresses that present one datapath id.
type identity struct {
	// session is the address of the node's session; the zero Addr without a session.
	session netip.Addr
	// known are the node's own addresses, and others those of other switches that present its
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

// reportedFrom records that an OVSDB connection reports a datapath id.
func (i *identities) reportedFrom(id topology.DatapathID, remote string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.byID[id].others[addrIn(remote)] {
		i.reported[id] = true
	}
}
