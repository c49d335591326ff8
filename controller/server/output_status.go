package server

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// node shows a node.
func (v view) node(n *topology.Node) *api.Node {
	st, _ := v.fabric.NodeStatus(n.Name)
	return &api.Node{
		Kind:   api.KindNode,
		Name:   n.Name,
		Labels: n.Labels,
		Spec:   n.Spec,
		Status: v.nodeStatus(n, st),
		Meta:   metaOf(&n.Meta),
	}
}

// nodeStatus joins the status that the reconciler reports of a node with its allocations.
func (v view) nodeStatus(n *topology.Node, st status.Node) *api.NodeStatus {
	out := &api.NodeStatus{
		Ready:                condition.Ready(st.Conditions),
		Conditions:           conditions(st.Conditions),
		DatapathID:           n.DatapathID.String(),
		Connected:            st.Connected,
		Since:                timeOrNil(st.Since),
		Address:              st.Address,
		OVSVersion:           st.OVSVersion,
		WantedRevision:       api.Revision(st.Wanted),
		AcknowledgedRevision: api.Revision(st.Acknowledged),
		InSync:               st.InSync,
		Flows:                st.Items.Flows(),
		Groups:               st.Items.Groups(),
		Meters:               st.Items.Meters(),
		Ports:                st.Ports,
		TunnelPort:           st.TunnelPort,
		OVSDB:                st.OVSDB,
		CertificateExpires:   timeOrNil(st.CertificateExpires),
		LastError:            st.LastError,
	}
	for b := range v.snap.BlocksOn(n.Name) {
		out.Blocks = append(out.Blocks, blockStatus(b)...)
	}
	return out
}

// conditions converts conditions for the API.
func conditions(all []condition.Condition) []api.Condition {
	out := make([]api.Condition, len(all))
	for i, c := range all {
		out[i] = api.Condition{
			Reason: string(c.Reason), Severity: string(c.Severity), Message: c.Message, Action: c.Action, Since: c.Since.UTC(),
		}
	}
	return out
}

// timeOrNil returns a time in UTC, nil for the zero time.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// network shows a network. Its cost grows with the number of its ports.
func (v view) network(n *topology.Network) *api.Network {
	found := v.fabric.NetworkConditions(n.Name, v.only)
	st := &api.NetworkStatus{
		Ready: condition.Ready(found), Conditions: conditions(found),
		VNI: int(n.VNI), GatewayMAC: macText(n.GatewayMAC),
	}
	if r, ok := v.snap.RouterOf(n.Name); ok {
		st.Router = r.Name
	}
	if n.Spec.DNS.Enabled {
		st.Domain = n.Domain()
	}
	labels, spec := n.Labels, n.Spec
	ports, blocks := v.snap.PortsOfNetwork(n.Name), v.snap.BlocksOf(n.Name)
	if v.only != "" {
		// A node sees its part of the network.
		labels, ports, blocks = nil, v.snap.PortsOfNetworkOnNode(n.Name, v.only), v.ownBlocks(n.Name)
		spec.Blocks = slices.DeleteFunc(slices.Clone(spec.Blocks), func(b model.BlockSpec) bool { return b.Node != v.only })
	}
	nodes := map[string]bool{}
	for p := range ports {
		st.Ports++
		if node := v.nodeOf(p); node != "" {
			nodes[node] = true
		}
	}
	st.Nodes = len(nodes)
	for b := range blocks {
		st.Blocks = append(st.Blocks, blockStatus(b)...)
	}
	return &api.Network{
		Kind:   api.KindNetwork,
		Name:   n.Name,
		Labels: labels,
		Spec:   spec,
		Status: st,
		Meta:   metaOf(&n.Meta),
	}
}

// ownBlocks yields the block of a network that the viewing node has.
func (v view) ownBlocks(network string) iter.Seq[*topology.Block] {
	return func(yield func(*topology.Block) bool) {
		if b, ok := v.snap.Block(network, v.only); ok {
			yield(b)
		}
	}
}

// nodeOf returns the node that a port is pinned to or, if it is not pinned, the one it is
// bound on; "" if it is not bound.
func (v view) nodeOf(p *topology.Port) string {
	if p.Spec.Node != "" {
		return p.Spec.Node
	}
	if node, bound := v.fabric.Bound(p.Name); bound {
		return node
	}
	return ""
}

// router shows a router.
func (v view) router(r *topology.Router) *api.Router {
	known := v.fabric.RouterConditions(v.snap, r.Name)
	return &api.Router{
		Kind:   api.KindRouter,
		Name:   r.Name,
		Labels: r.Labels,
		Spec:   r.Spec,
		Status: &api.RouterStatus{Ready: condition.Ready(known), Conditions: conditions(known), ID: r.ID},
		Meta:   metaOf(&r.Meta),
	}
}

// port shows a port.
func (v view) port(p *topology.Port) *api.Port {
	bound := v.fabric.PortStatus(p.Name)
	st := &api.PortStatus{
		Ready:      condition.Ready(bound.Conditions),
		Conditions: conditions(bound.Conditions),
		Addresses:  v.links(p),
		MAC:        macText(p.MAC),
		Node:       bound.Node,
		Interface:  bound.Interface,
		Bound:      bound.Bound,
		Message:    bound.Message,
		Flooded:    bound.Flooded,
	}
	st.IP, st.PrefixLength, st.Gateway = st.Addresses[0].IP, st.Addresses[0].PrefixLength, st.Addresses[0].Gateway
	if d := bound.Dropped; d != nil {
		st.Drops = &api.Drops{Packets: d.Packets, Last: d.Last.UTC(), Reason: string(d.Reason()), MAC: d.MAC, IP: d.IP, Tagged: d.Tagged}
	}
	if c := bound.Candidate; c.Node != "" {
		st.Candidate = &api.Place{Node: c.Node, Interface: c.Interface}
	}
	if n, ok := v.snap.Network(p.Spec.Network); ok {
		st.VNI, st.MTU = int(n.VNI), n.Spec.PortMTU()
	}
	return &api.Port{
		Kind:   api.KindPort,
		Name:   p.Name,
		Labels: p.Labels,
		Spec:   p.Spec,
		Status: st,
		Meta:   metaOf(&p.Meta),
	}
}

// links returns the addresses of a port with the settings for its interface.
func (v view) links(p *topology.Port) []api.PortLink {
	links := make([]api.PortLink, len(p.Addresses))
	n, ok := v.snap.Network(p.Spec.Network)
	for i, a := range p.Addresses {
		links[i].IP = a.String()
		if ok {
			links[i].PrefixLength, links[i].Gateway = v.link(n, p, a)
		}
	}
	return links
}

// link returns the prefix length in bits and the gateway to configure with an address of a
// port. In a segmented network they are those of the node's block, in a stretched one those
// of the subnet. A stretched network has a gateway only if a router joins it.
func (v view) link(n *topology.Network, p *topology.Port, a netip.Addr) (int, string) {
	if n.Spec.Mode == topology.Segmented {
		if b, ok := v.snap.Block(n.Name, p.Spec.Node); ok {
			r, _ := b.Of(model.FamilyOf(a))
			return r.Prefix.Bits(), addrText(r.Gateway)
		}
		return 0, ""
	}
	_, routed := v.snap.RouterOf(n.Name)
	for _, s := range n.Spec.Subnets {
		switch {
		case !s.Prefix.Contains(a):
		case routed:
			return s.Prefix.Bits(), addrText(s.Gateway.Addr)
		default:
			return s.Prefix.Bits(), ""
		}
	}
	return 0, ""
}
