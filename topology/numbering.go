package topology

import (
	"fmt"
	"iter"

	"github.com/tidwall/btree"
)

// Zone is the number of a network or router for its connections (conntrack) and its
// identities. It is allocated when a policy or service first concerns the network or
// router, so that it does not change under connections.
type Zone uint16

// maxZone is the highest zone of a network or router. Zone 0 is used by all who choose
// none, and the highest zones of the connection tracker are left free. See also
// model.UplinkAddr, which has an address for each zone.
const maxZone Zone = 1<<16 - 16

// LabelRange is the tunnel keys of packets of a network whose source has an identity:
// Base plus the identity's index. Base is a multiple of Size, which is a power of 2.
type LabelRange struct {
	Base VNI    `json:"base"`
	Size uint32 `json:"size"`
}

func (l LabelRange) span() span { return span{small(l.Base), small(uint32(l.Base) + l.Size - 1)} }

// minLabels is the size of the first range that a network gets.
const minLabels = 64

// Numbering has the numbers of a network or router that policies or services concern.
type Numbering struct {
	// Of is the reference of the network or router.
	Of   string `json:"of"`
	Zone Zone   `json:"zone"`
	// Labels are those of a network; a router has none.
	Labels LabelRange `json:"labels,omitzero"`
	// Services is the zone of connections that ports of a network begin, in which those to
	// services are translated; 0 if they have never been able to use any.
	Services Zone `json:"services,omitzero"`
	// Egress is the zone of a router's connections that leave by an uplink, in which their
	// sources are translated; 0 if it has never had one.
	Egress Zone `json:"egress,omitzero"`
}

// zones yields the zones of a numbering.
func (n *Numbering) zones() iter.Seq[Zone] {
	return func(yield func(Zone) bool) {
		for _, z := range []Zone{n.Zone, n.Services, n.Egress} {
			if z != 0 && !yield(z) {
				return
			}
		}
	}
}

// NumberingChange is a numbering before and after a transaction.
type NumberingChange struct {
	// Before is nil for one that was allocated, After for one released.
	Before, After *Numbering
}

// numberingIndex has the numberings by reference.
type numberingIndex struct {
	byRef *btree.Map[string, *Numbering]
	zones runSet // one space, 0
}

func newNumberingIndex() numberingIndex {
	return numberingIndex{btree.NewMap[string, *Numbering](treeDegree), newRunSet()}
}

func (x *numberingIndex) fork() numberingIndex {
	return numberingIndex{x.byRef.Copy(), runSet{x.zones.t.Copy()}}
}

func (x *numberingIndex) zoneOf(ref string) (Zone, bool) {
	n, ok := x.byRef.Get(ref)
	if !ok {
		return 0, false
	}
	return n.Zone, true
}

// putNumbering adds a numbering; its labels are taken from the VNIs.
func (x *indexes) putNumbering(n *Numbering) {
	x.numberings.byRef.Set(n.Of, n)
	for z := range n.zones() {
		x.numberings.zones.add(0, just(small(uint32(z))))
	}
	if n.Labels.Size > 0 {
		x.vnis.add(0, n.Labels.span())
	}
}

func (x *indexes) dropNumbering(n *Numbering) {
	x.numberings.byRef.Delete(n.Of)
	for z := range n.zones() {
		x.numberings.zones.remove(0, just(small(uint32(z))))
	}
	if n.Labels.Size > 0 {
		x.vnis.remove(0, n.Labels.span())
	}
}

// freeLabels returns the highest range of tunnel keys that no network uses, since VNIs are
// allocated from below.
func (x *indexes) freeLabels(size uint32) (LabelRange, bool) {
	for base := int64(MaxVNI) + 1 - int64(size); base > int64(MinVNI); base -= int64(size) {
		l := LabelRange{VNI(base), size}
		if _, taken := x.vnis.overlaps(0, l.span()); !taken {
			return l, true
		}
	}
	return LabelRange{}, false
}

// labelsWith returns the numbering that has a tunnel key among its labels.
func (x *indexes) labelsWith(v VNI) (*Numbering, bool) {
	if _, taken := x.vnis.at(0, small(v)); !taken {
		return nil, false // as almost always
	}
	for n := range all(x.numberings.byRef) {
		if n.Labels.Size > 0 && n.Labels.span().has(small(v)) {
			return n, true
		}
	}
	return nil, false
}

// Numbering returns the numbers of the network or router that has the reference.
func (s *Snapshot) Numbering(ref string) (*Numbering, bool) { return s.x.numberings.byRef.Get(ref) }

// Numberings returns all numberings by reference.
func (s *Snapshot) Numberings() iter.Seq[*Numbering] { return all(s.x.numberings.byRef) }

// AddNumbering adds the numbers of a network or router.
func (l *Loader) AddNumbering(n *Numbering) error {
	if n.Zone == 0 {
		return fmt.Errorf("numbers of %s: there is no zone", n.Of)
	}
	seen := map[Zone]bool{}
	for z := range n.zones() {
		if _, taken := l.x.numberings.zones.at(0, small(uint32(z))); taken || seen[z] {
			return fmt.Errorf("numbers of %s: zone %d is another's", n.Of, z)
		}
		seen[z] = true
	}
	if n.Labels.Size > 0 {
		if v, taken := l.x.vnis.overlaps(0, n.Labels.span()); taken {
			return fmt.Errorf("numbers of %s: tunnel key %d is another's", n.Of, v.low)
		}
	}
	l.x.putNumbering(n)
	return nil
}
