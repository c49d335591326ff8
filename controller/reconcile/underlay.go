package reconcile

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func networkRef(name string) topology.Ref {
	return topology.Ref{Kind: topology.KindNetwork, Name: name}
}

// underlayReported records the MTU of a node's underlay in bytes, 0 for unknown, and evaluates
// again the networks that have ports there.
func (d *dispatcher) underlayReported(node string, mtu int) {
	if !d.f.facts.SetUnderlay(node, mtu) {
		return
	}
	for _, network := range slices.Collect(d.view.NetworksOn(node)) {
		d.assessNetwork(network)
	}
}

// assessNetwork evaluates a network's conditions again.
func (d *dispatcher) assessNetwork(name string) {
	d.f.board.Assess(networkRef(name), d.f.networkConditions(d.view, name, ""))
}

// assessNetworks evaluates again the networks that an update changes, that gained or lost a
// node, or whose nodes can or cannot reach each other because of it.
func (d *dispatcher) assessNetworks(before *pipeline.View, u pipeline.Update) {
	touched := map[string]bool{}
	for _, l := range u.Uplinks {
		d.throughKernel(l.Node, touched)
	}
	for _, h := range u.Hosts {
		d.throughKernel(h.Node, touched)
	}
	for _, t := range u.Tunnels {
		d.throughKernel(t.Node, touched)
	}
	look := func(v *pipeline.View, p *topology.Port) {
		if n, ok := v.Topo.Network(p.Spec.Network); ok && n.Spec.Multicast != "" {
			touched[n.Name] = true // each port is a member
		}
		if node := v.Location(p); node != "" && before.HasPorts(p.Spec.Network, node) != d.view.HasPorts(p.Spec.Network, node) {
			touched[p.Spec.Network] = true
		}
	}
	for _, name := range d.view.NetworksJoined() {
		was, had := before.Topo.Network(name)
		is, has := d.view.Topo.Network(name)
		if had && has && !reflect.DeepEqual(before.Exhausted(was), d.view.Exhausted(is)) {
			touched[name] = true
		}
	}
	for n := range d.view.Remixed(before) {
		touched[n] = true
	}
	for n := range u.EgressNetworks(before, d.view) {
		touched[n] = touched[n] || d.view.Leaves(n)
	}
	for _, c := range u.Changes {
		if c.Ref.Kind == topology.KindNetwork {
			touched[c.Ref.Name] = true
		}
		if c.Ref.Kind == topology.KindNode {
			d.throughKernel(c.Ref.Name, touched)
		}
		if c.Ref.Kind == topology.KindUplink {
			for r := range d.view.Topo.RoutersBy(c.Ref.Name) {
				for _, n := range r.Spec.Networks {
					touched[n] = true
				}
			}
		}
		for _, o := range []topology.Object{c.Before, c.After} {
			if r, ok := o.(*topology.Router); ok {
				for _, n := range r.Spec.Networks {
					touched[n] = touched[n] || r.Spec.Egress != nil || d.wantsHosts(n)
				}
			}
		}
		if p, ok := c.Before.(*topology.Port); ok {
			look(before, p)
		}
		if p, ok := c.After.(*topology.Port); ok {
			look(d.view, p)
		}
	}
	for _, c := range u.Places {
		if p, ok := before.Topo.Port(c.Port); ok {
			look(before, p)
		}
		if p, ok := d.view.Topo.Port(c.Port); ok {
			look(d.view, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if touched[name] {
			d.assessNetwork(name)
		}
	}
}

// throughKernel adds the networks of a node whose packets pass its kernel: they leave by an
// uplink, or have host access.
func (d *dispatcher) throughKernel(node string, networks map[string]bool) {
	for network := range d.view.NetworksOn(node) {
		if d.view.Leaves(network) || d.wantsHosts(network) {
			networks[network] = true
		}
	}
}

// networkConditions returns the conditions of a network or, with a node, only those that
// concern that node. Any goroutine may call it.
func (f *Fabric) networkConditions(v *pipeline.View, name, node string) []condition.Condition {
	n, ok := v.Topo.Network(name)
	if !ok {
		return nil
	}
	facts := condition.NetworkFacts{Name: name, MTU: n.Spec.PortMTU()}
	for at := range v.NodesOf(name) {
		if node != "" && at != node {
			continue
		}
		u := condition.Underlay{Node: at, MTU: f.facts.Underlay(at), Overhead: condition.OverIPv4}
		if o, ok := v.Topo.Node(at); ok && o.Spec.TunnelIP.Is6() {
			u.Overhead = condition.OverIPv6
		}
		if u.MTU != 0 && facts.MTU+u.Overhead > u.MTU && v.HasPorts(name, at) {
			facts.Small = append(facts.Small, u)
		}
	}
	if v.Leaves(name) {
		facts.Uplink = f.uplinkOf(v, name, node)
	}
	if n.Spec.HostAccess {
		f.hostAccessOf(v, n, node, &facts.Host)
	}
	if node == "" {
		facts.Upstream = f.upstreamsOf(n)
		facts.Overfull, facts.MaxMembers = v.Overfull(n), pipeline.MaxMembers
		full := v.Exhausted(n)
		facts.FullPorts, facts.GroupsFull, facts.JoinsFull = full.Ports, full.Groups, full.Joins
		facts.MaxPortGroups, facts.MaxGroups, facts.MaxJoins = pipeline.MaxPortGroups, pipeline.MaxNetworkGroups, pipeline.MaxJoins
	}
	if v.MixedTunnels(name) {
		facts.Tunnels = tunnelsOf(v, name, node)
	}
	slices.SortFunc(facts.Small, func(a, b condition.Underlay) int { return cmp.Compare(a.Node, b.Node) })
	return condition.Network(facts)
}

// uplinkOf finds out which nodes, or whether the given one, cannot be exits of a network. It
// leaves out nodes whose ports are not known.
func (f *Fabric) uplinkOf(v *pipeline.View, network, node string) (out condition.Uplink) {
	r, _ := v.Topo.RouterOf(network)
	u, ok := v.Topo.Uplink(r.Spec.Egress.Uplink)
	if !ok {
		return out
	}
	out.Name, out.Bridge = u.Name, u.Spec.Bridge
	for at := range v.NodesOf(network) {
		if node != "" && at != node || !v.HasPorts(network, at) || v.Tunnel(at) == 0 {
			continue
		}
		o, ok := v.Topo.Node(at)
		if !ok || v.LeaveElsewhere(network, at, u) {
			continue
		}
		for _, f := range model.Families() {
			if _, has := o.Spec.UplinkAddressOf(u.Spec, f); out.Bridge != "" && !has && v.LeavesBy(r, u, f) {
				out.NoAddress[f] = append(out.NoAddress[f], at)
			}
		}
		number := v.UplinkPortOf(at, u)
		if number == 0 {
			out.Missing = append(out.Missing, at)
		} else if _, l, i, known := f.facts.Port(o.DatapathID, number); known && i != nil && i.NoPeer {
			out.Severed = append(out.Severed, at)
		} else if known && !l.Forwards() {
			out.Down = append(out.Down, at)
		}
	}
	slices.Sort(out.Missing)
	slices.Sort(out.Down)
	slices.Sort(out.Severed)
	slices.Sort(out.NoAddress[model.IPv4])
	slices.Sort(out.NoAddress[model.IPv6])
	return out
}

// NetworkConditions returns the conditions of a network or, with a node, only those that
// concern that node; the node may see no others.
func (f *Fabric) NetworkConditions(name, node string) []condition.Condition {
	all := f.networkConditions(f.View(), name, node)
	f.board.Stamp(networkRef(name), all)
	return all
}

// tunnelsOf returns the nodes that have ports of a network, or of networks joined to it by a
// router, by the IP family of their tunnel address. With a node it returns only that node's
// name, or none if the node is not among them.
func tunnelsOf(v *pipeline.View, network, node string) (all [2]condition.TunnelNodes) {
	if node != "" && !v.Relevant(network, node) {
		return all
	}
	for at := range v.NodesOf(network) {
		o, ok := v.Topo.Node(at)
		if !ok || !o.Spec.TunnelIP.IsValid() {
			continue
		}
		f := &all[model.FamilyOf(o.Spec.TunnelIP)]
		f.Count++
		if node == "" || at == node {
			f.Names = append(f.Names, at)
		}
	}
	for i := range all {
		slices.Sort(all[i].Names)
	}
	return all
}

// assessHost evaluates again the networks with host access that have ports on a node.
func (d *dispatcher) assessHost(node string) {
	for network := range d.view.NetworksOn(node) {
		if d.wantsHosts(network) {
			d.assessNetwork(network)
		}
	}
}
