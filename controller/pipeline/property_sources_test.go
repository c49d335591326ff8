package pipeline_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// checkSources compares the view's sources with those of a view made anew from the
// topology, and with the intended result: a node admits the nodes that it shares a network
// with, and no other address.
func (w *world) checkSources(t *rapid.T) {
	anew := pipeline.NewView(w.view.Topo)
	u := pipeline.Update{Health: slices.Collect(w.view.Healths()), Leaving: slices.Collect(w.view.Leavings())}
	for j := range w.view.Joins() {
		u.Joins = append(u.Joins, pipeline.JoinChange{Join: j})
	}
	for _, n := range nodeNames {
		u.Locals = append(u.Locals, pipeline.LocalChange{Node: n, After: w.view.Local(n), UDP: w.view.TunnelUDP(n)})
		if tun := w.view.Tunnel(n); tun != 0 {
			u.Tunnels = append(u.Tunnels, pipeline.TunnelChange{Node: n, After: tun})
		}
		if up := w.view.Uplink(n); up != 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n, After: up})
		}
		if up := w.view.Bridge(n, "br-ex"); up != 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n, Bridge: "br-ex", After: up})
		}
		if h := w.view.Host(n); h != 0 {
			u.Hosts = append(u.Hosts, pipeline.HostChange{Node: n, After: h})
		}
		for _, probe := range w.view.ContactsOf(n) {
			u.Contacts = append(u.Contacts, pipeline.ContactChange{Node: n, Port: probe, After: w.view.ContactBy(n, probe)})
		}
		if away, known := w.view.Away(n); known {
			u.Absences = append(u.Absences, pipeline.AbsenceChange{Node: n, Away: away})
		}
	}
	for p := range w.view.Topo.Ports() {
		if place := w.view.Place(p.Name); place != (pipeline.Place{}) {
			u.Places = append(u.Places, pipeline.PlaceChange{Port: p.Name, After: place})
		}
		if w.view.LinkDown(p.Name) {
			u.Links = append(u.Links, pipeline.LinkChange{Port: p.Name, Down: true})
		}
	}
	for l, on := range w.lingers {
		if on {
			u.Lingers = append(u.Lingers, pipeline.LingerChange{Domain: l[0], Node: l[1]})
		}
	}
	anew = anew.Next(u)
	for _, node := range nodeNames {
		if diff := cmp.Diff(compile(anew, node), compile(w.view, node)); diff != "" {
			t.Fatalf("%s (-compiled of a new view +of the view that came to be):\n%s", node, diff)
		}
		want, got := w.peersOf(node), admitted(w.view, node)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-shall admit +admits):\n%s", node, diff)
		}
	}
}

// peersOf returns, by the number of its routing domain, the addresses that a node must
// admit; "any" if it must admit all.
func (w *world) peersOf(node string) map[uint32]string {
	v, peers := w.view, map[uint32]string{}
	for network := range v.NetworksOn(node) {
		n, _ := v.Topo.Network(network)
		domain, name := uint32(n.VNI), n.Ref().String()
		if r, ok := v.Topo.RouterOf(network); ok {
			domain, name = r.ID, r.Ref().String()
		}
		senders := map[string]bool{}
		for peer := range v.NodesOf(network) {
			senders[peer] = true
		}
		for _, peer := range nodeNames {
			senders[peer] = senders[peer] || w.lingers[[2]string{name, peer}]
		}
		var addrs []netip.Addr
		any, others := false, false
		for peer := range senders {
			p, ok := v.Topo.Node(peer)
			if !ok || !senders[peer] || !p.Spec.TunnelIP.IsValid() {
				continue
			}
			addrs = append(addrs, p.Spec.TunnelIP)
			others = others || peer != node
			any = any || peer != node && v.Local(peer) != p.Spec.TunnelIP && p.Spec.TunnelCheck != topology.TunnelEnforce
		}
		if !others {
			continue
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		peers[domain] = fmt.Sprint(addrs)
		if any {
			peers[domain] += " any"
		}
	}
	return peers
}

// admitted returns the addresses that a node's flows admit, in the form of peersOf.
func admitted(v *pipeline.View, node string) map[uint32]string {
	addrs, all := map[uint32][]netip.Addr{}, map[uint32]bool{}
	for _, msg := range compile(v, node) {
		mod, ok := decoded(msg).(*openflow.FlowMod)
		if !ok || mod.Flow.Table != pipeline.TableSource || mod.Flow.Priority == 0 {
			continue
		}
		var domain uint32
		from := netip.Prefix{}
		for o := range mod.Flow.Match.All() {
			switch {
			case o.Field == openflow.FieldReg(1):
				domain = binary.BigEndian.Uint32(o.Value)
			default:
				a, _ := netip.AddrFromSlice(o.Value)
				from = netip.PrefixFrom(a, a.BitLen())
				if o.Mask != nil {
					from = netip.PrefixFrom(a, prefixBits(o.Mask))
				}
			}
		}
		if !from.IsValid() {
			all[domain] = true
		}
		for a := from.Addr(); from.Contains(a); a = a.Next() {
			addrs[domain] = append(addrs[domain], a)
		}
	}
	got := map[uint32]string{}
	for d, as := range addrs {
		slices.SortFunc(as, netip.Addr.Compare)
		got[d] = fmt.Sprint(as)
		if all[d] {
			got[d] += " any"
		}
	}
	return got
}

// prefixBits is how many bits a mask has.
func prefixBits(mask []byte) (n int) {
	for _, b := range mask {
		n += bits.OnesCount8(b)
	}
	return n
}
