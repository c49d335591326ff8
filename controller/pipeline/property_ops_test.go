package pipeline_test

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// randomOp returns an op that is valid in most cases.
func randomOp(t *rapid.T) topology.Op {
	pick := func(label string, of []string) string { return rapid.SampledFrom(of).Draw(t, label) }
	verb := topology.Put
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		verb = topology.Delete
	}
	op := topology.Op{Verb: verb}
	switch rapid.IntRange(0, 20).Draw(t, "kind") {
	case 20:
		op.Ref = topology.Ref{Kind: topology.KindEgressIP, Name: pick("egress address", []string{"e1", "e2"})}
		op.Spec = randomEgress(t, op.Ref.Name)
	case 18, 19:
		op.Ref = topology.Ref{Kind: topology.KindFloatingIP, Name: pick("floating address", []string{"f1", "f2"})}
		op.Spec = randomFloating(t, op.Ref.Name)
	case 17:
		op.Ref = topology.Ref{Kind: topology.KindUplink, Name: pick("uplink", []string{"u1", "u2", "u3"})}
		if op.Ref.Name == "u3" {
			op.Spec = bridgeUplink("br-ex", pick("subnet", []string{"192.0.2", "198.51.100"}))
			if rapid.Bool().Draw(t, "IPv6") {
				op.Spec = dualBridgeUplink("br-ex", "192.0.2")
			}
			break
		}
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
		if rapid.Bool().Draw(t, "own address") {
			spec.Addresses = []netip.Addr{netip.AddrFrom16([16]byte{0x20, 1, 14: byte(rapid.IntRange(1, 2).Draw(t, "which")), 15: name[1]})}
		}
		if rapid.Bool().Draw(t, "uplink address") {
			spec.UplinkAddresses = uplinkAddressesOf(name)[:rapid.IntRange(1, 2).Draw(t, "addresses on the uplink")]
		}
		if rapid.IntRange(0, 2).Draw(t, "enforce") == 0 {
			spec.TunnelCheck = topology.TunnelEnforce
		}
		op.Spec = spec
	case 1, 2:
		name := pick("network", netNames)
		op.Ref = topology.Ref{Kind: topology.KindNetwork, Name: name}
		spec := networkSpec(t, name)
		spec.HostAccess = rapid.Bool().Draw(t, "host access")
		op.Spec = spec
	case 3:
		op.Ref = topology.Ref{Kind: topology.KindRouter, Name: pick("router", []string{"r1", "r2"})}
		all := slices.Clone(netNames)
		joined := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, rapid.ID[string]).Draw(t, "joined")
		spec := topology.RouterSpec{Networks: joined}
		if rapid.Bool().Draw(t, "leaves") {
			spec.Egress = &model.RouterEgress{Uplink: pick("by", []string{"u1", "u2", "u3"})}
			if spec.Egress.Uplink == "u3" && rapid.Bool().Draw(t, "routed") {
				spec.Egress.IPv6 = model.IPv6Routed
			}
		}
		if rapid.Bool().Draw(t, "static") {
			spec.Routes = randomRoutes(t, spec.Egress != nil && spec.Egress.Uplink == "u3")
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

// randomFloating returns a floating address on the uplink u3.
func randomFloating(t *rapid.T, name string) model.FloatingIPSpec {
	port := func() string { return fmt.Sprintf("p%d", rapid.IntRange(0, 7).Draw(t, "floats to")) }
	s := model.FloatingIPSpec{Uplink: "u3", Address: netip.AddrFrom4([4]byte{192, 0, 2, 110 + name[1]%4})}
	if rapid.Bool().Draw(t, "floats by IPv6") {
		s.Address = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: 2, 15: 110 + name[1]%4})
	}
	if rapid.Bool().Draw(t, "whole") {
		s.Port = port()
		return s
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "forwards") {
		s.Forwards = append(s.Forwards, model.FloatingForward{Port: uint16(80 + i), To: port()})
	}
	return s
}

// randomEgress returns an egress address on the uplink u3.
func randomEgress(t *rapid.T, name string) model.EgressIPSpec {
	s := model.EgressIPSpec{
		Uplink: "u3", Nodes: rapid.SliceOfNDistinct(rapid.SampledFrom(nodeNames), 1, 3, rapid.ID[string]).Draw(t, "gateways"),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 116 + name[1]%4})},
	}
	if rapid.Bool().Draw(t, "two addresses") {
		s.Addresses = append(s.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, 120 + name[1]%4}))
	}
	if rapid.Bool().Draw(t, "leaves by IPv6") {
		s.Addresses = append(s.Addresses, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: 2, 15: 116 + name[1]%4}))
		if rapid.Bool().Draw(t, "by IPv6 alone") {
			s.Addresses = s.Addresses[len(s.Addresses)-1:]
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "leaves with it") {
	case 0:
		s.Ports.Selector = &model.Selector{}
	case 1:
		s.Ports.PortGroup = "g"
	case 2:
		s.Ports.Networks = []string{"seg"}
	default:
		s.Ports.Selector = &model.Selector{MatchLabels: map[string]string{"app": rapid.SampledFrom(apps).Draw(t, "app that leaves")}}
	}
	return s
}

// randomRoutes returns static routes whose next hops may be ports, or outside on the uplink u3.
func randomRoutes(t *rapid.T, outside bool) (routes []model.Route) {
	to := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"0.0.0.0/0", "10.77.0.0/16", "10.0.0.0/8", "203.0.113.0/24", "::/0", "fd77::/48", "2001:db8::/32"}), 1, 3, rapid.ID[string]).Draw(t, "routes to")
	for _, to := range to {
		r := model.Route{To: netip.MustParsePrefix(to)}
		kinds := []string{"10.0.0.%d", "10.9.1.%d", "10.9.0.%d", "10.1.0.%d"}
		if outside {
			kinds = append(kinds, "192.0.2.%d")
		}
		if !r.To.Addr().Is4() {
			kinds = []string{"fd00::%d", "fd00:9::%d", "fd00:9:0:7::%d"}
			if outside {
				kinds = append(kinds, "2001:db8:0:2::%d")
			}
		}
		kind := rapid.SampledFrom(kinds).Draw(t, "next hops")
		for _, last := range rapid.SliceOfNDistinct(rapid.IntRange(3, 8), 1, 3, rapid.ID[int]).Draw(t, "last of next hops") {
			r.Via = append(r.Via, netip.MustParseAddr(fmt.Sprintf(kind, last)))
		}
		routes = append(routes, r)
	}
	return routes
}

var apps = []string{"web", "db"}

// randomService returns a service for routers or networks, with backends of all kinds.
func randomService(t *rapid.T) model.ServiceSpec {
	addr := func(format string) netip.Addr {
		return netip.MustParseAddr(fmt.Sprintf(format, rapid.IntRange(1, 4).Draw(t, "last of the service's address")))
	}
	s := model.ServiceSpec{
		Addresses: []netip.Addr{addr("192.0.2.%d"), addr("2001:db8::%d")}[rapid.IntRange(0, 1).Draw(t, "first family"):],
		Ports:     []model.ServicePort{{Name: "one", Port: 80, TargetPort: rapid.SampledFrom([]model.TargetPort{{}, {Number: 1}, {Name: "http"}}).Draw(t, "target")}, {Name: "two", Port: 80, Protocol: model.ProtocolUDP}}[:rapid.IntRange(1, 2).Draw(t, "ports")],
	}
	if rapid.Bool().Draw(t, "checked") {
		s.HealthCheck = &model.HealthCheck{Protocol: rapid.SampledFrom([]model.CheckProtocol{model.CheckTCP, model.CheckICMP}).Draw(t, "check")}
		if s.HealthCheck.Protocol == model.CheckTCP {
			s.HealthCheck.Port = rapid.SampledFrom([]model.TargetPort{{Number: 81}, {Name: "http"}}).Draw(t, "checked port")
		}
	}
	if rapid.Bool().Draw(t, "for networks") {
		s.Networks = rapid.SliceOfNDistinct(rapid.SampledFrom(netNames), 1, 2, rapid.ID[string]).Draw(t, "networks")
	} else {
		s.Routers = []string{rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "router")}
	}
	if rapid.Bool().Draw(t, "affinity") {
		s.SessionAffinity = model.AffinityClientIP
		s.SessionAffinityTimeout = model.Duration(time.Duration(rapid.IntRange(1, 2).Draw(t, "affinity's timeout")) * time.Second)
	}
	if rapid.Bool().Draw(t, "drains") {
		s.DrainingTime = model.Duration(time.Duration(rapid.IntRange(1, 2).Draw(t, "draining time")) * time.Second)
	}
	if rapid.Bool().Draw(t, "local") {
		s.InternalTrafficPolicy = model.TrafficLocal
	}
	if len(s.Networks)+len(s.Routers) == 1 && rapid.Bool().Draw(t, "node ports") {
		for i := range s.Ports {
			s.Ports[i].NodePort = rapid.SampledFrom([]model.NodePort{{}, {Auto: true}, {Number: 30001}, {Number: 30080}}).Draw(t, "node port")
		}
	}
	if len(s.Networks)+len(s.Routers) == 1 && rapid.Bool().Draw(t, "on the uplink") {
		last := byte(rapid.IntRange(122, 125).Draw(t, "address on the uplink"))
		both := []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last}), netip.MustParseAddr(fmt.Sprintf("2001:db8:0:2::%x", last))}
		first := rapid.IntRange(0, 1).Draw(t, "first family on the uplink")
		s.Uplink = &model.ServiceUplink{Name: "u3", Addresses: both[first:rapid.IntRange(first+1, 2).Draw(t, "last family on the uplink")]}
	}
	if s.Exposed() && rapid.Bool().Draw(t, "external local") {
		s.ExternalTrafficPolicy = model.TrafficLocal
		if s.HasNodePorts() {
			s.HealthCheckNodePort = rapid.SampledFrom([]model.NodePort{{}, {Auto: true}, {Number: 30002}}).Draw(t, "health port")
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "headless") == 0 {
		s = model.ServiceSpec{Headless: true, Networks: s.Networks, Routers: s.Routers, Ports: s.Ports, HealthCheck: s.HealthCheck}
		for i := range s.Ports {
			s.Ports[i].NodePort = model.NodePort{}
		}
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
		OnChange: rapid.SampledFrom([]model.PolicyOnChange{"", "", model.OnChangeKeep}).Draw(t, "on change"),
		Mode:     rapid.SampledFrom([]model.PolicyMode{"", "", model.ModeShadow}).Draw(t, "mode"),
		Isolates: rapid.SliceOfNDistinct(rapid.SampledFrom([]model.PolicyDirection{model.Ingress, model.Egress}), 0, 2, rapid.ID[model.PolicyDirection]).Draw(t, "isolates"),
	}
}

// networkSpec returns the spec of a network for which sdnd answers some protocols.
func networkSpec(t *rapid.T, name string) topology.NetworkSpec {
	spec := addressesOf(t, name)
	spec.DHCP.Enabled = spec.Has(topology.IPv4) && rapid.Bool().Draw(t, "dhcp")
	if spec.Has(topology.IPv6) && rapid.Bool().Draw(t, "ra") {
		spec.RA = model.RAManaged
	}
	if spec.DNS.Enabled = rapid.Bool().Draw(t, "dns"); spec.DNS.Enabled {
		spec.DNS.Upstream = rapid.SliceOfNDistinct(rapid.SampledFrom([]netip.Addr{
			netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("127.0.0.53"),
		}), 0, 2, rapid.ID[netip.Addr]).Draw(t, "upstream")
	}
	spec.Multicast = rapid.SampledFrom([]model.Multicast{"", model.MulticastFlood, model.MulticastSnoop, model.MulticastSnoop}).Draw(t, "multicast")
	spec.FloodLimit = rapid.SampledFrom([]model.FloodLimit{0, 0, 50, model.FloodUnlimited}).Draw(t, "flood limit")
	if spec.FloodLimit != model.FloodUnlimited {
		spec.FloodBurst = rapid.SampledFrom([]int{0, 7}).Draw(t, "flood burst")
	}
	spec.MTU = rapid.SampledFrom([]int{0, 0, 1300, 1400}).Draw(t, "mtu")
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
