package facts

import (
	"net/netip"
	"strconv"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// Node returns the facts of a node's bridge whose tunnel port has the given number. accepted
// says whether the reports of OVSDB count, and writable whether sdnd may write to that
// database.
func (t *Table) Node(id topology.DatapathID, node string, tunnel openflow.PortNo, accepted, writable bool) status.Bridge {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.bridges[id]
	if !ok {
		return status.Bridge{}
	}
	n := status.Bridge{Name: b.name, Disabled: b.links[tunnel].Disabled}
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

// JoinedNode returns the node for which "sdnctl node join" configured a bridge, "" for none.
func (t *Table) JoinedNode(id topology.DatapathID) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.bridges[id]; ok && b.bridge != nil {
		return b.bridge.Node
	}
	return ""
}

// Tunnel is the tunnel port of a bridge that "sdnctl node join" configured.
type Tunnel struct {
	// Joined is what join recorded, Type the type of the interface, and Options its present
	// options.
	Joined  ovsdb.Joined
	Type    string
	Options ovsdb.Tunnel
}

// OwnTunnel returns the tunnel port of a node's bridge, if sdnd sets its options: "sdnctl node
// join" has marked it as the node's, and sdnd may write to the database.
func (t *Table) OwnTunnel(id topology.DatapathID, node string) (c Tunnel, own bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.bridges[id]
	if !ok || b.bridge == nil {
		return c, false
	}
	i := b.iface(pipeline.TunnelPort)
	if !b.owns(i, node) {
		return c, false
	}
	c.Joined, c.Type = *i.Joined, i.Type
	if i.Tunnel != nil {
		c.Options = *i.Tunnel
	}
	return c, true
}

// TunnelSource returns the address from which a bridge's tunnel port sends, as OVSDB reports it,
// the zero Addr if it is not set, and its UDP port, 0 if that is VXLAN's own. Without a tunnel port
// they are unknown.
func (t *Table) TunnelSource(id topology.DatapathID) (local netip.Addr, udp uint16, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.bridges[id]
	if !ok {
		return netip.Addr{}, 0, false
	}
	i := b.iface(pipeline.TunnelPort)
	if i != nil && i.Tunnel != nil {
		local, _ = netip.ParseAddr(i.Tunnel.LocalIP) // the zero Addr if it is not an address
		port, _ := strconv.ParseUint(dstPortOption(i.Tunnel.DstPort), 10, 16)
		udp = uint16(port) // 0 if it is not a port
	}
	return local, udp, i != nil
}
