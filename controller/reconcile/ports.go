package reconcile

import (
	"maps"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// portsKnown puts all ports of a node's switch into the table of bindings.
func (d *dispatcher) portsKnown(n *node, p *peer) {
	names := make(map[uint32]string, len(p.ports))
	for number, name := range p.ports {
		names[uint32(number)] = name
	}
	d.places(func(t *binding.Table) binding.Outcome { return t.SetPorts(d.view.Topo, n.name, names) }, d.ownPorts(n, p))
	d.linksKnown(n.name)
	d.contactsKnown(n, p)
	d.showPorts(n, p)
}

// ownPorts returns the changes of the ports that are the node's own: the tunnel, the uplink
// and that for host access.
func (d *dispatcher) ownPorts(n *node, p *peer) (u pipeline.Update) {
	if before, after := d.view.Tunnel(n.name), p.tunnel; before != after {
		u.Tunnels = []pipeline.TunnelChange{{Node: n.name, Before: before, After: after}}
	}
	if before, after := d.view.Uplink(n.name), p.uplink; before != after {
		u.Uplinks = []pipeline.UplinkChange{{Node: n.name, Before: before, After: after}}
	}
	bridges := maps.Clone(p.bridges)
	for bridge := range d.view.BridgesOf(n.name) {
		if bridges[bridge] == 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n.name, Bridge: bridge, Before: d.view.Bridge(n.name, bridge)})
		}
	}
	for _, bridge := range slices.Sorted(maps.Keys(bridges)) {
		if before, after := d.view.Bridge(n.name, bridge), bridges[bridge]; before != after {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n.name, Bridge: bridge, Before: before, After: after})
		}
	}
	if before, after := d.view.Host(n.name), p.host; before != after {
		u.Hosts = []pipeline.HostChange{{Node: n.name, Before: before, After: after}}
	}
	return u
}

func (d *dispatcher) showPorts(n *node, p *peer) {
	ports := len(p.ports)
	if _, ok := p.ports[openflow.PortLocal]; ok {
		ports-- // the bridge's own interface
	}
	d.f.board.Update(n.name, func(s *status.Node) { s.Ports, s.TunnelPort = ports, p.tunnel != 0 })
}

// portChanged: a port of a switch came, went or changed.
type portChanged struct {
	peer *peer
	*openflow.PortStatus
}

func (e portChanged) happen(d *dispatcher) {
	defer e.contactChanged(d)
	p, number, name := e.peer, e.Port.No, e.Port.Name
	if e.Reason == openflow.PortDeleted {
		name = ""
	} else if p.ports[number] == "" && len(p.ports) > worker.MaxPorts {
		p.sess.Close() // no real switch has that many
		return
	}
	renamed := p.setPort(number, name)
	carried := p.links[number].Carries()
	relinked := e.setLink()
	n := d.nodeOf(p.dpid)
	if n == nil || n.peer != p {
		return
	}
	if relinked {
		d.f.facts.UpdateLink(n.dpid, number, p.links[number])
	}
	if renamed {
		d.places(func(t *binding.Table) binding.Outcome {
			return t.SetPort(d.view.Topo, n.name, uint32(number), name)
		}, d.ownPorts(n, p))
		d.showPorts(n, p)
		if e.Port.Name == pipeline.TunnelPort {
			d.updateBridge(n)
		}
	}
	if !relinked {
		return
	}
	if carries := p.links[number].Carries(); !renamed && carries != carried {
		d.linkWent(n.name, number, carries)
	}
	e.linkChanged(d, n)
}

// setLink takes the state of the port's link, and reports whether that is a change.
func (e portChanged) setLink() bool {
	l := facts.LinkOf(&e.Port)
	if e.Reason == openflow.PortDeleted {
		l = facts.Link{}
	}
	if e.peer.ports[e.Port.No] == "" && l != (facts.Link{}) {
		return false
	}
	return e.peer.links.Set(e.Port.No, l)
}

// linkChanged evaluates again what depends on the state of the port.
func (e portChanged) linkChanged(d *dispatcher, n *node) {
	switch e.Port.No {
	case d.view.Tunnel(n.name):
		d.updateBridge(n)
		return
	}
	if number := e.Port.No; number == d.view.Uplink(n.name) || number == d.view.Host(n.name) || e.peer.bridges[strings.TrimPrefix(e.Port.Name, model.BridgeUplinkPrefix)] == number {
		networks := map[string]bool{}
		d.throughKernel(n.name, networks)
		for name := range networks {
			d.assessNetwork(name)
		}
		return
	}
	d.assessNumber(n, e.Port.No, e.Port.Name)
}
