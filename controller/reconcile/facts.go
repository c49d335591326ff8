package reconcile

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// facts holds the reported state of bridges and their interfaces. The dispatcher writes it;
// whoever asks for a port's status reads it.
type facts struct {
	mu      sync.Mutex // guards what follows
	bridges map[topology.DatapathID]*bridgeFacts
	// underlay is the MTU of nodes' underlay, of those where it is known.
	underlay map[string]int
}

// bridgeFacts is the reported state of one bridge.
type bridgeFacts struct {
	// name and links come from OpenFlow; links has only the ports that are not in order.
	name  string
	links map[openflow.PortNo]link
	// bridge is OVSDB's report of the bridge, nil while there is none; ifaces are its
	// interfaces sorted by name, and numbered those that have a port number.
	bridge   *ovsdb.Bridge
	ifaces   []*ovsdb.Interface
	numbered map[openflow.PortNo]*ovsdb.Interface
}

// link is the state of an OpenFlow port; the zero link is in order.
type link struct {
	disabled condition.Disabled
	down     bool // no carrier
}

func linkOf(p *openflow.Port) link {
	return link{
		disabled: condition.Disabled{
			Down:      p.Config&openflow.PortDown != 0,
			NoForward: p.Config&openflow.PortNoFwd != 0,
			NoReceive: p.Config&openflow.PortNoRecv != 0,
		},
		down: p.State&openflow.StateLinkDown != 0,
	}
}

// of returns the facts of a bridge, to be read or filled in; the caller holds the lock.
func (f *facts) of(id topology.DatapathID) *bridgeFacts {
	b, ok := f.bridges[id]
	if !ok {
		b = &bridgeFacts{links: map[openflow.PortNo]link{}, numbered: map[openflow.PortNo]*ovsdb.Interface{}}
		f.bridges[id] = b
	}
	return b
}

// connected replaces the ports of a switch by those that it reported on connecting.
func (f *facts) connected(id topology.DatapathID, bridge string, links map[openflow.PortNo]link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.of(id)
	b.name, b.links = bridge, maps.Clone(links)
}

// updateLink sets the state of a port.
func (f *facts) updateLink(id topology.DatapathID, n openflow.PortNo, l link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	setLink(f.of(id).links, n, l)
}

// setLink sets the state of a port, and reports whether that is a change.
func setLink(links map[openflow.PortNo]link, n openflow.PortNo, l link) bool {
	if links[n] == l {
		return false
	}
	if links[n] = l; l == (link{}) {
		delete(links, n)
	}
	return true
}

// updateInterfaces replaces the interfaces of a bridge by those that OVSDB reported, and
// returns those that differ, as they were and as they are.
func (f *facts) updateInterfaces(id topology.DatapathID, now []*ovsdb.Interface) (differ []*ovsdb.Interface) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.of(id)
	was := b.ifaces
	b.ifaces = now
	var gone, came []*ovsdb.Interface
	for len(was) > 0 || len(now) > 0 {
		switch {
		case len(was) > 0 && len(now) > 0 && was[0] == now[0]:
			was, now = was[1:], now[1:]
		case len(now) == 0 || len(was) > 0 && was[0].Name <= now[0].Name:
			gone, was = append(gone, was[0]), was[1:]
		default:
			came, now = append(came, now[0]), now[1:]
		}
	}
	for _, i := range gone {
		if n := openflow.PortNo(numberOf(i.OFPort)); b.numbered[n] == i {
			delete(b.numbered, n)
		}
	}
	for _, i := range came {
		if n := openflow.PortNo(numberOf(i.OFPort)); n != 0 {
			b.numbered[n] = i
		}
	}
	return append(gone, came...)
}

// updateBridge sets what OVSDB reported of the bridge itself.
func (f *facts) updateBridge(id topology.DatapathID, bridge ovsdb.Bridge) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(id).bridge = &bridge
}

// ovsdbDisconnected forgets the reports of OVSDB, which may be outdated from now on.
func (f *facts) ovsdbDisconnected(id topology.DatapathID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.of(id)
	b.bridge, b.ifaces = nil, nil
	clear(b.numbered)
}

// forget forgets a bridge that is no node's.
func (f *facts) forget(id topology.DatapathID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.bridges, id)
}

// iface returns the interface with a name, nil if OVSDB has reported none.
func (b *bridgeFacts) iface(name string) *ovsdb.Interface {
	at, found := slices.BinarySearchFunc(b.ifaces, name, func(i *ovsdb.Interface, name string) int { return strings.Compare(i.Name, name) })
	if !found {
		return nil
	}
	return b.ifaces[at]
}

// mayBe returns the interfaces that the port with an OpenFlow number and name may be: the
// one with that number in OVSDB, or those of that name while OVSDB has none with the number.
func (b *bridgeFacts) mayBe(number openflow.PortNo, name string) (all []*ovsdb.Interface) {
	if i := b.numbered[number]; i != nil {
		return []*ovsdb.Interface{i}
	}
	if len(name) < nameCut {
		if i := b.iface(name); i != nil {
			all = append(all, i)
		}
		return all
	}
	at, _ := slices.BinarySearchFunc(b.ifaces, name, func(i *ovsdb.Interface, name string) int { return strings.Compare(i.Name, name) })
	for at < len(b.ifaces) && strings.HasPrefix(b.ifaces[at].Name, name) {
		all = append(all, b.ifaces[at])
		at++
	}
	return all
}

// otherTunnel returns the name of a VXLAN interface that is not the tunnel port, "" if there
// is none.
func (b *bridgeFacts) otherTunnel() string {
	for _, i := range b.ifaces {
		if i.Type == "vxlan" && i.Name != pipeline.TunnelPort {
			return i.Name
		}
	}
	return ""
}

// ofNode returns the facts of a node's bridge, whose tunnel port has this number. accepted
// says whether the reports of OVSDB count, and writable whether sdnd may write to that
// database.
func (f *facts) ofNode(id topology.DatapathID, node string, tunnel openflow.PortNo, accepted, writable bool) status.Bridge {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.bridges[id]
	if !ok {
		return status.Bridge{}
	}
	n := status.Bridge{Name: b.name, Disabled: b.links[tunnel].disabled}
	if b.bridge == nil || !accepted {
		return n
	}
	n.Underlay, n.ReadOnly = b.bridge.UnderlayMTU, b.bridge.ReadOnly
	n.Standalone = b.bridge.FailMode != "secure"
	if i := b.iface(pipeline.TunnelPort); i != nil {
		n.Tunnel = &condition.Tunnel{Type: i.Type, Error: i.Error, Own: writable && b.owns(i, node)}
		if n.Tunnel.Own {
			n.Tunnel.OwnDstPort = dstPortOption(i.Joined.DstPort)
		}
		if i.Tunnel != nil {
			n.Tunnel.RemoteIP, n.Tunnel.Key, n.Tunnel.DstPort = i.Tunnel.RemoteIP, i.Tunnel.Key, dstPortOption(i.Tunnel.DstPort)
		}
	} else {
		n.OtherTunnel = b.otherTunnel()
	}
	return n
}

// vxlanPort is the UDP port of VXLAN without dst_port (RFC 7348, section 5).
const vxlanPort = "4789"

// dstPortOption returns a UDP port as an option of the tunnel, "" for VXLAN's own.
func dstPortOption(port string) string {
	if port == vxlanPort {
		return ""
	}
	return port
}

// updateBridge puts the facts of a node's bridge on the board.
func (d *dispatcher) updateBridge(n *node) {
	d.configure(n)
	now := d.f.facts.ofNode(n.dpid, n.name, d.view.Tunnel(n.name), d.acceptsOVSDB(n.dpid, n), d.sameMachine(n))
	d.underlayReported(n.name, now.Underlay)
	var port *string
	if now.Tunnel != nil && now.Tunnel.Error == "" {
		port = &now.Tunnel.DstPort
	}
	common := d.commonDstPort()
	d.countDstPort(n.dstPort, -1)
	d.countDstPort(port, +1)
	n.dstPort = port
	d.f.board.UpdateBridge(n.name, now, d.commonDstPort())
	d.updateOthers(common, n)
}

// updateOthers updates all nodes but one if the UDP port that most nodes use has changed.
func (d *dispatcher) updateOthers(before string, but *node) {
	if d.commonDstPort() == before {
		return
	}
	for _, n := range d.nodes {
		if n != but {
			d.updateBridge(n)
		}
	}
}

func (d *dispatcher) countDstPort(port *string, by int) {
	if port == nil {
		return
	}
	if d.dstPorts[*port] += by; d.dstPorts[*port] == 0 {
		delete(d.dstPorts, *port)
	}
}

// commonDstPort returns the UDP port that most nodes' tunnels use, "" for VXLAN's own; if
// several are used equally often, the first as text.
func (d *dispatcher) commonDstPort() (common string) {
	for _, port := range slices.Sorted(maps.Keys(d.dstPorts)) {
		if d.dstPorts[port] > d.dstPorts[common] {
			common = port
		}
	}
	return common
}

// assessInterface evaluates the ports again that an interface of a node may be.
func (d *dispatcher) assessInterface(n *node, name string, i *ovsdb.Interface) {
	if p, ok := d.view.Topo.PortByInterface(n.name, name); ok {
		d.assessPort(p.Name)
	}
	if i == nil {
		return
	}
	claim := binding.Interface{Name: i.Name, IfaceID: i.IfaceID, ContainerID: i.ContainerID, ContainerIface: i.ContainerIface}
	for _, id := range claim.IDs() {
		if p, ok := d.view.Topo.PortByBindingID(id); ok {
			d.assessPort(p.Name)
		}
	}
}

// assessNumber evaluates the ports again that the interface with an OpenFlow number may be.
func (d *dispatcher) assessNumber(n *node, number openflow.PortNo, name string) {
	d.f.facts.mu.Lock()
	all := d.f.facts.of(n.dpid).mayBe(number, name)
	d.f.facts.mu.Unlock()
	for _, i := range all {
		d.assessInterface(n, i.Name, i)
	}
	if len(all) == 0 {
		d.assessInterface(n, name, nil)
	}
}

// bridgeReported: OVSDB has reported the settings of a bridge.
type bridgeReported struct {
	dpid   topology.DatapathID
	bridge ovsdb.Bridge
}

func (e bridgeReported) happen(d *dispatcher) {
	d.f.facts.updateBridge(e.dpid, e.bridge)
	if n := d.nodeOf(e.dpid); n != nil {
		d.updateBridge(n)
	}
}

// BridgeChanged is part of ovsdb.Handler: the settings of a bridge have changed.
func (f *Fabric) BridgeChanged(datapathID uint64, b ovsdb.Bridge) {
	f.post(bridgeReported{topology.DatapathID(datapathID), b})
}
