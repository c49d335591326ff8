package membership

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
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

const (
	uplinkFile  = "uplink"     // the script, in Host.Dir
	uplinkState = "uplink.was" // what the script notes for its end
	uplinkUnit  = "sdnctl-uplink.service"
	// uplinkTable is the table of nftables that has all of its rules.
	uplinkTable = "sdnctl_uplink"
)

// uplinkScript is what is the same on every node of the script that sets up the uplink.
//
//go:embed uplink.sh
var uplinkScript string

// uplinkText is the script that sets up the uplink of a machine and removes it.
func (j Join) uplinkText() string {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s=%s\n", name, nodeconfig.ShellQuote(value)) }
	b.WriteString(`#!/bin/sh
# The way out of sdnd's networks by this machine's kernel: addresses, routes, forwarding and
# masquerade for the port ` + model.UplinkPort + `, and nothing of the machine's own. Written by
# 'sdnctl node join --uplink host', removed by 'sdnctl node leave'.
set -eu
`)
	set("dev", model.UplinkPort)
	set("table", uplinkTable)
	set("state", j.Host.file(uplinkState))
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
	ports := []uint16{4789}
	if j.UDPPort != 0 && j.UDPPort != 4789 {
		ports = append(ports, j.UDPPort)
	}
	set("vxlan_port", "{ "+listed(ports...)+" }")
	family := "ip"
	if j.Controller.Is6() {
		family = "ip6"
	}
	set("controller", family+" daddr "+j.Controller.String())
	own := []uint16{j.OpenFlowPort, j.APIPort}
	if j.OVSDBPort != 0 {
		own = append(own, j.OVSDBPort)
	}
	set("controller_ports", listed(own...))
	return b.String() + "\n" + uplinkScript
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

// unitText is the unit that runs the script whenever there is the port: after a start of the
// machine, and after one of Open vSwitch that made the port anew.
func (h Host) unitText() string {
	device := `sys-subsystem-net-devices-uplink\x2dsdn.device`
	return `[Unit]
Description=Way out of sdnd's networks by this machine's kernel
Documentation=man:sdnctl-node-join(1)
BindsTo=` + device + `
After=` + device + ` network-online.target nftables.service firewalld.service docker.service
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=` + h.file(uplinkFile) + ` start

[Install]
WantedBy=` + device + `
`
}

// checkUplink refuses what no uplink can be made of, before anything is changed.
func (j *Join) checkUplink(ctx context.Context) error {
	switch j.Uplink {
	case UplinkKeep, UplinkNone:
		return nil
	case UplinkHost:
	default:
		return fault(Invalid, "--uplink %s: want host or none", j.Uplink)
	}
	var wrong error
	j.UplinkRanges = model.NormalUplinkRanges(j.UplinkRanges, "--uplink-range", func(_ model.ProblemKind, field, message, fix string) {
		wrong = fault(Invalid, "%s: %s; %s", field, message, fix)
	})
	if wrong != nil {
		return wrong
	}
	for _, program := range [][]string{{"ip", "-V"}, {"nft", "--version"}} {
		if _, err := j.Host.Exec(ctx, program[0], program[1:]...); err != nil {
			return fault(Conflict, "--uplink host needs the program %s, which this machine does not have (%v); install it, for example: apt install iproute2 nftables\nnothing was changed", program[0], err)
		}
	}
	return nil
}

// setUplink writes and runs what sets up the uplink, once Open vSwitch has the port.
func (j Join) setUplink(ctx context.Context) error {
	if j.Uplink != UplinkHost {
		return nil
	}
	script := j.Host.file(uplinkFile)
	if err := os.MkdirAll(j.Host.dir(), 0o755); err != nil {
		return err
	}
	if err := pki.WriteFile(script, []byte(j.uplinkText()), 0o755); err != nil {
		return err
	}
	if !j.Host.systemd() {
		j.Host.note("this machine does not run systemd: have this run whenever the machine starts, and when Open vSwitch has started: %s start", script)
	} else if err := j.Host.enableUnit(ctx); err != nil {
		return err
	}
	if j.Offline {
		return nil
	}
	if out, err := j.Host.Exec(ctx, script, "start"); err != nil {
		return fmt.Errorf("the machine is a node, but its uplink could not be set up: %s (%w); to have the node without: add --uplink none", strings.TrimSpace(string(out)), err)
	}
	j.Host.note("%s leads out by this machine's kernel; %s has what was set, and the table %s of nftables the rules", model.UplinkPort, script, uplinkTable)
	return nil
}

// systemd reports whether the machine runs systemd (sd_booted(3)). One whose files are in
// another folder than usual is a part of a machine, such as a namespace, of which systemd
// knows nothing.
func (h Host) systemd() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil && h.dir() == DefaultDir
}

// unitFile is where systemd has units of the machine (systemd.unit(5)).
const unitFile = "/etc/systemd/system/" + uplinkUnit

func (h Host) enableUnit(ctx context.Context) error {
	if err := pki.WriteFile(unitFile, []byte(h.unitText()), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", uplinkUnit}, {"restart", uplinkUnit}} {
		if out, err := h.Exec(ctx, "systemctl", args...); err != nil {
			return fmt.Errorf("systemctl %s: %s (%w)", strings.Join(args, " "), strings.TrimSpace(string(out)), err)
		}
	}
	return nil
}

// hasUplink reports whether a join set up an uplink on the machine.
func (h Host) hasUplink() bool {
	_, err := os.Stat(h.file(uplinkFile))
	return err == nil
}

// removeUplink undoes what a join set up for the uplink. That there is nothing is no error.
func (h Host) removeUplink(ctx context.Context) error {
	if !h.hasUplink() {
		return nil
	}
	var all error
	if _, err := os.Stat(unitFile); err == nil && h.systemd() {
		if out, err := h.Exec(ctx, "systemctl", "disable", uplinkUnit); err != nil {
			all = errors.Join(all, fmt.Errorf("systemctl disable %s: %s (%w)", uplinkUnit, strings.TrimSpace(string(out)), err))
		}
		all = errors.Join(all, os.Remove(unitFile))
	}
	if out, err := h.Exec(ctx, h.file(uplinkFile), "stop"); err != nil {
		return errors.Join(all, fmt.Errorf("%s stop: %s (%w)", h.file(uplinkFile), strings.TrimSpace(string(out)), err))
	}
	for _, name := range []string{uplinkFile, uplinkState} {
		if err := os.Remove(h.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
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
