package pipeline_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// table is the flows of a switch by cookie, as messages.
type table map[openflow.Cookie][]byte

func compile(v *pipeline.View, node string) table {
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, node)
	t := table{}
	for _, e := range set.Items() {
		t[e.Cookie()] = bytes.Clone(set.Message(e)) // of a group its sum
	}
	return t
}

// key returns the key of an item on a switch: an addition with the same key replaces it.
func key(msg []byte) string {
	switch m := decoded(msg).(type) {
	case *openflow.FlowMod:
		return fmt.Sprint(m.Flow.Key())
	case *openflow.GroupMod:
		return fmt.Sprint("group ", m.Group.ID)
	case *openflow.MeterMod:
		return fmt.Sprint("meter ", m.Meter.ID)
	}
	panic("no item")
}

// isNumbered reports whether a message is about a group or meter, not a flow.
func isNumbered(msg []byte) bool {
	return openflow.FrameType(msg) == openflow.TypeGroupMod || openflow.FrameType(msg) == openflow.TypeMeterMod
}

// decoded is a message that adds an item.
func decoded(msg []byte) openflow.Message {
	m, err := openflow.DecodeMessage(msg)
	if err != nil {
		panic(err)
	}
	return m
}

// apply applies a delta to the table as a switch does: removals, then additions.
func (t table) apply(d *pipeline.Delta) {
	for _, e := range d.Removed() {
		delete(t, e.Cookie())
	}
	for _, e := range d.Added() {
		msg := bytes.Clone(d.AddMessage(e))
		for c, other := range t {
			if key(other) == key(msg) {
				delete(t, c)
			}
		}
		t[e.Cookie()] = msg
	}
}

// world is a topology that rapid changes at random, with what was sent to each node's
// switch so far.
type world struct {
	view     *pipeline.View
	switches map[string]table
	// late holds what is marked for a node whose switch is slow: each unit with the view
	// before it was marked. held holds what must wait for other nodes.
	late, held map[string]map[pipeline.Unit]*pipeline.View
	// waited says that some of a node's late units were held.
	waited map[string]bool
	// synced is the view that a node's switch last had. Every second
	// time the change is computed from that view instead of from what is marked.
	synced map[string]*pipeline.View
	turns  int
	// lingers has the domains and nodes that have just left them.
	lingers map[[2]string]bool
}

var (
	nodeNames = []string{"n1", "n2", "n3"}
	netNames  = []string{"a", "b", "c", "seg"}
)

// step makes the next view. The units for which hold returns true wait longer than others,
// unless they are marked again.
func (w *world) step(u pipeline.Update, hold func(node string, unit pipeline.Unit) bool) {
	before := w.view
	w.view = before.Next(u)
	fresh := map[string]map[pipeline.Unit]bool{}
	pipeline.Affected(before, w.view, u, func(node string, unit pipeline.Unit) {
		if fresh[node] == nil {
			fresh[node] = map[pipeline.Unit]bool{}
		}
		fresh[node][unit] = true
	})
	for node, units := range fresh {
		if w.late[node] == nil {
			w.late[node], w.held[node] = map[pipeline.Unit]*pipeline.View{}, map[pipeline.Unit]*pipeline.View{}
		}
		late, held := w.late[node], w.held[node]
		for unit := range units {
			switch {
			case late[unit] != nil:
			case held[unit] != nil:
				late[unit] = held[unit]
				delete(held, unit)
				w.waited[node] = true
			case hold != nil && hold(node, unit):
				held[unit] = before
			default:
				late[unit] = before
			}
		}
	}
}

// moves returns what has to wait in a change that moves ports: everything on the nodes that
// they leave, and the ports themselves on nodes that they neither leave nor reach.
func (w *world) moves(r topology.Result) func(node string, u pipeline.Unit) bool {
	ports, to, from := map[string]bool{}, map[string]bool{}, map[string]bool{}
	after := w.view.Next(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified})
	for _, c := range r.Changes {
		b, _ := c.Before.(*topology.Port)
		a, _ := c.After.(*topology.Port)
		if b == nil || a == nil {
			continue
		}
		if was, is := w.view.Location(b), after.Location(a); was != is && was != "" && is != "" {
			ports[c.Ref.Name], to[is], from[was] = true, true, true
		}
	}
	return func(node string, u pipeline.Unit) bool {
		return !to[node] && (from[node] || u.Kind == pipeline.UnitPort && ports[u.Name])
	}
}

// catchUp sends to a node's switch what is late.
func (w *world) catchUp(node string) {
	var d pipeline.Delta
	if w.turns++; w.turns%2 == 0 && w.synced[node] != nil {
		w.release(node)
		older := maps.Clone(w.late[node])
		maps.DeleteFunc(older, func(_ pipeline.Unit, v *pipeline.View) bool { return v.Seq >= w.synced[node].Seq })
		d.ComputeWide(w.view, node, older, w.synced[node])
	} else {
		d.Compute(w.view, node, maps.All(w.late[node]))
	}
	if w.waited[node] {
		d.SpareOwned(w.view, node, func(u pipeline.Unit) bool { return w.held[node][u] != nil })
		w.waited[node] = false
	}
	if w.synced == nil {
		w.synced = map[string]*pipeline.View{}
	}
	w.synced[node] = w.view
	if w.switches[node] == nil {
		w.switches[node] = table{}
	}
	w.switches[node].apply(&d)
	clear(w.late[node])
}

// release releases what is held for a node.
func (w *world) release(node string) {
	w.waited[node] = w.waited[node] || len(w.held[node]) > 0
	maps.Copy(w.late[node], w.held[node])
	clear(w.held[node])
}

// checkSources compares the view's sources with those of a view made anew from the
// topology, and with the intended result: a node admits the nodes that it shares a network
// with, and no other address.
func (w *world) checkSources(t *rapid.T) {
	anew := pipeline.NewView(w.view.Topo)
	u := pipeline.Update{}
	for _, n := range nodeNames {
		u.Locals = append(u.Locals, pipeline.LocalChange{Node: n, After: w.view.Local(n)})
		if tun := w.view.Tunnel(n); tun != 0 {
			u.Tunnels = append(u.Tunnels, pipeline.TunnelChange{Node: n, After: tun})
		}
		if up := w.view.Uplink(n); up != 0 {
			u.Uplinks = append(u.Uplinks, pipeline.UplinkChange{Node: n, After: up})
		}
	}
	for p := range w.view.Topo.Ports() {
		if place := w.view.Place(p.Name); place != (pipeline.Place{}) {
			u.Places = append(u.Places, pipeline.PlaceChange{Port: p.Name, After: place})
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

// check compares every switch with a full compilation.
func (w *world) check(t *rapid.T) {
	w.checkSources(t)
	for _, node := range nodeNames {
		w.release(node)
		w.catchUp(node)
		want, got := compile(w.view, node), w.switches[node]
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, w.view, node)
		if set.Len() != len(want) {
			t.Fatalf("node %s: two units make the same flow", node)
		}
		keys := map[string]bool{}
		for _, msg := range want {
			if k := key(msg); keys[k] {
				t.Fatalf("node %s: two flows have one key: %v", node, describe(msg))
			} else {
				keys[k] = true
			}
		}
		for c, msg := range want {
			if _, ok := got[c]; !ok {
				t.Fatalf("node %s: missing: %v", node, describe(msg))
			}
		}
		for c, msg := range got {
			if _, ok := want[c]; !ok {
				t.Fatalf("node %s: left over: %v", node, describe(msg))
			}
		}
	}
}

func describe(msg []byte) string {
	switch m := decoded(msg).(type) {
	case *openflow.FlowMod:
		return m.Flow.String()
	case *openflow.GroupMod:
		return m.Group.String()
	case *openflow.MeterMod:
		return m.Meter.String()
	}
	return "no item"
}

// randomOp returns an op that is valid in most cases.
func randomOp(t *rapid.T) topology.Op {
	pick := func(label string, of []string) string { return rapid.SampledFrom(of).Draw(t, label) }
	verb := topology.Put
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		verb = topology.Delete
	}
	op := topology.Op{Verb: verb}
	switch rapid.IntRange(0, 17).Draw(t, "kind") {
	case 17:
		op.Ref = topology.Ref{Kind: topology.KindUplink, Name: pick("uplink", []string{"u1", "u2"})}
		spec := model.UplinkSpec{}
		switch rapid.IntRange(0, 2).Draw(t, "ranges") {
		case 1:
			spec.Ranges = []netip.Prefix{netip.MustParsePrefix("198.19.0.0/16")}
		case 2:
			spec.Ranges = []netip.Prefix{netip.MustParsePrefix("fd99::/64")}
		}
		op.Spec = spec
	case 10:
		op.Ref = topology.Ref{Kind: model.KindPortGroup, Name: "g"}
		spec := model.PortGroupSpec{Selector: &model.Selector{MatchLabels: map[string]string{"app": pick("of app", apps)}}}
		if rapid.Bool().Draw(t, "listed") {
			spec = model.PortGroupSpec{Ports: []string{fmt.Sprintf("p%d", rapid.IntRange(0, 7).Draw(t, "port"))}}
		}
		op.Spec = spec
	case 11, 12, 13:
		op.Ref = topology.Ref{Kind: model.KindPolicy, Name: pick("policy", []string{"x", "y", "z"})}
		op.Spec = randomPolicy(t)
	case 14, 15, 16:
		op.Ref = topology.Ref{Kind: model.KindService, Name: pick("service", []string{"x", "y", "z"})}
		op.Spec = randomService(t)
	case 0:
		name := pick("node", nodeNames)
		op.Ref = topology.Ref{Kind: topology.KindNode, Name: name}
		spec := topology.NodeSpec{}
		if x := rapid.IntRange(0, 9).Draw(t, "tunnel"); x > 0 {
			spec.TunnelIP = underlay(x, name)
		}
		if rapid.IntRange(0, 2).Draw(t, "enforce") == 0 {
			spec.TunnelCheck = topology.TunnelEnforce
		}
		op.Spec = spec
	case 1, 2:
		name := pick("network", netNames)
		op.Ref = topology.Ref{Kind: topology.KindNetwork, Name: name}
		op.Spec = networkSpec(t, name)
	case 3:
		op.Ref = topology.Ref{Kind: topology.KindRouter, Name: pick("router", []string{"r1", "r2"})}
		all := slices.Clone(netNames)
		joined := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, rapid.ID[string]).Draw(t, "joined")
		spec := topology.RouterSpec{Networks: joined}
		if rapid.Bool().Draw(t, "leaves") {
			spec.Egress = &model.RouterEgress{Uplink: pick("by", []string{"u1", "u2"})}
		}
		op.Spec = spec
	default:
		name := fmt.Sprintf("p%d", rapid.IntRange(0, 7).Draw(t, "port"))
		op.Ref = topology.Ref{Kind: topology.KindPort, Name: name}
		if app := pick("app", append(apps, "")); app != "" {
			op.Labels = map[string]string{"app": app}
		}
		spec := topology.PortSpec{Network: pick("of", netNames)}
		if rapid.IntRange(0, 3).Draw(t, "further") == 0 {
			spec.Addresses = []model.PortAddress{rapid.SampledFrom([]model.PortAddress{
				{IP: netip.MustParseAddr("10.0.0.77")}, {IP: netip.MustParseAddr("fd00::77"), MAC: topology.MAC{2, 0xee}}, {MAC: topology.MAC{2, 0xdd}},
				{Prefix: netip.MustParsePrefix("10.77.0.0/24")}, {Prefix: netip.MustParsePrefix("fd77::/64")}, {IP: netip.MustParseAddr("fe80::77")},
			}).Draw(t, "address")}
		}
		if n := rapid.IntRange(0, 2).Draw(t, "http"); n > 0 {
			spec.NamedPorts = map[string]model.PolicyPort{"http": {Protocol: model.ProtocolTCP, First: uint16(80 * n), Last: uint16(80 * n)}}
		}
		if rapid.IntRange(0, 5).Draw(t, "off") == 0 {
			spec.PortSecurity = model.PortSecurityOff
		}
		if spec.Network == "seg" || rapid.Bool().Draw(t, "pinned") {
			spec.Node = pick("on", nodeNames)
		}
		op.Spec = spec
	}
	if verb == topology.Delete {
		op.Spec = nil
	}
	return op
}

var apps = []string{"web", "db"}

// randomService returns a service for routers or networks, with backends of all kinds.
func randomService(t *rapid.T) model.ServiceSpec {
	addr := func(format string) netip.Addr {
		return netip.MustParseAddr(fmt.Sprintf(format, rapid.IntRange(1, 4).Draw(t, "last of the service's address")))
	}
	s := model.ServiceSpec{
		Addresses: []netip.Addr{addr("192.0.2.%d"), addr("2001:db8::%d")}[rapid.IntRange(0, 1).Draw(t, "first family"):],
		Ports:     []model.ServicePort{{Name: "one", Port: 80, TargetPort: uint16(rapid.IntRange(0, 1).Draw(t, "target"))}, {Name: "two", Port: 80, Protocol: model.ProtocolUDP}}[:rapid.IntRange(1, 2).Draw(t, "ports")],
	}
	if rapid.Bool().Draw(t, "for networks") {
		s.Networks = rapid.SliceOfNDistinct(rapid.SampledFrom(netNames), 1, 2, rapid.ID[string]).Draw(t, "networks")
	} else {
		s.Routers = []string{rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "router")}
	}
	switch rapid.IntRange(0, 3).Draw(t, "backends") {
	case 0:
		s.Backends.PortGroup = "g"
	case 1:
		s.Backends.Endpoints = []model.ServiceEndpoint{{
			Port:  fmt.Sprintf("p%d", rapid.IntRange(0, 7).Draw(t, "endpoint")),
			State: rapid.SampledFrom([]model.EndpointState{model.EndpointReady, model.EndpointDraining}).Draw(t, "state"),
		}}
	case 2:
		s.Backends.Selector = &model.Selector{}
	default:
		s.Backends.Selector = &model.Selector{MatchLabels: map[string]string{"app": rapid.SampledFrom(apps).Draw(t, "backend app")}}
	}
	return s
}

// randomPolicy returns a policy that selects by a label, a group or a network.
func randomPolicy(t *rapid.T) model.PolicySpec {
	selection := func() model.PolicySelection {
		switch rapid.IntRange(0, 4).Draw(t, "selection") {
		case 0:
			return model.PolicySelection{PortGroup: "g"}
		case 1:
			return model.PolicySelection{Networks: []string{rapid.SampledFrom(netNames).Draw(t, "selected network")}}
		case 2:
			return model.PolicySelection{Selector: &model.Selector{}}
		}
		return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": rapid.SampledFrom(apps).Draw(t, "selected app")}}}
	}
	rules := func() (all []model.PolicyRule) {
		for range rapid.IntRange(0, 2).Draw(t, "rules") {
			r := model.PolicyRule{Action: rapid.SampledFrom([]model.PolicyAction{model.ActionAllow, model.ActionAllow, model.ActionDeny, model.ActionPass, model.ActionReject}).Draw(t, "action")}
			for range rapid.IntRange(0, 2).Draw(t, "peers") {
				peer := model.PolicyPeer{PolicySelection: selection()}
				if rapid.IntRange(0, 3).Draw(t, "addresses") == 0 {
					peer = model.PolicyPeer{CIDR: netip.MustParsePrefix("10.0.0.0/8"), Except: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}
				}
				r.Peers = append(r.Peers, peer)
			}
			for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"tcp/80", "tcp", "udp/8000-8010", "icmp", "icmpv6/128", "sctp/7", "tcp/http"}), 0, 2, rapid.ID[string]).Draw(t, "ports") {
				var port model.PolicyPort
				if err := port.UnmarshalText([]byte(p)); err != nil {
					t.Fatal(err)
				}
				r.Ports = append(r.Ports, port)
			}
			all = append(all, r)
		}
		return all
	}
	return model.PolicySpec{
		Tier: rapid.SampledFrom(model.PolicyTiers()).Draw(t, "tier"), Priority: rapid.IntRange(0, 3).Draw(t, "priority"),
		Subject: selection(), Ingress: rules(), Egress: rules(),
		Isolates: rapid.SliceOfNDistinct(rapid.SampledFrom([]model.PolicyDirection{model.Ingress, model.Egress}), 0, 2, rapid.ID[model.PolicyDirection]).Draw(t, "isolates"),
	}
}

// underlay returns one of nine tunnel addresses of a node. Those of all nodes are next to
// each other, with gaps, in two parts of the underlay for IPv4 and one for IPv6.
func underlay(x int, node string) netip.Addr {
	if x > 7 {
		return netip.AddrFrom16([16]byte{0xfd, 0x50, 15: 4*byte(x-8) + node[1] - '1'})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2 + byte(x%2), 4*byte(x) + node[1] - '1'})
}

// networkSpec returns the spec of a network for which sdnd answers some protocols.
func networkSpec(t *rapid.T, name string) topology.NetworkSpec {
	spec := addressesOf(t, name)
	spec.DHCP.Enabled = spec.Has(topology.IPv4) && rapid.Bool().Draw(t, "dhcp")
	if spec.Has(topology.IPv6) && rapid.Bool().Draw(t, "ra") {
		spec.RA = model.RAManaged
	}
	return spec
}

func addressesOf(t *rapid.T, name string) topology.NetworkSpec {
	i := slices.Index(netNames, name)
	spec := topology.NetworkSpec{Mode: topology.Stretched, VNI: topology.VNI(100 + i)}
	if name == "seg" {
		spec.Mode = topology.Segmented
		spec.ContainersPerNode, spec.MaxNodes = 10, 8
		spec.GatewayMAC = gatewayMAC(t)
		has := families(t)
		if has[topology.IPv6] {
			spec.Subnets = []topology.Subnet{{Prefix: netip.MustParsePrefix("fd00:9::/48")}}
			if last := byte(rapid.IntRange(0, 2).Draw(t, "block6")); last > 0 {
				spec.Blocks = []topology.BlockSpec{{
					Node:    rapid.SampledFrom(nodeNames).Draw(t, "block6 of"),
					Prefix:  netip.MustParsePrefix("fd00:9:0:7::/64"),
					Gateway: model.GatewayOf(netip.AddrFrom16([16]byte{0xfd, 3: 9, 7: 7, 15: last})),
				}}
			}
			if !has[topology.IPv4] {
				return spec
			}
		}
		spec.Subnets = append(spec.Subnets, topology.Subnet{Prefix: netip.MustParsePrefix("10.9.0.0/16")})
		if third := byte(rapid.IntRange(0, 2).Draw(t, "block")); third > 0 {
			spec.Blocks = append(spec.Blocks, topology.BlockSpec{
				Node:       rapid.SampledFrom(nodeNames).Draw(t, "block of"),
				Prefix:     netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, third, 0}), 28),
				GatewayMAC: gatewayMAC(t),
			})
		}
		return spec
	}
	spec.GatewayMAC = gatewayMAC(t)
	gateway := byte(rapid.IntRange(1, 2).Draw(t, "gateway"))
	has := families(t)
	if has[topology.IPv6] {
		spec.Subnets = []topology.Subnet{{
			Prefix:  netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 7: byte(i)}), 64),
			Gateway: model.GatewayOf(netip.AddrFrom16([16]byte{0xfd, 7: byte(i), 15: gateway})),
		}}
		if !has[topology.IPv4] {
			return spec
		}
	}
	spec.Subnets = append(spec.Subnets, topology.Subnet{
		Prefix:  netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 24),
		Gateway: model.GatewayOf(netip.AddrFrom4([4]byte{10, byte(i), 0, gateway})),
	})
	if rapid.Bool().Draw(t, "second") {
		spec.Subnets = append(spec.Subnets, topology.Subnet{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 1, 0}), 24),
		})
	}
	return spec
}

// families returns the families of a network.
func families(t *rapid.T) [2]bool {
	return rapid.SampledFrom([][2]bool{{true, false}, {true, true}, {false, true}}).Draw(t, "families")
}

// gatewayMAC returns no MAC, or one of two.
func gatewayMAC(t *rapid.T) topology.MAC {
	if b := byte(rapid.IntRange(0, 2).Draw(t, "gateway mac")); b > 0 {
		return topology.MAC{0x0a, 0, 0, 0, 0, b}
	}
	return topology.MAC{}
}

// begin declares a topology in which most of the ops that follow are possible.
func (w *world) begin(t *rapid.T) {
	var ops []topology.Op
	for i, n := range nodeNames {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: n},
			Spec: topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}})
	}
	for _, n := range netNames {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNetwork, Name: n}, Spec: networkSpec(t, n)})
	}
	ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindRouter, Name: "r1"},
		Spec: topology.RouterSpec{Networks: []string{"a", "seg"}}})
	for i, n := range []string{"a", "a", "seg"} {
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindPort, Name: fmt.Sprintf("p%d", i)},
			Spec: topology.PortSpec{Network: n, Node: nodeNames[i%len(nodeNames)]}})
	}
	ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: model.KindService, Name: "x"}, Spec: model.ServiceSpec{
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}, Routers: []string{"r1"}, Ports: []model.ServicePort{{Port: 80}},
		Backends: model.ServiceBackends{PolicySelection: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}},
	}})
	r, err := topology.Plan(w.view.Topo, ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}, nil)
}

// TestSumOfDeltasIsFullCompile is the safety net of the whole design: whatever the history,
// and however slow a switch is, the sum of the deltas that it was sent is what a full
// compilation yields.
func TestSumOfDeltasIsFullCompile(t *testing.T) {
	applied := 0
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			view: pipeline.NewView(topology.NewSnapshot()), switches: map[string]table{},
			late: map[string]map[pipeline.Unit]*pipeline.View{}, held: map[string]map[pipeline.Unit]*pipeline.View{},
			waited: map[string]bool{},
		}
		w.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var ops []topology.Op
				for range rapid.IntRange(1, 4).Draw(t, "ops") {
					ops = append(ops, oneField(t, w.view.Topo, randomOp(t)))
				}
				for _, ops := range [][]topology.Op{ops, ops[:1]} {
					r, err := topology.Plan(w.view.Topo, ops, time.Time{})
					if err != nil {
						continue // refused: try a smaller one
					}
					applied += len(r.Changes)
					moves, waits := w.moves(r), rapid.Bool().Draw(t, "receivers first")
					w.step(pipeline.Update{Topo: r.Next, Changes: r.Changes, Blocks: r.Blocks, Identities: r.Identities, Numberings: r.Numberings, Identified: r.Identified}, func(node string, u pipeline.Unit) bool {
						return moves(node, u) || waits && w.view.SendsFor(u, node)
					})
					break
				}
			},
			"place": func(t *rapid.T) {
				ports := slices.Collect(w.view.Topo.Ports())
				if len(ports) == 0 {
					t.Skip("no ports")
				}
				p := rapid.SampledFrom(ports).Draw(t, "port")
				c := pipeline.PlaceChange{Port: p.Name, Before: w.view.Place(p.Name)}
				if rapid.IntRange(0, 3).Draw(t, "bound") > 0 {
					c.After = pipeline.Place{Node: p.Spec.Node, Interface: "if-" + p.Name, OFPort: openflow.PortNo(rapid.IntRange(0, 3).Draw(t, "ofport"))}
					if c.After.Node == "" {
						c.After.Node = rapid.SampledFrom(nodeNames).Draw(t, "at")
					}
					if c.After.OFPort != 0 {
						c.After.OFPort = 10*c.After.OFPort + openflow.PortNo(p.Name[1]-'0')
					}
				}
				// A move may be done in steps: on some nodes the port waits.
				w.step(pipeline.Update{Places: []pipeline.PlaceChange{c}}, func(node string, u pipeline.Unit) bool {
					return c.Before.Node != "" && c.After.Node != "" && c.Before.Node != c.After.Node &&
						(node == c.Before.Node || u.Kind == pipeline.UnitPort && node != c.After.Node)
				})
			},
			"tunnel": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Tunnels: []pipeline.TunnelChange{{
					Node: node, Before: w.view.Tunnel(node), After: openflow.PortNo(rapid.IntRange(0, 2).Draw(t, "ofport")),
				}}}, nil)
			},
			"uplink": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				w.step(pipeline.Update{Uplinks: []pipeline.UplinkChange{{
					Node: node, Before: w.view.Uplink(node), After: openflow.PortNo(rapid.SampledFrom([]int{0, 3, 4}).Draw(t, "ofport")),
				}}}, nil)
			},
			"local address": func(t *rapid.T) {
				node := rapid.SampledFrom(nodeNames).Draw(t, "node")
				c := pipeline.LocalChange{Node: node}
				switch n, ok := w.view.Topo.Node(node); rapid.IntRange(0, 3).Draw(t, "shown") {
				case 0:
				case 1:
					c.After = underlay(rapid.IntRange(1, 9).Draw(t, "address"), node)
				default:
					if ok {
						c.After = n.Spec.TunnelIP
					}
				}
				w.step(pipeline.Update{Locals: []pipeline.LocalChange{c}}, nil)
			},
			"lingering": func(t *rapid.T) {
				p := slices.Collect(w.view.Topo.Networks())
				if len(p) == 0 {
					t.Skip("no networks")
				}
				network := rapid.SampledFrom(p).Draw(t, "network")
				domain := network.Ref().String()
				if r, ok := w.view.Topo.RouterOf(network.Name); ok {
					domain = r.Ref().String()
				}
				c := pipeline.LingerChange{Domain: domain, Node: rapid.SampledFrom(nodeNames).Draw(t, "node"), Over: rapid.Bool().Draw(t, "over")}
				if w.lingers == nil {
					w.lingers = map[[2]string]bool{}
				}
				w.lingers[[2]string{c.Domain, c.Node}] = !c.Over
				w.step(pipeline.Update{Lingers: []pipeline.LingerChange{c}}, nil)
			},
			"switch catches up": func(t *rapid.T) { w.catchUp(rapid.SampledFrom(nodeNames).Draw(t, "node")) },
			"a step is over":    func(t *rapid.T) { w.release(rapid.SampledFrom(nodeNames).Draw(t, "node")) },
			"check":             w.check,
		})
		w.check(t)
	})
	if applied < 200 {
		t.Errorf("only %d changes were applied: the histories are too poor to prove anything", applied)
	}
}
