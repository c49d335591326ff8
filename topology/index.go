package topology

import "github.com/tidwall/btree"

// treeDegree is the degree of the B-trees: nodes of 31 to 63 items. A change copies one
// node per level, so smaller nodes make a change cheaper, and larger ones a lookup.
const treeDegree = 32

// newTree makes a tree without locks of its own: trees of a snapshot never change, and
// others have one owner.
func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: treeDegree})
}

// Entries of trees whose key is not a single value. Keys by value, so that a
// lookup does not allocate.
type (
	macEntry struct {
		vni  VNI
		mac  MAC
		port *Port
	}
	ifaceEntry struct {
		node, iface string
		port        *Port
	}
	labelEntry struct {
		key, value, name string
		port             *Port
	}
	blockEntry struct {
		a, b  string // network and node, or node and network
		block *Block
	}
)

// indexes has all trees of a snapshot. The put… and drop… methods keep them consistent.
type indexes struct {
	kindIndexes
	names nameIndex

	nodes         *btree.Map[string, *Node]
	nodesByDPID   *btree.Map[DatapathID, *Node]
	nodesByTunnel *btree.BTreeG[*Node]

	networks      *btree.Map[string, *Network]
	networksByVNI *btree.Map[VNI, *Network]
	segmented     *btree.Map[string, *Network]

	routers  *btree.Map[string, *Router]
	routerOf *btree.Map[string, *Router] // by network
	// routedIPv6 has the routers that IPv6 leaves as it is, by uplink and name.
	routedIPv6 *btree.Map[string, *Router]

	ports          *btree.Map[string, *Port]
	portsByNetwork *btree.BTreeG[*Port] // network, name
	portsByNode    *btree.BTreeG[*Port] // node, network, name; node "" is unpinned
	locks          *btree.BTreeG[lock]
	// portsByMAC has only ports whose MAC is not that of their IPv4 address; the
	// others are found by it.
	portsByMAC *btree.BTreeG[macEntry]
	// portsByID has only ports with an interface id of their own; the others
	// are found by their name.
	// outside are the ports with further addresses that are in no subnet of their
	// network, by network and name.
	outside      *btree.BTreeG[*Port]
	portsByID    *btree.Map[string, *Port]
	portsByIface *btree.BTreeG[ifaceEntry]

	portsByLabel *btree.BTreeG[labelEntry] // key, value, name

	blocks       *btree.BTreeG[blockEntry] // network, node
	blocksByNode *btree.BTreeG[blockEntry] // node, network

	vnis      runSet // one space, 0
	routerIDs runSet // one space, 0
	addrs     runSet // a space per VNI: addresses
	slots     runSet // a space per VNI and family: places of blocks of a segmented network
	// lastGiven is the address that was allocated last of each range. The search for
	// a free address continues after it, so that a released one is not reused soon.
	lastGiven *btree.BTreeG[given]

	selections selectionIndex
	identities identityIndex
	numberings numberingIndex
	// egress is how many identities of a domain are the subject of a policy that judges
	// what they send, by domain and policy.
	egress *btree.Map[string, int]
}

func newIndexes() indexes {
	blockLess := func(x, y blockEntry) bool {
		if x.a != y.a {
			return x.a < y.a
		}
		return x.b < y.b
	}
	return indexes{
		kindIndexes: newKindIndexes(),
		names:       newNameIndex(),
		nodes:       btree.NewMap[string, *Node](treeDegree),
		nodesByDPID: btree.NewMap[DatapathID, *Node](treeDegree),
		nodesByTunnel: newTree(func(a, b *Node) bool {
			return numberOf(a.Spec.TunnelIP).less(numberOf(b.Spec.TunnelIP))
		}),
		networks:       btree.NewMap[string, *Network](treeDegree),
		networksByVNI:  btree.NewMap[VNI, *Network](treeDegree),
		segmented:      btree.NewMap[string, *Network](treeDegree),
		routers:        btree.NewMap[string, *Router](treeDegree),
		routerOf:       btree.NewMap[string, *Router](treeDegree),
		routedIPv6:     btree.NewMap[string, *Router](treeDegree),
		ports:          btree.NewMap[string, *Port](treeDegree),
		portsByNetwork: newTree(portLess),
		portsByNode: newTree(func(a, b *Port) bool {
			if a.Spec.Node != b.Spec.Node {
				return a.Spec.Node < b.Spec.Node
			}
			if a.Spec.Network != b.Spec.Network {
				return a.Spec.Network < b.Spec.Network
			}
			return a.Name < b.Name
		}),
		locks: newTree(lockLess),
		portsByMAC: newTree(func(a, b macEntry) bool {
			if a.vni != b.vni {
				return a.vni < b.vni
			}
			return string(a.mac[:]) < string(b.mac[:])
		}),
		outside:   newTree(portLess),
		portsByID: btree.NewMap[string, *Port](treeDegree),
		portsByIface: newTree(func(a, b ifaceEntry) bool {
			if a.node != b.node {
				return a.node < b.node
			}
			return a.iface < b.iface
		}),
		portsByLabel: newTree(func(a, b labelEntry) bool {
			if a.key != b.key {
				return a.key < b.key
			}
			if a.value != b.value {
				return a.value < b.value
			}
			return a.name < b.name
		}),
		blocks:       newTree(blockLess),
		blocksByNode: newTree(blockLess),
		vnis:         newRunSet(),
		routerIDs:    newRunSet(),
		addrs:        newRunSet(),
		slots:        newRunSet(),
		lastGiven:    newTree(givenLess),
		selections:   newSelectionIndex(),
		identities:   newIdentityIndex(),
		numberings:   newNumberingIndex(),
		egress:       btree.NewMap[string, int](treeDegree),
	}
}

// portLess orders ports by network and name.
func portLess(a, b *Port) bool {
	if a.Spec.Network != b.Spec.Network {
		return a.Spec.Network < b.Spec.Network
	}
	return a.Name < b.Name
}

// fork returns indexes that share everything with x until either changes. It
// marks the trees of x, so callers must not fork the same indexes at once.
func (x *indexes) fork() indexes {
	return indexes{
		kindIndexes:    x.kindIndexes.fork(),
		names:          x.names.fork(),
		nodes:          x.nodes.Copy(),
		nodesByDPID:    x.nodesByDPID.Copy(),
		nodesByTunnel:  x.nodesByTunnel.Copy(),
		networks:       x.networks.Copy(),
		networksByVNI:  x.networksByVNI.Copy(),
		segmented:      x.segmented.Copy(),
		routers:        x.routers.Copy(),
		routerOf:       x.routerOf.Copy(),
		routedIPv6:     x.routedIPv6.Copy(),
		ports:          x.ports.Copy(),
		portsByNetwork: x.portsByNetwork.Copy(),
		portsByNode:    x.portsByNode.Copy(),
		locks:          x.locks.Copy(),
		portsByMAC:     x.portsByMAC.Copy(),
		outside:        x.outside.Copy(),
		portsByID:      x.portsByID.Copy(),
		portsByIface:   x.portsByIface.Copy(),
		portsByLabel:   x.portsByLabel.Copy(),
		blocks:         x.blocks.Copy(),
		blocksByNode:   x.blocksByNode.Copy(),
		vnis:           runSet{x.vnis.t.Copy()},
		routerIDs:      runSet{x.routerIDs.t.Copy()},
		addrs:          runSet{x.addrs.t.Copy()},
		slots:          runSet{x.slots.t.Copy()},
		lastGiven:      x.lastGiven.Copy(),
		selections:     x.selections.fork(),
		identities:     x.identities.fork(),
		numberings:     x.numberings.fork(),
		egress:         x.egress.Copy(),
	}
}
