package ovsdb

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The sizes of rows in view.size. They are at least the sizes in a message, so that a view is
// never refused if its initial message was accepted.
const (
	rowCost = 48 // its uuid, quotes, braces and "initial"
	refCost = 46 // ["uuid","…"]
)

// maxBond is how many interfaces one port may have.
const maxBond = 256

// view is what one node's database says, as far as it is monitored. It is
// owned by the goroutine of its connection.
type view struct {
	bridgeName  string
	limit, size int // bytes
	part        *part
	reserved    []func() // give back smallView bytes each that were taken from part

	version string
	bridges map[uuid]*bridge
	ports   map[uuid][]uuid // the interfaces of each port
	ifaces  map[uuid]*iface

	// named has the bridges with bridgeName; more than one only within an
	// update, as the column name is a key. target is the one that counts.
	named  map[uuid]struct{}
	target *bridge
	// refs counts, by interface, the ports of target that have it. Rows may
	// come in any order within an update, so neither end need exist.
	refs map[uuid]int
	// dirty are the interfaces for commit to check; gone says that one which was deleted
	// had been shown.
	dirty map[uuid]struct{}
	gone  bool
	// names counts the interfaces of each name, and patches has the patch ports by the name of
	// the interface to which they lead.
	names   map[string]int
	patches map[string]map[uuid]struct{}
	// news is what changed in own rows.
	news ownNews

	// shown is the result, the interfaces of target sorted by name, and never
	// modified once made; shownIDs are the uuids of its elements.
	shown    []*Interface
	shownIDs []uuid
}

// bridge is a row of table Bridge.
type bridge struct {
	name       string
	datapathID string
	ports      map[uuid]struct{}
	facts      Bridge
	mtu        string // external_ids:sdnctl-underlay-mtu
	access     string // external_ids:sdnctl-ovsdb
}

// iface is a row of table Interface.
type iface struct {
	now Interface
	// was is what shown has for it, nil while it has nothing.
	was *Interface
}

// newView returns the view of an empty database. It refuses to grow beyond limit bytes, or
// beyond what the pool grants its part.
func newView(bridgeName string, limit int, part *part) *view {
	return &view{
		bridgeName: bridgeName,
		limit:      limit,
		part:       part,
		bridges:    make(map[uuid]*bridge),
		ports:      make(map[uuid][]uuid),
		ifaces:     make(map[uuid]*iface),
		named:      make(map[uuid]struct{}),
		refs:       make(map[uuid]int),
		dirty:      make(map[uuid]struct{}),
		names:      make(map[string]int),
		patches:    make(map[string]map[uuid]struct{}),
	}
}

// countName adds by to the number of interfaces of a name. If that is the peer of patch ports, they
// are checked.
func (v *view) countName(name string, by int) {
	if v.names[name] += by; v.names[name] == 0 {
		delete(v.names, name)
	}
	for id := range v.patches[name] {
		v.dirty[id] = struct{}{}
	}
}

// leads notes that a patch port leads to an interface, or no longer does.
func (v *view) leads(id uuid, peer string, does bool) {
	switch all := v.patches[peer]; {
	case peer == "":
	case !does:
		if delete(all, id); len(all) == 0 {
			delete(v.patches, peer)
		}
	case all == nil:
		v.patches[peer] = map[uuid]struct{}{id: {}}
	default:
		all[id] = struct{}{}
	}
}

// checkSize returns an error if the view has outgrown its limits.
func (v *view) checkSize() error {
	if v.size > v.limit {
		return fmt.Errorf("more than %d bytes of rows", v.limit)
	}
	for v.size > (len(v.reserved)+1)*smallView {
		give, err := v.part.takeRows(smallView)
		if err != nil {
			return err
		}
		v.reserved = append(v.reserved, give)
	}
	return nil
}

// release returns to the pool what the view took from it. The view keeps its greatest size
// until then, as maps do not shrink either.
func (v *view) release() {
	for _, give := range v.reserved {
		give()
	}
	v.reserved = nil
}

// datapathID returns the datapath id of the watched bridge, 0 when there is no
// such bridge or it has none yet.
func (v *view) datapathID() uint64 {
	if v.target == nil {
		return 0
	}
	// ovs-vswitchd writes 16 hexadecimal digits; anything else, written by a user, is no
	// id.
	id, err := strconv.ParseUint(v.target.datapathID, 16, 64)
	if err != nil {
		return 0
	}
	return id
}

// bridge returns what is known of the watched bridge.
func (v *view) bridge() Bridge {
	if v.target == nil {
		return Bridge{}
	}
	return v.target.facts
}

// commit is called after an update was applied completely. It says whether the interfaces
// of the bridge have changed.
func (v *view) commit() (changed bool, err error) {
	if len(v.named) > 1 {
		return false, fmt.Errorf("%d bridges are named %q", len(v.named), v.bridgeName)
	}
	var target *bridge
	for id := range v.named {
		target = v.bridges[id]
	}
	if target != v.target {
		v.retarget(target)
	}
	changed = v.gone
	for id := range v.dirty {
		f := v.ifaces[id]
		if f == nil {
			continue
		}
		here := v.refs[id] > 0
		f.now.NoPeer = f.now.Peer != "" && v.names[f.now.Peer] == 0
		switch {
		case !here:
			changed = changed || f.was != nil
			f.was = nil
		case f.was == nil || *f.was != f.now:
			changed = true
			now := f.now
			f.was = &now
		}
	}
	if changed {
		v.rebuild()
	}
	v.gone = false
	v.dirty = make(map[uuid]struct{}) // not clear: the first one can be large
	return changed, nil
}

// retarget makes another bridge the watched one, or none.
func (v *view) retarget(target *bridge) {
	v.target = target
	v.refs = make(map[uuid]int)
	for id, f := range v.ifaces {
		if f.was != nil {
			v.dirty[id] = struct{}{}
		}
	}
	if target != nil {
		for p := range target.ports {
			v.refer(p, +1)
		}
	}
}

// refer adds by to the number of references to a port's interfaces.
func (v *view) refer(port uuid, by int) {
	for _, i := range v.ports[port] {
		v.referOne(i, by)
	}
}

func (v *view) referOne(iface uuid, by int) {
	if v.refs[iface] += by; v.refs[iface] == 0 {
		delete(v.refs, iface)
	}
	v.dirty[iface] = struct{}{}
}

// rebuild makes a new list of interfaces: the old list without the dirty ones, merged with
// those dirty ones that are on the bridge.
func (v *view) rebuild() {
	var add []uuid
	for id := range v.dirty {
		if f := v.ifaces[id]; f != nil && f.was != nil {
			add = append(add, id)
		}
	}
	slices.SortFunc(add, func(a, b uuid) int {
		return cmp.Or(strings.Compare(v.ifaces[a].now.Name, v.ifaces[b].now.Name), bytes.Compare(a[:], b[:]))
	})
	size := len(v.shown) + len(add)
	shown, ids := make([]*Interface, 0, size), make([]uuid, 0, size)
	take := func(id uuid, f *Interface) { shown, ids = append(shown, f), append(ids, id) }
	for i, id := range v.shownIDs {
		if _, ok := v.dirty[id]; ok {
			continue
		}
		for len(add) > 0 && v.ifaces[add[0]].now.Name < v.shown[i].Name {
			take(add[0], v.ifaces[add[0]].was)
			add = add[1:]
		}
		take(id, v.shown[i])
	}
	for _, id := range add {
		take(id, v.ifaces[id].was)
	}
	v.shown, v.shownIDs = shown, ids
}
