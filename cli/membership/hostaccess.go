package membership

import (
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/topology/model"
)

// hostLink is the link by which the machine itself and ports reach each other.
func hostLink() kernelLink {
	return kernelLink{port: model.HostPort, name: "host", flag: "--host-access", without: "--host-access none",
		is: "Access between this machine itself and sdnd's networks", leads: "leads from and to this machine itself"}
}

// hostScript is what is the same on every node of the script that sets up host access.
//
//go:embed hostaccess.sh
var hostScript string

// hostPort is the port as Open vSwitch gets it. It records what it is for, so that sdnd sees
// whether that is what its networks need.
func (j Join) hostPort() nodeconfig.KernelPort {
	return nodeconfig.KernelPort{Name: hostLink().port, MAC: model.HostKernelMAC().String(), MTU: j.hostMTU(), ExternalIDs: map[string]string{
		nodeconfig.KeyHostRanges: listOf(j.HostRanges, ","), nodeconfig.KeyHostAddresses: listOf(j.ownAddresses(), ","),
	}}
}

// hostMTU returns the MTU of the port, in bytes: what fits into the tunnel, but no more than
// networks have unless they say otherwise.
func (j Join) hostMTU() int { return min(j.outerMTU()-j.overhead(), model.DefaultMTU) }

// ownAddresses returns the addresses that the machine sends from: those given, and that of the
// tunnel where none of its family is given.
func (j Join) ownAddresses() (all []netip.Addr) {
	spec := j.Spec()
	if len(j.Addresses) == 0 && j.LocalIP.IsValid() {
		spec.TunnelIP = j.LocalIP
	}
	for _, f := range model.Families() {
		if a, ok := spec.Address(f); ok {
			all = append(all, a)
		}
	}
	return all
}

// hostText is the script that sets up host access of a machine and removes it.
func (j Join) hostText() string {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s=%s\n", name, nodeconfig.ShellQuote(value)) }
	l := hostLink()
	b.WriteString(`#!/bin/sh
# Access between this machine itself and ports of sdnd's networks, without translation: routes
# and rules for the port ` + l.port + `. Nothing is forwarded from or to it. Written by
# 'sdnctl node join --host-access', removed by 'sdnctl node leave'.
set -eu
`)
	set("dev", l.port)
	set("table", l.table())
	set("kernel_mac", model.HostKernelMAC().String())
	set("switch_mac", model.HostSwitchMAC().String())
	// Gateways on a link without addresses of its own: any link-local address will do.
	set("switch4", "169.254.115.100")
	set("switch6", model.LinkLocal(model.HostSwitchMAC()).String())
	for _, f := range model.Families() {
		n := map[model.Family]string{model.IPv4: "4", model.IPv6: "6"}[f]
		of := func(a netip.Addr) bool { return model.FamilyOf(a) == f }
		var ranges []netip.Prefix
		for _, r := range j.HostRanges {
			if of(r.Addr()) {
				ranges = append(ranges, r)
			}
		}
		address := ""
		if i := slices.IndexFunc(j.ownAddresses(), of); i >= 0 {
			address = j.ownAddresses()[i].String()
		}
		set("ranges"+n, listOf(ranges, " "))
		set("address"+n, address)
	}
	set("mtu", fmt.Sprint(j.hostMTU()))
	set("vxlan_port", j.vxlanPorts())
	set("controller_ports", j.controllerPorts())
	return b.String() + "\n" + hostScript
}

func listOf[T fmt.Stringer](all []T, separator string) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.String()
	}
	return strings.Join(texts, separator)
}

// checkHostAccess refuses what host access cannot be made of, before anything is changed.
func (j *Join) checkHostAccess(ctx context.Context) error {
	var wrong error
	bad := func(_ model.ProblemKind, field, message, fix string) {
		wrong = fault(Invalid, "--address: %s; %s", message, fix)
	}
	j.Addresses = model.NodeSpec{Addresses: j.Addresses}.Normal(bad).(model.NodeSpec).Addresses
	if wrong != nil {
		return wrong
	}
	if len(j.HostRanges) == 0 {
		return nil
	}
	for i, r := range j.HostRanges {
		switch {
		case r != r.Masked():
			return fault(Invalid, "--host-access %s: bits are set after the prefix; write %s", r, r.Masked())
		case r.Bits() == 0:
			return fault(Invalid, "--host-access %s: that is every address; give the subnets of the networks, such as 10.244.0.0/16", r)
		}
		if o := slices.IndexFunc(j.HostRanges[:i], r.Overlaps); o >= 0 {
			return fault(Invalid, "--host-access %s overlaps %s; give each address once", r, j.HostRanges[o])
		}
		own := j.ownAddresses()
		of := slices.IndexFunc(own, func(a netip.Addr) bool { return model.FamilyOf(a) == model.FamilyOf(r.Addr()) })
		if of < 0 {
			return fault(Invalid, "--host-access %s: this machine has no address of that family to send from; give one with --address", r)
		}
		if r.Contains(own[of]) {
			return fault(Invalid, "--host-access %s: the machine's own address %s is in it; give the subnets of the networks only", r, own[of])
		}
	}
	for _, a := range j.ownAddresses() {
		if _, ok := j.Host.MTU(a); !ok {
			return fault(Invalid, "no interface of this machine has the address %s, so it could not be reached by it; give its addresses with --address", a)
		}
	}
	return j.checkPrograms(ctx, hostLink().flag)
}

// ParseHostRanges reads what --host-access gives: prefixes, or none.
func ParseHostRanges(text []string) (all []netip.Prefix, none bool, err error) {
	for _, one := range text {
		if one == "none" && len(text) == 1 {
			return nil, true, nil
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			return nil, false, fault(Invalid, "--host-access %s: want a range of addresses such as 10.244.0.0/16, or none", one)
		}
		all = append(all, p)
	}
	return all, false, nil
}
