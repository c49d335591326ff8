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

// Uplink is what a join does about the way out by the machine's kernel.
type Uplink string

// What a join can do about it.
const (
	// UplinkKeep leaves it as it is.
	UplinkKeep Uplink = ""
	// UplinkHost makes it.
	UplinkHost Uplink = "host"
	// UplinkNone removes it.
	UplinkNone Uplink = "none"
)

// uplinkLink is the way out by the machine's kernel.
func uplinkLink() kernelLink {
	return kernelLink{port: model.UplinkPort, name: "uplink", flag: "--uplink host", without: "--uplink none",
		is: "Way out of sdnd's networks by this machine's kernel", leads: "leads out by this machine's kernel"}
}

// uplinkPort is the port as Open vSwitch gets it.
func (j Join) uplinkPort() nodeconfig.KernelPort {
	return nodeconfig.KernelPort{Name: uplinkLink().port, MAC: model.UplinkKernelMAC().String(), MTU: j.outerMTU()}
}

// uplinkScript is what is the same on every node of the script that sets up the uplink.
//
//go:embed uplink.sh
var uplinkScript string

// uplinkText is the script that sets up the uplink of a machine and removes it.
// sdnd are the addresses at which nothing may reach it.
func (j Join) uplinkText(sdnd []netip.Addr) string {
	var b strings.Builder
	l := uplinkLink()
	set := func(name, value string) { fmt.Fprintf(&b, "%s=%s\n", name, nodeconfig.ShellQuote(value)) }
	b.WriteString(`#!/bin/sh
# The way out of sdnd's networks by this machine's kernel: addresses, routes, forwarding and
# masquerade for the port ` + l.port + `, and nothing of the machine's own. Written by
# 'sdnctl node join --uplink host', removed by 'sdnctl node leave'.
set -eu
`)
	set("dev", l.port)
	set("table", l.table())
	set("state", j.Host.file(l.state()))
	set("kernel_mac", model.UplinkKernelMAC().String())
	set("switch_mac", model.UplinkSwitchMAC().String())
	for _, f := range model.Families() {
		r, ok := model.UplinkSpec{Ranges: j.UplinkRanges}.Range(f)
		n := map[model.Family]string{model.IPv4: "4", model.IPv6: "6"}[f]
		if !ok {
			set("range"+n, "")
			continue
		}
		set("range"+n, r.String())
		set("kernel"+n, model.UplinkAddr(r, model.UplinkKernel).String())
		set("switch"+n, model.UplinkAddr(r, model.UplinkSwitch).String())
	}
	set("mtu", fmt.Sprint(j.outerMTU()))
	set("inner_mtu", fmt.Sprint(j.outerMTU()-j.overhead()))
	set("vxlan_port", j.vxlanPorts())
	set("first_port", fmt.Sprint(model.FirstNodePort))
	set("last_port", fmt.Sprint(model.LastNodePort))
	set("controller4", ofFamily(sdnd, false))
	set("controller6", ofFamily(sdnd, true))
	set("controller_ports", j.controllerPorts())
	return b.String() + "\n" + uplinkScript
}

// vxlanPorts is the set of the UDP ports of VXLAN, as nft reads it.
func (j Join) vxlanPorts() string {
	ports := []uint16{4789}
	if j.UDPPort != 0 && j.UDPPort != 4789 {
		ports = append(ports, j.UDPPort)
	}
	return "{ " + listed(ports...) + " }"
}

// controllerPorts lists the TCP ports of sdnd.
func (j Join) controllerPorts() string {
	own := []uint16{j.OpenFlowPort, j.APIPort}
	if j.OVSDBPort != 0 {
		own = append(own, j.OVSDBPort)
	}
	return listed(own...)
}

func listed(ports ...uint16) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ", "), "[]")
}

// outerMTU returns the MTU of the port, which is that of the underlay, in bytes. What comes
// back must fit into a tunnel, or the kernel says that it is too large.
func (j Join) outerMTU() int {
	if j.mtu == 0 {
		return model.DefaultMTU + j.overhead()
	}
	return j.mtu
}

// overhead is how many bytes VXLAN takes.
func (j Join) overhead() int {
	if j.LocalIP.Is6() {
		return 70
	}
	return 50
}

// checkUplink refuses what no uplink can be made of, before anything is changed.
func (j *Join) checkUplink(ctx context.Context) error {
	for _, bridge := range j.UplinkBridges {
		if message, fix := model.CheckUplinkBridge(bridge); message != "" {
			return fault(Invalid, "--uplink bridge:%s: the name %s; %s", bridge, message, fix)
		}
	}
	switch j.Uplink {
	case UplinkKeep, UplinkNone:
		return nil
	case UplinkHost:
	default:
		return fault(Invalid, "--uplink %s: want host, bridge:NAME or none", j.Uplink)
	}
	var wrong error
	j.UplinkRanges = model.NormalUplinkRanges(j.UplinkRanges, "--uplink-range", func(_ model.ProblemKind, field, message, fix string) {
		wrong = fault(Invalid, "%s: %s; %s", field, message, fix)
	})
	if wrong != nil {
		return wrong
	}
	return j.checkPrograms(ctx, uplinkLink().flag)
}

// ParseUplinkRanges reads what --uplink-range gives.
func ParseUplinkRanges(text []string) (all []netip.Prefix, err error) {
	for _, one := range text {
		p, err := netip.ParsePrefix(one)
		if err != nil {
			return nil, fault(Invalid, "--uplink-range %s: want a range of addresses such as 198.18.0.0/16", one)
		}
		all = append(all, p)
	}
	return all, nil
}

// ParseUplinks reads what --uplink gives: host, bridge:NAME, which may be several, or none.
func ParseUplinks(text []string) (by Uplink, bridges []string, err error) {
	for _, one := range text {
		bridge, is := strings.CutPrefix(one, "bridge:")
		switch {
		case is:
			if !slices.Contains(bridges, bridge) {
				bridges = append(bridges, bridge)
			}
		case by != "" && by != Uplink(one):
			return "", nil, fault(Invalid, "--uplink %s and --uplink %s: want one of them", by, one)
		default:
			by = Uplink(one)
		}
	}
	return by, bridges, nil
}
