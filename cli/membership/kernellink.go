package membership

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// kernelLink is a port to the machine's kernel, with the script that sets up the kernel's
// end and the unit that runs the script whenever the port is there.
type kernelLink struct {
	// port is its name on the bridge; name is that of the script, in Host.Dir, and is part
	// of those of the unit and of the table of nftables that has all of its rules.
	port, name string
	// flag is what a join makes it by, and without what removes it.
	flag, without string
	// is and leads say what it is, in a few words.
	is, leads string
}

// kernelLinks are all that a join can make.
func kernelLinks() []kernelLink { return []kernelLink{uplinkLink(), hostLink()} }

func (l kernelLink) table() string { return "sdnctl_" + l.name }

// state is the file in which the script notes what it changed.
func (l kernelLink) state() string { return l.name + ".was" }

func (l kernelLink) unit() string { return "sdnctl-" + l.name + ".service" }

// unitFile is where systemd has units of the machine (systemd.unit(5)).
func (l kernelLink) unitFile() string { return filepath.Join("/etc/systemd/system", l.unit()) }

// unitText is the unit that runs the script whenever there is the port: after a start of the
// machine, and after one of Open vSwitch that made the port anew.
func (l kernelLink) unitText(h Host) string {
	device := "sys-subsystem-net-devices-" + strings.ReplaceAll(l.port, "-", `\x2d`) + ".device"
	return `[Unit]
Description=` + l.is + `
Documentation=man:sdnctl-node-join(1)
BindsTo=` + device + `
After=` + device + ` network-online.target nftables.service firewalld.service docker.service
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=` + h.file(l.name) + ` start

[Install]
WantedBy=` + device + `
`
}

// checkPrograms refuses a machine without the programs that scripts run, before anything is
// changed.
func (j *Join) checkPrograms(ctx context.Context, flag string) error {
	for _, program := range [][]string{{"ip", "-V"}, {"nft", "--version"}} {
		if _, err := j.Host.Exec(ctx, program[0], program[1:]...); err != nil {
			return fault(Conflict, "%s needs the program %s, which this machine does not have (%v); install it, for example: apt install iproute2 nftables\nnothing was changed", flag, program[0], err)
		}
	}
	return nil
}

// setUp writes and runs the script, once Open vSwitch has the port.
func (l kernelLink) setUp(ctx context.Context, j Join, text string) error {
	script := j.Host.file(l.name)
	if err := os.MkdirAll(j.Host.dir(), 0o755); err != nil {
		return err
	}
	if err := pki.WriteFile(script, []byte(text), 0o755); err != nil {
		return err
	}
	if !j.Host.systemd() {
		j.Host.note("this machine does not run systemd: have this run whenever the machine starts, and when Open vSwitch has started: %s start", script)
	} else if err := l.enable(ctx, j.Host); err != nil {
		return err
	}
	if j.Offline {
		return nil
	}
	if out, err := j.Host.Exec(ctx, script, "start"); err != nil {
		return fmt.Errorf("the machine is a node, but %s could not be set up: %s (%w); to have the node without: add %s", l.port, strings.TrimSpace(string(out)), err, l.without)
	}
	j.Host.note("%s %s; %s has what was set, and the table %s of nftables the rules", l.port, l.leads, script, l.table())
	return nil
}

// systemd reports whether the machine runs systemd (sd_booted(3)). One whose files are in
// another folder than usual is a part of a machine, such as a namespace, of which systemd
// knows nothing.
func (h Host) systemd() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil && h.dir() == DefaultDir
}

func (l kernelLink) enable(ctx context.Context, h Host) error {
	if err := pki.WriteFile(l.unitFile(), []byte(l.unitText(h)), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", l.unit()}, {"restart", l.unit()}} {
		if out, err := h.Exec(ctx, "systemctl", args...); err != nil {
			return fmt.Errorf("systemctl %s: %s (%w)", strings.Join(args, " "), strings.TrimSpace(string(out)), err)
		}
	}
	return nil
}

// made returns the links that joins set up on the machine.
func (h Host) made() (all []kernelLink) {
	for _, l := range kernelLinks() {
		if _, err := os.Stat(h.file(l.name)); err == nil {
			all = append(all, l)
		}
	}
	return all
}

// remove undoes what a join set up for the link. That there is nothing is no error.
func (l kernelLink) remove(ctx context.Context, h Host) error {
	if _, err := os.Stat(h.file(l.name)); err != nil {
		return nil
	}
	var all error
	if _, err := os.Stat(l.unitFile()); err == nil && h.systemd() {
		if out, err := h.Exec(ctx, "systemctl", "disable", l.unit()); err != nil {
			all = errors.Join(all, fmt.Errorf("systemctl disable %s: %s (%w)", l.unit(), strings.TrimSpace(string(out)), err))
		}
		all = errors.Join(all, os.Remove(l.unitFile()))
	}
	if out, err := h.Exec(ctx, h.file(l.name), "stop"); err != nil {
		return errors.Join(all, fmt.Errorf("%s stop: %s (%w)", h.file(l.name), strings.TrimSpace(string(out)), err))
	}
	for _, name := range []string{l.name, l.state()} {
		if err := os.Remove(h.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// kernelPorts returns what the join does about ports to the machine's kernel, for Open
// vSwitch.
func (j Join) kernelPorts() (all []nodeconfig.KernelPort) {
	switch j.Uplink {
	case UplinkHost:
		all = append(all, j.uplinkPort())
	case UplinkNone:
		all = append(all, nodeconfig.KernelPort{Name: uplinkLink().port, Remove: true})
	}
	switch {
	case len(j.HostRanges) > 0:
		all = append(all, j.hostPort())
	case j.NoHostAccess:
		all = append(all, nodeconfig.KernelPort{Name: hostLink().port, Remove: true})
	}
	return all
}

// endLinks undoes the links that the join removes, while their ports are there.
func (j Join) endLinks(ctx context.Context) error {
	if j.Uplink == UplinkNone {
		if err := uplinkLink().remove(ctx, j.Host); err != nil {
			return err
		}
	}
	if j.NoHostAccess {
		return hostLink().remove(ctx, j.Host)
	}
	return nil
}

// setLinks sets up the links that the join makes, once Open vSwitch has their ports.
func (j Join) setLinks(ctx context.Context) error {
	if j.Uplink == UplinkHost {
		if err := uplinkLink().setUp(ctx, j, j.uplinkText(j.sdndAddresses(ctx))); err != nil {
			return err
		}
	}
	if len(j.HostRanges) > 0 {
		return hostLink().setUp(ctx, j, j.hostText())
	}
	return nil
}
