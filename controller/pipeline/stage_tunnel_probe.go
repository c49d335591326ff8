package pipeline

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
)

// TableTunnelProbe sends sdnd what it has had another node send through the tunnel, to find out
// whether packets arrive.
const TableTunnelProbe openflow.TableID = 138

// TunnelProbeType is the EtherType of these packets: the first one for local experiments (IEEE
// 802, 9.2.3).
const TunnelProbeType = 0x88b5

// TunnelProbeBytes is how much of a probe comes to sdnd.
const TunnelProbeBytes = 64

// tunnelProbeKey is the tunnel key of probes. The ports by which switches watch each other take those
// with the key 0.
const tunnelProbeKey = 1

// tunnelProbeMeter limits the probes that a node's switch sends to sdnd.
const tunnelProbeMeter = healthMeter + 1

// tunnelProbesPerSecond is how many these are, in the long run and at once.
const tunnelProbesPerSecond = 100

func tunnelProbeStage() stage {
	return stage{
		Table:  Table{TableTunnelProbe, "tunnel-probe", "what sdnd has had another node send, to find out whether it arrives", "in_port", "controller, at a bounded rate"},
		node:   (*Compiler).tunnelProbeNode,
		groups: true,
	}
}

// classifyTunnelProbe takes probes from the tunnel.
func (c *Compiler) classifyTunnelProbe(tun openflow.PortNo) {
	c.match = c.match[:0].InPort(tun).EthType(TunnelProbeType)
	c.instr = c.instr[:0].GotoTable(c.next(TableTunnelProbe))
	c.emit(prioNormal, "takes probes of the tunnel from other nodes")
}

func (c *Compiler) tunnelProbeNode() {
	tun := c.view.Tunnel(c.node)
	if tun == 0 {
		return
	}
	c.emitMeter(openflow.Meter{
		ID: tunnelProbeMeter, Flags: openflow.MeterPktps | openflow.MeterBurst,
		Bands: openflow.Bands(nil).Drop(tunnelProbesPerSecond, tunnelProbesPerSecond),
	}, "limits how many probes of the tunnel go to sdnd")
	c.match = c.match[:0].InPort(tun)
	c.actions = c.actions[:0].Controller(TunnelProbeBytes)
	c.instr = c.instr[:0].Meter(tunnelProbeMeter).ApplyActions(c.actions)
	c.emit(prioNormal, "sends probes of the tunnel to sdnd")
}

// ToTunnel returns the actions that send a probe by a node's tunnel to another node.
func ToTunnel(tun openflow.PortNo, to netip.Addr) openflow.Actions {
	return openflow.Actions(nil).SetTunnelID(tunnelProbeKey).SetTunnelDst(to).Output(tun)
}

// TunnelPath is the way by the tunnel from a node to another one.
type TunnelPath struct{ From, To string }

// TunnelFault is what does not arrive by a tunnel.
type TunnelFault struct {
	// Network is that of NextPeer.
	Network string
	// Size is 0 if nothing arrives, and else the MTU of the network, in bytes: packets of that size do
	// not arrive, and small ones do.
	Size int
}

// NextPeer returns the first node behind another one, by name, that has ports of networks of which,
// or of networks joined to them by a router, the node has ports, too; "" if there is none.
// network is the one with the largest MTU of those that the node has ports of.
func (v *View) NextPeer(node, after string) (peer, network string) {
	seen := map[domain]bool{}
	for at := range seconds(v.byNode, node) {
		if d := v.domainOf(at); !seen[d] { // the others of the domain have the same peers
			seen[d] = true
			if next := v.nextIn(d, node, after); next != "" && (peer == "" || next < peer) {
				peer = next
			}
		}
	}
	if peer == "" {
		return "", ""
	}
	mtu := 0
	for at := range seconds(v.byNode, node) {
		if n, ok := v.Topo.Network(at); ok && n.Spec.PortMTU() > mtu && v.hasPortsIn(v.domainOf(at), peer) {
			network, mtu = at, n.Spec.PortMTU()
		}
	}
	return peer, network
}

// Peers reports whether NextPeer returns a node as a peer of another one.
func (v *View) Peers(node, peer string) bool {
	for at := range seconds(v.byNode, node) {
		if node != peer && v.hasPortsIn(v.domainOf(at), peer) {
			return true
		}
	}
	return false
}

// nextIn returns the first node behind another one that has ports in a domain, other than a node.
func (v *View) nextIn(d domain, node, after string) (next string) {
	for network := range v.networksIn(d) {
		v.byNetwork.Ascend(pairOf(network, after+"\x00"), func(k pair, _ int) bool {
			switch found := secondOf(k); {
			case firstOf(k) != network:
				return false
			case found == node:
				return true
			case next == "" || found < next:
				next = found
			}
			return false
		})
	}
	return next
}
