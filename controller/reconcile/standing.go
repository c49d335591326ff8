package reconcile

import (
	"maps"
	"net/netip"
	"sync"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/topology"
)

// identities are who presents which datapath id by OpenFlow, for OVSDB to know
// whose word counts. The dispatcher writes them, anyone reads them.
type identities struct {
	reconsider *ovsdb.Reconsider

	mu   sync.Mutex
	byID map[topology.DatapathID]identity
	// heard are the datapath ids of which somebody has told by OVSDB who is not a
	// rival.
	reported map[topology.DatapathID]bool
}

// identity is who presents one datapath id.
type identity struct {
	// session is the address of the node's session; the zero Addr without one.
	session netip.Addr
	// known are the addresses that the node is known by, rivals those of other
	// switches that present its datapath id.
	known, others map[netip.Addr]bool
}

func newIdentities() identities {
	return identities{
		reconsider: ovsdb.NewReconsider(),
		byID:       map[topology.DatapathID]identity{}, reported: map[topology.DatapathID]bool{},
	}
}

// set notes who presents a datapath id.
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

// forget drops what was heard of a datapath id that is no node's any more.
func (i *identities) forget(id topology.DatapathID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.reported, id)
}

// hear notes that somebody tells of a datapath id by OVSDB.
func (i *identities) reportedFrom(id topology.DatapathID, remote string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.byID[id].others[addrIn(remote)] {
		i.reported[id] = true
	}
}

// OVSDBStanding says how much the word of an OVSDB connection counts for the node
// that has its datapath id: most if it comes from where the node has its OpenFlow
// session, or from where the node is known to be. One from elsewhere is
// believed too, since a machine may have several addresses; but not one from the
// address of another switch that presents the node's datapath id, once somebody
// else was heard. It is for ovsdb.Config.
func (f *Fabric) OVSDBStanding(c ovsdb.Conn) int {
	id, a := topology.DatapathID(c.DatapathID), addrIn(c.Remote)
	f.identities.mu.Lock()
	defer f.identities.mu.Unlock()
	is := f.identities.byID[id]
	switch {
	case a.IsValid() && a == is.session:
		return 3
	case is.known[a]:
		return 2
	case !is.others[a]:
		return 1
	case !f.identities.reported[id]:
		return 0
	}
	return -1
}

// OVSDBReconsider names the datapath ids for which OVSDBStanding may have
// changed. It is for ovsdb.Config.
func (f *Fabric) OVSDBReconsider() *ovsdb.Reconsider { return f.identities.reconsider }
