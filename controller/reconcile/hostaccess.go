package reconcile

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// wantsHosts reports whether a network is declared with host access.
func (d *dispatcher) wantsHosts(network string) bool {
	n, ok := d.view.Topo.Network(network)
	return ok && n.Spec.HostAccess
}

// hostAccessOf finds out what keeps nodes, or the one if it is given, from reaching ports of a
// network with host access. A node whose ports are not known is not among them.
func (f *Fabric) hostAccessOf(v *pipeline.View, n *topology.Network, node string, out *condition.HostAccess) {
	if out.NoGateway = !v.HasHostAccess(n); out.NoGateway {
		return
	}
	for _, s := range n.Spec.Subnets {
		out.Subnets = append(out.Subnets, s.Prefix)
	}
	for at := range v.NodesOf(n.Name) {
		o, ok := v.Topo.Node(at)
		if !ok || node != "" && at != node || !v.HasPorts(n.Name, at) || v.Tunnel(at) == 0 {
			continue
		}
		if slices.ContainsFunc(out.Subnets, func(p netip.Prefix) bool {
			_, ok := o.Spec.Address(model.FamilyOf(p.Addr()))
			return !ok
		}) {
			out.NoAddress = append(out.NoAddress, at)
		}
		number := v.Host(at)
		if number == 0 {
			out.Missing = append(out.Missing, at)
		} else if _, l, _, known := f.facts.Port(o.DatapathID, number); known && !l.Forwards() {
			out.Down = append(out.Down, at)
		} else if !joinedFor(f.facts.Interface(o.DatapathID, pipeline.HostPort), n, o) {
			out.Other = append(out.Other, at)
		}
	}
	for _, nodes := range [][]string{out.NoAddress, out.Missing, out.Down, out.Other} {
		slices.Sort(nodes)
	}
}

// joinedFor reports whether a machine routes all addresses of a network to its port for host
// access, and sends from the addresses that its node is declared with. i is the port's
// interface. It also returns true if OVSDB does not say.
func joinedFor(i *ovsdb.Interface, n *topology.Network, o *topology.Node) bool {
	if i == nil || i.Joined == nil {
		return true
	}
	var ranges []netip.Prefix
	for text := range strings.SplitSeq(i.Joined.HostRanges, ",") {
		if p, err := netip.ParsePrefix(text); err == nil {
			ranges = append(ranges, p)
		}
	}
	addresses := strings.Split(i.Joined.HostAddresses, ",")
	for _, s := range n.Spec.Subnets {
		a, ok := o.Spec.Address(model.FamilyOf(s.Prefix.Addr()))
		if !ok {
			continue // a condition of its own
		}
		if !slices.Contains(addresses, a.String()) || !slices.ContainsFunc(ranges, func(r netip.Prefix) bool {
			return r.Contains(s.Prefix.Addr()) && r.Bits() <= s.Prefix.Bits()
		}) {
			return false
		}
	}
	return true
}
