package topology

import (
	"fmt"

	"github.com/sdnctl/sdnctl/topology/model"
)

// planNodes adds the nodes. Datapath ids and tunnel addresses are unique.
func (p *planner) planNodes() {
	for _, it := range p.of(KindNode) {
		if it.del || it.same || it.broken {
			continue
		}
		n := &Node{Meta: p.meta(it), Spec: it.spec.(NodeSpec)}
		n.DatapathID = n.Spec.DatapathID
		if n.DatapathID == 0 {
			n.DatapathID = model.DatapathIDFor(n.Name)
		}
		if o, ok := p.x.nodesByDPID.Get(n.DatapathID); ok {
			p.bad(it, Conflict, "spec.datapathID", fmt.Sprintf("datapath id %s belongs to %s", n.DatapathID, o.Ref()), "give each switch a datapath id of its own")
		}
		if ip := n.Spec.TunnelIP; ip.IsValid() {
			if o, ok := p.x.nodesByTunnel.Get(byTunnel(ip)); ok {
				p.bad(it, Conflict, "spec.tunnelIP", fmt.Sprintf("%s belongs to %s", ip, o.Ref()), "give the address of this node on the underlay")
			}
		}
		if !it.broken {
			p.checkAddresses(it, n)
			p.checkUplinkAddresses(it, n)
		}
		if !it.broken {
			p.x.putNode(n)
			it.after = n
		}
	}
	p.checkTunnels()
}

// checkTunnels requires a tunnel address of every node once there are two, since no other
// node could reach one without.
func (p *planner) checkTunnels() {
	if p.x.nodes.Len() < 2 || p.x.nodes.Len() == p.x.nodesByTunnel.Len() {
		return
	}
	const fix = "set spec.tunnelIP to the node's address on the underlay, such as 192.168.50.11"
	var cause *item
	for _, it := range p.of(KindNode) {
		if it.del || it.broken {
			continue
		}
		cause = it
		if !it.after.(*Node).Spec.TunnelIP.IsValid() {
			p.bad(it, Invalid, "spec.tunnelIP", "the node has no tunnel IP, and other nodes cannot reach it without", fix)
		}
	}
	if cause == nil {
		return // nothing here added a node
	}
	for n := range all(p.x.nodes) {
		if _, ok := p.items[n.Ref()]; !ok && !n.Spec.TunnelIP.IsValid() {
			p.bad(cause, Invalid, "", fmt.Sprintf("%s has no tunnel IP, which it needs as soon as there is a second node", n.Ref()), "in the same change or before, "+fix+", on that node")
		}
	}
}
