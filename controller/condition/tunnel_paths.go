package condition

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// TunnelFault is what does not arrive by the tunnel between a node and a peer.
type TunnelFault struct {
	Peer string
	Addr netip.Addr // the peer's tunnel address
	// Out says that it does not arrive at the peer, In that it does not come from there.
	Out, In bool
	// Size is 0 if nothing arrives. Else it is the MTU of Network in bytes: packets of that size do
	// not arrive, and small ones do.
	Size    int
	Network string
}

// The size of the headers that VXLAN adds, in bytes: the inner Ethernet header and the headers of
// VXLAN, UDP and IP (RFC 7348, section 5).
const (
	OverIPv4 = 14 + 8 + 8 + 20
	OverIPv6 = 14 + 8 + 8 + 40
)

// tunnelPaths adds the conditions of tunnels by which packets do not arrive.
func tunnelPaths(l *list, f NodeFacts) {
	var blocked, narrow []TunnelFault
	for _, t := range f.TunnelFaults {
		if t.Size == 0 {
			blocked = append(blocked, t)
		} else {
			narrow = append(narrow, t)
		}
	}
	if len(blocked) > 0 {
		port := "4789"
		if f.Tunnel != nil {
			port = cmp.Or(f.Tunnel.WantDstPort, port)
		}
		l.add(TunnelBlocked, "packets that sdnd has switches send by VXLAN are lost: "+pathsText(blocked),
			fmt.Sprintf("let UDP port %s pass between %s and %s in both directions, in the firewalls of both machines and between them; on %s, 'ip route get %s' shows the way", port, f.TunnelIP, blocked[0].Addr, f.Name, blocked[0].Addr))
	}
	if len(narrow) > 0 {
		over := OverIPv4
		if f.TunnelIP.Is6() {
			over = OverIPv6
		}
		t := narrow[0]
		l.add(TunnelMTUTooSmall, fmt.Sprintf("packets of %d bytes, the MTU of network %s, are lost: %s; small ones arrive, so the underlay carries less than %d bytes there", t.Size, t.Network, pathsText(narrow), t.Size+over),
			fmt.Sprintf("raise the MTU of the underlay between %s and %s to %d; or lower that of the networks, as with: sdnctl network set %s --mtu 1400, and the same in their containers", f.TunnelIP, t.Addr, t.Size+over, t.Network))
	}
}

// pathsText says where packets do not arrive, as in "to node2, and to and from node3".
func pathsText(all []TunnelFault) string {
	var parts []string
	for _, t := range all[:min(len(all), maxNamed)] {
		way := "from "
		switch {
		case t.In && t.Out:
			way = "to and from "
		case t.Out:
			way = "to "
		}
		parts = append(parts, way+t.Peer)
	}
	if more := len(all) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more nodes", more))
	}
	return strings.Join(parts, ", ")
}
