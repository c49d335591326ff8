package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestCostOfAnswers holds the flows for what sdnd answers to docs/cost.md: DHCP costs a
// node one flow for a network and a flow and a meter for a port there, advertisements two
// and two, DNS one and two for each address of a port; a port elsewhere costs nothing.
func TestCostOfAnswers(t *testing.T) {
	items := func(dhcp bool, ra model.RA, dns bool, here, elsewhere int) (flows, meters int) {
		b := build(t)
		b.nodes(2)
		b.op(topology.KindNetwork, "blue", topology.NetworkSpec{
			VNI: 100, DHCP: model.DHCP{Enabled: dhcp}, RA: ra, DNS: model.DNS{Enabled: dns},
			Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00::/64")}},
		})
		b.router("r", "blue")
		for i := range here {
			b.port(fmt.Sprintf("here%d", i), "blue", "n1")
		}
		for i := range elsewhere {
			b.port(fmt.Sprintf("there%d", i), "blue", "n2")
		}
		var set pipeline.ItemSet
		new(pipeline.Compiler).CompileNode(&set, b.commit(), "n1")
		for _, i := range set.Items() {
			if i.Kind() == pipeline.ItemMeter {
				meters++
			} else {
				flows++
			}
		}
		return flows, meters
	}
	for _, here := range []int{1, 5} {
		for _, elsewhere := range []int{0, 3} {
			base, none := items(false, "", false, here, elsewhere)
			dhcp, one := items(true, "", false, here, elsewhere)
			both, same := items(true, model.RAManaged, false, here, elsewhere)
			names, meters := items(true, model.RAManaged, true, here, elsewhere)
			if dhcp-base != 1+here || one-none != here || both-dhcp != 2+2*here || same-none != here || names-both != 1+4*here || meters-none != here {
				t.Errorf("%d ports here, %d elsewhere: %d flows; with DHCP %d more and %d meters; with advertisements %d more and %d meters; with names %d more and %d meters", here, elsewhere, base, dhcp-base, one-none, both-dhcp, same-none, names-both, meters-none)
			}
		}
	}
}

// TestCostOfNamesAway holds what upstream servers cost to docs/cost.md: nodes with ports of the
// network pay for each family, if the router has an egress and a server is outside. That another
// server is named costs as much, and one within the router's networks nothing.
func TestCostOfNamesAway(t *testing.T) {
	b := build(t)
	b.uplinks = true
	b.nodes(3)
	network := func(name string, vni topology.VNI, subnet string, upstream ...string) topology.NetworkSpec {
		spec := topology.NetworkSpec{VNI: vni, DNS: model.DNS{Enabled: true}, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix(subnet)}, {Prefix: netip.MustParsePrefix("fd00:0:0:" + fmt.Sprint(vni) + "::/64")}}}
		for _, s := range upstream {
			spec.DNS.Upstream = append(spec.DNS.Upstream, netip.MustParseAddr(s))
		}
		b.put(topology.KindNetwork, name, spec)
		return spec
	}
	network("blue", 100, "10.0.0.0/24")
	network("red", 200, "10.1.0.0/24")
	b.op(topology.KindUplink, "wan", model.UplinkSpec{})
	b.router("r", "blue", "red")
	for i := range 3 {
		b.port(fmt.Sprintf("blue%d", i), "blue", "n1")
	}
	b.port("red", "red", "n2")
	b.commit()
	costs := func(what string, step func(), want ...int) { t.Helper(); b.costs(what, step, want...) }
	const perFamily, groups = 3, 2
	costs("upstream servers without an egress", func() { network("blue", 100, "10.0.0.0/24", "192.0.2.53", "2001:db8::53"); b.commit() }, 0, 0, 0)
	network("blue", 100, "10.0.0.0/24")
	b.put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "red"}, Egress: &model.RouterEgress{Uplink: "wan"}})
	b.commit()
	costs("upstream servers of both families", func() { network("blue", 100, "10.0.0.0/24", "192.0.2.53", "2001:db8::53"); b.commit() }, 2*perFamily+groups, 0, 0)
	costs("a second network", func() { network("red", 200, "10.1.0.0/24", "192.0.2.53"); b.commit() }, 0, perFamily+groups, 0)
	costs("servers within the router's networks, and of the machine itself", func() { network("red", 200, "10.1.0.0/24", "10.0.0.9", "127.0.0.53"); b.commit() }, 0, -perFamily-groups, 0)
}
