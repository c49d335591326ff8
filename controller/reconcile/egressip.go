package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// probeInterval is how often nodes that probe each other send (BFD, RFC 5880), in milliseconds. A node
// is not reached once three in turn have not arrived.
const probeInterval = "60"

func egressRef(name string) topology.Ref {
	return topology.Ref{Kind: topology.KindEgressIP, Name: name}
}

// egressRows returns the ports by which a node and its peers find out whether they reach each other:
// tunnel ports with a fixed remote end, which run BFD. They have the tunnel key 0, which is no network's,
// so that all other packets of that peer come by the port for all peers, as they did before. looked is
// false if the node has none and needs none, so that its database need not be read for that, or if it is not
// known what its own tunnel port is like.
func (d *dispatcher) egressRows(n *node) (rows []ovsdb.OwnRow, looked bool) {
	tunnel, owns := d.f.facts.OwnTunnel(n.dpid, n.name)
	if !owns {
		return nil, false // not known yet, as after a start
	}
	for _, peer := range d.view.EgressPeers(n.name) {
		to, ok := d.view.Topo.Node(peer)
		if !ok {
			continue
		}
		options := map[string]string{"remote_ip": to.Spec.TunnelIP.String(), "key": "0"}
		if a := d.tunnelAddr(n); tunnel.Joined.LocalIP != "" || a.IsValid() {
			options["local_ip"] = cmp.Or(tunnel.Joined.LocalIP, a.String())
		}
		if tunnel.Joined.DstPort != "" {
			options["dst_port"] = tunnel.Joined.DstPort
		}
		name := model.EgressProbe(to.DatapathID)
		rows = append(rows, ovsdb.OwnRow{
			Table: "Interface", Key: "interface " + name,
			Columns: map[string]ovsdb.Value{
				"name": ovsdb.Set(ovsdb.Text(name)), "type": ovsdb.Set(ovsdb.Text("vxlan")), "options": ovsdb.Strings(options),
				"bfd": ovsdb.Strings(map[string]string{"enable": "true", "min_tx": probeInterval, "min_rx": probeInterval}),
			},
		}, ovsdb.OwnRow{
			Table: "Port", Key: "port " + name, On: d.bridge(),
			Columns: map[string]ovsdb.Value{"name": ovsdb.Set(ovsdb.Text(name)), "interfaces": ovsdb.Set(ovsdb.Own("interface " + name))},
		})
	}
	return rows, len(rows) > 0 || n.peer != nil && len(n.peer.contacts) > 0
}

// bridge returns the name of the nodes' bridge.
func (d *dispatcher) bridge() string { return cmp.Or(d.f.cfg.Bridge, "br-int") }

// setContact records whether a port finds the node that it probes.
func (p *peer) setContact(o *openflow.Port) bool {
	c, ok := p.contacts[o.Name]
	live := o.State&openflow.StateLive != 0
	if !ok || c.No != o.No || c.Live == live {
		return false
	}
	c.Live, c.Met = live, c.Met || live
	p.contacts[o.Name] = c
	return true
}

// contactChanged puts into the View what a port that probes another node has found.
func (e portChanged) contactChanged(d *dispatcher) {
	if _, ok := model.EgressProbed(e.Port.Name); !ok {
		return
	}
	if e.Reason != openflow.PortDeleted {
		e.peer.setContact(&e.Port)
	}
	if n := d.nodeOf(e.peer.dpid); n != nil && n.peer == e.peer {
		d.contacts(n, []string{e.Port.Name})
	}
}

// contactsKnown puts into the View what all such ports of a node have found.
func (d *dispatcher) contactsKnown(n *node, p *peer) {
	names := d.view.ContactsOf(n.name)
	for name := range p.contacts {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	d.contacts(n, names)
}

func (d *dispatcher) contacts(n *node, names []string) {
	var all []pipeline.ContactChange
	for _, name := range slices.Sorted(slices.Values(names)) {
		was, is := d.view.ContactBy(n.name, name), n.peer.contacts[name]
		if is.No == was.No {
			is.Met = is.Met || was.Met
		}
		if is != was {
			all = append(all, pipeline.ContactChange{Node: n.name, Port: name, After: is})
		}
	}
	if len(all) > 0 {
		d.advance(pipeline.Update{Contacts: all})
	}
}

// absences puts into the View which of the nodes are away, if egress addresses or services with addresses on
// uplinks need that.
// After a start a node counts as there until it has had its time to return: where addresses are must
// not depend on which node connects first.
func (d *dispatcher) absences(names []string) {
	if d.view.Topo.Count(topology.KindEgressIP) == 0 && !d.view.HasServicesOnUplinks() {
		return
	}
	var all []pipeline.AbsenceChange
	for _, name := range names {
		n := d.nodes[name]
		if n == nil || n.peer == nil && !d.returned && !n.left {
			continue
		}
		away := n.peer == nil
		if was, known := d.view.Away(name); !known || was != away {
			all = append(all, pipeline.AbsenceChange{Node: name, Away: away})
		}
	}
	if len(all) > 0 {
		d.advance(pipeline.Update{Absences: all})
	}
}

// egressChanged brings everything beside flows in line with egress addresses that an update changes.
func (d *dispatcher) egressChanged(before *pipeline.View, u pipeline.Update) {
	if before.Topo.Count(topology.KindEgressIP)+d.view.Topo.Count(topology.KindEgressIP) == 0 {
		return
	}
	changes := u.EgressIn(before, d.view)
	all := changes.All()
	var names []string
	for _, m := range pipeline.EgressMoves(before, d.view, u) {
		if m.From == "" {
			names = append(names, m.Name)
		}
	}
	for _, l := range u.Uplinks {
		for _, name := range d.egressOn(l.Node) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	d.announce(announced{egress: names})
	for _, c := range u.Changes {
		switch o := c.After.(type) {
		case *topology.Router, *topology.Network:
			_ = o
			for e := range d.view.Topo.EgressIPs() {
				all[e.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		d.assessEgressIP(name)
	}
	if len(u.Absences)+len(u.Contacts) > 0 && u.Topo == nil {
		return // neither ports nor rows change by that
	}
	nodes := pipeline.EgressNodes(before, d.view, all)
	for _, name := range nodes {
		if n := d.nodes[name]; n != nil && !slices.Equal(before.EgressPeers(name), d.view.EgressPeers(name)) {
			d.configure(n)
		}
	}
	d.absences(nodes)
}

// egressOn returns the egress addresses that a node has, by name.
func (d *dispatcher) egressOn(node string) (names []string) {
	for e := range d.view.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
		if d.view.EgressHolder(e.Name) == node {
			names = append(names, e.Name)
		}
	}
	return names
}

// announceEgress announces an egress address on the node that has it.
func (d *dispatcher) announceEgress(name string, then event) {
	o, ok := d.view.Topo.EgressIP(name)
	if !ok {
		return
	}
	at := d.view.EgressIPOf(o)
	if i := slices.IndexFunc(at.Gateways, func(g pipeline.Gateway) bool { return g.Node == at.Holder }); i >= 0 {
		d.announceAt(at.Holder, at.Gateways[i].Out, then, o.Spec.Addresses...)
	}
}

// assessEgressIP evaluates the conditions of an egress address again.
func (d *dispatcher) assessEgressIP(name string) {
	var all []condition.Condition
	if o, ok := d.view.Topo.EgressIP(name); ok {
		all = condition.EgressIP(d.f.egressFacts(d.view, o))
	}
	d.f.board.Assess(egressRef(name), all)
}

func (f *Fabric) egressFacts(v *pipeline.View, o *topology.EgressIP) condition.EgressFacts {
	at := v.EgressIPOf(o)
	facts := condition.EgressFacts{Name: o.Name, Uplink: o.Spec.Uplink, Holder: at.Holder}
	if at.Uplink != nil {
		facts.Bridge = at.Uplink.Spec.Bridge
	}
	for _, g := range at.Gateways {
		n, _ := v.Topo.Node(g.Node)
		way := condition.EgressNode{Name: g.Node, Reached: g.Reached, Bridge: g.Bridge, Addressed: true}
		if n != nil && at.Uplink != nil {
			for _, f := range model.Families() {
				_, needs := at.Uplink.Spec.GatewayOf(f)
				if _, has := n.Spec.UplinkAddressOf(at.Uplink.Spec, f); needs && !has && o.Spec.Has(f) {
					way.Addressed = false
					if f == topology.IPv6 && way.Lacks == "" {
						way.Lacks = f.String()
					}
				}
			}
			if g.Out != 0 {
				_, _, i, known := f.facts.Port(n.DatapathID, g.Out)
				way.Bridge = !known || i == nil || !i.NoPeer
			}
		}
		for from := range v.EgressSenders(o.Name) {
			if from != g.Node && v.ContactAt(from, g.Node).No == 0 {
				way.Blind = append(way.Blind, from)
			}
		}
		facts.Nodes = append(facts.Nodes, way)
	}
	for network, n := range v.EgressPorts(o.Name) {
		r, ok := v.Topo.RouterOf(network)
		way := condition.EgressNetwork{Name: network, Ports: n}
		if !ok || r.Spec.Egress == nil {
			if ok {
				way.Router = r.Name
			}
			facts.Networks = append(facts.Networks, way)
			continue
		}
		way.Router = r.Name
		if o.Spec.Has(topology.IPv6) && r.Spec.RoutesIPv6() {
			facts.Routed = append(facts.Routed, way)
		}
		net, _ := v.Topo.Network(network)
		for _, f := range model.Families() {
			if o.Spec.Has(f) && net.Spec.Has(f) && !v.LeavesIn(r, f) {
				way.Lacks, way.Uplink = f.String(), r.Spec.Egress.Uplink
				facts.Networks = append(facts.Networks, way)
			}
		}
	}
	byName := func(a, b condition.EgressNetwork) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(facts.Networks, byName)
	slices.SortFunc(facts.Routed, byName)
	return facts
}

// EgressIPStatus returns where an egress address of a topology is, and its conditions.
func (f *Fabric) EgressIPStatus(topo *topology.Snapshot, name string) status.EgressIP {
	o, ok := topo.EgressIP(name)
	if !ok {
		return status.EgressIP{}
	}
	v := f.View()
	at := v.EgressIPOf(o)
	s := status.EgressIP{Node: at.Holder, Conditions: condition.EgressIP(f.egressFacts(v, o))}
	for _, g := range at.Gateways {
		s.Gateways = append(s.Gateways, status.EgressGateway{Node: g.Node, Reached: g.Reached, Bridge: g.Bridge})
	}
	for _, n := range v.EgressPorts(name) {
		s.Ports += n
	}
	f.board.Stamp(egressRef(name), s.Conditions)
	return s
}
