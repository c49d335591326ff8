package pipeline

import (
	"bytes"
	"encoding/binary"
	"iter"
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// bridgeUplink is an uplink of the type bridge on a node that has the bridge.
type bridgeUplink struct {
	*topology.Uplink
	// port is the number of the node's port that leads to the bridge.
	port openflow.PortNo
	// address is the node's on the uplink; the zero Addr if it has none. address6 is its IPv6 address.
	address, address6 netip.Addr
}

// own returns the node's address of a family on the uplink; ok is false without one.
func (u bridgeUplink) own(f topology.Family) (a netip.Addr, ok bool) {
	if f == topology.IPv6 {
		return u.address6, u.address6.IsValid()
	}
	return u.address, u.address.IsValid()
}

// Uplinked reports whether packets leave a node: it has a port to its kernel, or to a bridge, or
// ports that leave by other nodes.
func (v *View) Uplinked(node string) bool {
	return v.Uplink(node) != 0 || v.bridged(node) || v.sendsEgress(node)
}

// bridged reports whether a node has a port to a bridge.
func (v *View) bridged(node string) bool {
	for range seconds(v.bridges, node) {
		return true
	}
	return false
}

// Bridge returns the number of the node's port that leads to a bridge, 0 if it has none.
func (v *View) Bridge(node, bridge string) openflow.PortNo {
	n, _ := v.bridges.Get(pairOf(node, bridge))
	return n
}

// BridgesOf returns the bridges to which a node has a port.
func (v *View) BridgesOf(node string) iter.Seq[string] { return seconds(v.bridges, node) }

// UplinkPortOf returns the number of the port by which packets leave a node by an uplink, 0 if
// it has none.
func (v *View) UplinkPortOf(node string, u *topology.Uplink) openflow.PortNo {
	if u.Spec.Bridge == "" {
		return v.Uplink(node)
	}
	return v.Bridge(node, u.Spec.Bridge)
}

// bridgeUplinks returns the uplinks of the type bridge that a node serves, by their bridges.
func (v *View) bridgeUplinks(node string) iter.Seq[bridgeUplink] {
	return func(yield func(bridgeUplink) bool) {
		n, ok := v.Topo.Node(node)
		if !ok {
			return
		}
		for bridge := range seconds(v.bridges, node) {
			u, ok := v.Topo.UplinkByBridge(bridge)
			if !ok {
				continue
			}
			a, _ := n.Spec.UplinkAddress(u.Spec)
			a6, _ := n.Spec.UplinkAddressOf(u.Spec, topology.IPv6)
			if !yield(bridgeUplink{u, v.Bridge(node, bridge), a, a6}) {
				return
			}
		}
	}
}

// bridgesOn marks the flows of a node that are about a bridge.
func (a *affected) bridgesOn(node, bridge string) {
	a.mark(node, Unit{Kind: UnitNode, Name: node})
	for _, v := range []*View{a.before, a.after} {
		for name := range v.FloatingOn(node) {
			a.mark(node, Unit{Kind: UnitFloating, Name: name})
		}
	}
	for _, v := range []*View{a.before, a.after} {
		u, ok := v.Topo.UplinkByBridge(bridge)
		if !ok {
			continue
		}
		for network := range v.NetworksOn(node) {
			if r, ok := v.Topo.RouterOf(network); ok && r.Spec.Egress != nil && r.Spec.Egress.Uplink == u.Name {
				a.mark(node, Unit{Kind: UnitRouter, Name: r.Name})
			}
		}
	}
}

const (
	// maxNextHops is how many neighbours on an uplink a node remembers.
	maxNextHops = 4096
	// nextHopIdle is how long a node remembers a neighbour to which it sends nothing, in
	// seconds.
	nextHopIdle = 3600
)

// nextHop returns how a switch learns the MAC of a neighbour on an uplink, which ARP packets of
// the neighbour have, or its neighbour discovery: a flow in TableNextHop that loads it for packets to
// the neighbour. It stays as long as packets are sent there, sdnd running or not.
func nextHop(u *topology.Uplink, f topology.Family) openflow.Learning {
	subnet, _ := u.Spec.SubnetOf(f)
	return openflow.Learning{
		Table: TableNextHop, Priority: prioNormal, Cookie: nextHopCookie(u.Spec.Bridge, subnet), Limit: maxNextHops, DeleteLearned: true, IdleTimeout: nextHopIdle,
		Copy: nextHopFields(f),
		Load: []openflow.Field{openflow.FieldReg(regNextHopMAC), openflow.FieldReg(regNextHopMAC + 1)},
	}
}

// nextHopFields returns the registers that say which neighbour a packet goes to, and on which uplink,
// in the order of their numbers.
func nextHopFields(f topology.Family) []openflow.Field {
	all := []openflow.Field{openflow.FieldReg(regOutPort)}
	if f == topology.IPv6 {
		for i := range ipv6Words {
			all = append(all, openflow.FieldReg(regNextHop6+i))
		}
	}
	return append(all, openflow.FieldReg(regNextHop))
}

// nextHopOf returns the neighbour that these registers name.
func nextHopOf(m openflow.Match) netip.Addr {
	if n := register(m, openflow.FieldReg(regNextHop)); n != 0 {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
	}
	var b []byte
	for i := range ipv6Words {
		b = binary.BigEndian.AppendUint32(b, register(m, openflow.FieldReg(regNextHop6+i)))
	}
	return netip.AddrFrom16([16]byte(b))
}

// ipv6Words is how many registers an IPv6 address takes.
const ipv6Words = 4

// nextHopCookie is the cookie of all that is learned on an uplink, of the family of its subnet.
func nextHopCookie(bridge string, subnet netip.Prefix) openflow.Cookie {
	return openflow.Cookie(max(xxhash.Sum64String("next-hop "+bridge+" "+subnet.String()), 1))
}

// Neighbour is a machine on an uplink of the type bridge, as a switch has learned it.
type Neighbour struct {
	Address netip.Addr
	MAC     topology.MAC
}

// NeighbourOf reads a flow that was learned from a neighbour's ARP or neighbour discovery; ok is
// false for any other flow.
func NeighbourOf(f *openflow.Flow) (n Neighbour, ok bool) {
	if f.Table != TableNextHop || f.Priority != prioNormal || f.Flags != 0 || f.HardTimeout != 0 || f.IdleTimeout != nextHopIdle {
		return n, false
	}
	var fields []openflow.Field
	for o := range f.Match.All() {
		if o.Mask != nil {
			return n, false
		}
		fields = append(fields, o.Field)
	}
	slices.Sort(fields)
	n.Address = nextHopOf(f.Match)
	values, ok := loaded(f.Instructions, openflow.FieldReg(regNextHopMAC), openflow.FieldReg(regNextHopMAC+1))
	if !ok || !slices.Equal(fields, nextHopFields(model.FamilyOf(n.Address))) {
		return n, false
	}
	binary.BigEndian.PutUint32(n.MAC[2:], values[0])
	binary.BigEndian.PutUint16(n.MAC[:], uint16(values[1]))
	return n, true
}

// loaded returns the values that instructions load into fields of 32 bits, if they do nothing
// else.
func loaded(all openflow.Instructions, fields ...openflow.Field) (values []uint32, ok bool) {
	const header, load, value = 8, 24, 20 // sizes of an instruction and of an action, and where its value is
	if len(all) != header+len(fields)*load {
		return nil, false
	}
	var want openflow.Actions
	for i, f := range fields {
		values = append(values, binary.BigEndian.Uint32(all[header+i*load+value:]))
		want = want.Load(f, 0, 32, uint64(values[i]))
	}
	return values, bytes.Equal(openflow.Instructions(nil).ApplyActions(want), all)
}

// Ask is what a switch could not send because it does not know the MAC of the next hop.
type Ask struct {
	// Port leads to the bridge, and NextHop is the neighbour.
	Port    openflow.PortNo
	NextHop netip.Addr
}

// AskOf reads a packet that TableOutside sent to the controller.
func AskOf(m *openflow.PacketIn) Ask {
	return Ask{openflow.PortNo(register(m.Match, openflow.FieldReg(regOutPort))), nextHopOf(m.Match)}
}

// Learns reports whether a node may have flows that learn others in LearnedTables. If that changes, the
// node's own unit is affected.
func (v *View) Learns(node string) bool { return v.bridged(node) || v.ServedNode(node) }

// ARPRequest returns the frame by which who has a MAC asks from an address for the MAC of another (RFC
// 826). Everybody who gets it learns the MAC of the first; if both are the same, it only announces that
// (RFC 5227, 2.3).
func ARPRequest(mac topology.MAC, from, to netip.Addr) []byte {
	a, b := from.As4(), to.As4()
	frame := bytes.Repeat([]byte{0xff}, len(mac)) // to all
	frame = append(frame, mac[:]...)
	frame = binary.BigEndian.AppendUint16(frame, ethTypeARP)
	frame = append(frame, 0, 1, ethTypeIPv4>>8, ethTypeIPv4&0xff, byte(len(mac)), byte(len(a)), 0, arpRequest) // Ethernet, IPv4
	frame = append(append(frame, mac[:]...), a[:]...)
	return append(append(frame, make([]byte, len(mac))...), b[:]...)
}

// Announcement returns the frame that says to everybody which MAC an address has: a gratuitous ARP request (RFC
// 5227, 3), or an unsolicited neighbour advertisement that overrides what is cached (RFC 4861, 7.2.6).
func Announcement(mac topology.MAC, a netip.Addr) []byte {
	if a.Is4() {
		return ARPRequest(mac, a, a)
	}
	everybody := allNodesMAC()
	to, is := netip.IPv6LinkLocalAllNodes().As16(), a.As16()
	message := []byte{neighbourAdvertisement, 0, 0, 0}
	message = binary.BigEndian.AppendUint32(message, ndOverride)
	message = append(append(message, is[:]...), optionTargetMAC, 1) // in units of 8 bytes
	message = append(message, mac[:]...)
	// The checksum covers a pseudo header (RFC 8200, 8.1).
	sum := uint32(protoICMPv6) + uint32(len(message))
	for _, part := range [][]byte{is[:], to[:], message} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum))
	frame := append(append([]byte(nil), everybody[:]...), mac[:]...)
	frame = binary.BigEndian.AppendUint16(frame, ethTypeIPv6)
	frame = append(frame, 6<<4, 0, 0, 0, 0, byte(len(message)), protoICMPv6, 255) // as neighbour discovery must have (RFC 4861, 7.1)
	return append(append(append(frame, is[:]...), to[:]...), message...)
}

// LearnedTables returns the tables in which switches learn flows that stay for long.
func LearnedTables() []openflow.TableID {
	return []openflow.TableID{TableAffinity, TableNextHop}
}
