package server

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// refOf names an object of the API in topology's terms.
func refOf(k api.Kind, name string) topology.Ref { return topology.Ref{Kind: k.Model(), Name: name} }

// reader turns the texts of a spec into values and collects what is not one.
type reader struct {
	problems []api.Problem
}

// specOf turns a spec of the API into topology's. Where there are problems the
// result is what could be read.
func specOf(spec any) (topology.Spec, []api.Problem) {
	given, ok := spec.(api.Spec)
	if !ok {
		return nil, nil
	}
	kind, _ := kinds.Of(given.Kind())
	var r reader
	return kind.read(&r, given), r.problems
}

func (r *reader) node(spec api.NodeSpec) topology.NodeSpec {
	return topology.NodeSpec{
		DatapathID:  r.datapathID("spec.datapathID", spec.DatapathID),
		TunnelIP:    r.addr("spec.tunnelIP", spec.TunnelIP),
		TunnelCheck: topology.TunnelCheck(strings.ToLower(spec.TunnelCheck)),
	}
}

func (r *reader) router(spec api.RouterSpec) topology.RouterSpec {
	return topology.RouterSpec{Networks: spec.Networks}
}

func (r *reader) port(spec api.PortSpec) topology.PortSpec {
	return topology.PortSpec{
		Network:     spec.Network,
		Node:        spec.Node,
		IP:          r.addr("spec.ip", spec.IP),
		MAC:         r.mac("spec.mac", spec.MAC),
		InterfaceID: spec.InterfaceID,
		Interface:   spec.Interface,
	}
}

func (r *reader) network(spec api.NetworkSpec) topology.NetworkSpec {
	out := topology.NetworkSpec{
		Mode:              topology.Mode(strings.ToLower(spec.Mode)),
		MTU:               spec.MTU,
		GatewayMAC:        r.mac("spec.gatewayMAC", spec.GatewayMAC),
		ContainersPerNode: spec.ContainersPerNode,
		MaxNodes:          spec.MaxNodes,
		PortsFromNodes:    spec.PortsFromNodes,
	}
	if spec.Mode == "" {
		out.Mode = topology.Stretched
	}
	if v := spec.VNI; v != nil {
		if *v < int(topology.MinVNI) || *v > int(topology.MaxVNI) {
			r.add("spec.vni", fmt.Sprintf("VNI %d is out of range", *v),
				fmt.Sprintf("use %d to %d, or leave it out to have one allocated", topology.MinVNI, topology.MaxVNI))
		} else {
			out.VNI = topology.VNI(*v)
		}
	}
	subnets := spec.Subnets
	if spec.CIDR != "" {
		if len(subnets) > 0 {
			r.add("spec.cidr", "given beside spec.subnets", "give one of the two: cidr is the short form of subnets with one entry")
		} else {
			out.Subnets = append(out.Subnets, topology.Subnet{Prefix: r.prefix("spec.cidr", spec.CIDR)})
		}
	}
	for i, s := range subnets {
		field := fmt.Sprintf("spec.subnets[%d].", i)
		t := topology.Subnet{Prefix: r.prefix(field+"cidr", s.CIDR)}
		t.Gateway = r.gateway(field+"gateway", s.Gateway, t.Prefix)
		for j, text := range s.Reserved {
			t.Reserved = append(t.Reserved, r.addrRange(fmt.Sprintf("%sreserved[%d]", field, j), text))
		}
		out.Subnets = append(out.Subnets, t)
	}
	for i, b := range spec.Blocks {
		field := fmt.Sprintf("spec.blocks[%d].", i)
		t := topology.BlockSpec{
			Node:       b.Node,
			Prefix:     r.prefix(field+"cidr", b.CIDR),
			GatewayMAC: r.mac(field+"gatewayMAC", b.GatewayMAC),
		}
		t.Gateway = r.gateway(field+"gateway", b.Gateway, t.Prefix)
		out.Blocks = append(out.Blocks, t)
	}
	// Sums of these are taken; beyond this they are wrong in any case, which
	// topology says.
	out.MTU = clamp(out.MTU)
	out.ContainersPerNode = clamp(out.ContainersPerNode)
	out.MaxNodes = clamp(out.MaxNodes)
	return out
}

func clamp(v int) int { return max(math.MinInt32, min(math.MaxInt32, v)) }

func (r *reader) add(field, message, fix string) {
	r.problems = append(r.problems, api.Problem{Field: field, Message: message, Fix: fix})
}

func (r *reader) datapathID(field, s string) topology.DatapathID {
	if s == "" {
		return 0
	}
	id, err := model.ParseDatapathID(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		r.add(field, err.Error(), "'ovs-vsctl get bridge BRIDGE datapath_id' shows a switch's")
	}
	return id
}

func (r *reader) addr(field, s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && strings.Contains(s, "/"):
		r.add(field, fmt.Sprintf("%q is not an address", s), "give it without the prefix length")
	case err != nil:
		r.add(field, fmt.Sprintf("%q is not an address", s), "write it as 10.0.0.7")
	case a.Zone() != "":
		r.add(field, fmt.Sprintf("%q has a zone", s), "give an IPv4 address, such as 10.0.0.7")
		return netip.Addr{}
	}
	return a
}

// gateway reads the gateway of a range. It may have the range's prefix length
// behind it, as an interface's address has: 10.0.0.1/24.
func (r *reader) gateway(field, s string, in netip.Prefix) netip.Addr {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return r.addr(field, s)
	}
	if in.IsValid() && p.Bits() != in.Bits() {
		r.add(field, fmt.Sprintf("%s has another prefix length than %s", s, in), "give the address without it")
	}
	return p.Addr()
}

// prefix reads a range in CIDR notation. The address may be any of the range,
// as people take it from an interface: 10.0.0.1/24 is 10.0.0.0/24.
func (r *reader) prefix(field, s string) netip.Prefix {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		fix := "write it as 10.0.0.0/24"
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			fix = "add the prefix length, as in 10.0.0.0/24"
		}
		message := fmt.Sprintf("%q is not an address range", s)
		if s == "" {
			message = "missing"
		}
		r.add(field, message, fix)
		return p
	}
	return p.Masked()
}

// addrRange reads an address, a range of addresses or a range in CIDR notation.
func (r *reader) addrRange(field, s string) topology.AddrRange {
	if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is4() {
		return model.PrefixRange(p)
	}
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		to = from
	}
	a, errA := netip.ParseAddr(strings.TrimSpace(from))
	b, errB := netip.ParseAddr(strings.TrimSpace(to))
	if errA != nil || errB != nil {
		r.add(field, fmt.Sprintf("%q is neither an address nor a range of addresses", s), "write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28")
		return topology.AddrRange{}
	}
	return topology.AddrRange{From: a, To: b}
}

func (r *reader) mac(field, s string) topology.MAC {
	if s == "" {
		return topology.MAC{}
	}
	m, err := model.ParseMAC(s)
	switch {
	case err != nil:
		r.add(field, err.Error(), "")
	case m.IsZero():
		r.add(field, "a MAC of all zeros cannot be used", "leave it out to have one derived")
	}
	return m
}
