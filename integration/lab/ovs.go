package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// schemaPath is the path of the database's schema on Debian and its derivatives.
const schemaPath = "/usr/share/openvswitch/vswitch.ovsschema"

// VSCtl runs ovs-vsctl on the node.
func (n *Node) VSCtl(ctx context.Context, args ...string) (string, error) {
	return n.Exec(ctx, append([]string{"ovs-vsctl", "--timeout=20"}, args...)...)
}

// OFCtl runs ovs-ofctl with OpenFlow 1.3 on the node.
func (n *Node) OFCtl(ctx context.Context, args ...string) (string, error) {
	return n.Exec(ctx, append([]string{"ovs-ofctl", "-O", "OpenFlow13"}, args...)...)
}

// AppCtl runs ovs-appctl on the node; the target is ovs-vswitchd.
func (n *Node) AppCtl(ctx context.Context, args ...string) (string, error) {
	return n.Exec(ctx, append([]string{"ovs-appctl"}, args...)...)
}

// looks is how often Open vSwitch has to look through its cached flows until none of before a
// change is left. The first look that ends may have begun before the change. The second deletes
// many flows while it reads the table that they are in, which shrinks meanwhile, so that it can
// miss some of the flows that no look has seen yet (docs/decisions/0036).
const looks = 3

// Revalidated waits until the node's datapath forwards by the flows that the switch has confirmed:
// Open vSwitch confirms before it looks through its cached flows.
func (n *Node) Revalidated(ctx context.Context) error {
	for range looks {
		if _, err := n.AppCtl(ctx, "revalidator/wait"); err != nil {
			return err
		}
	}
	return nil
}

// startOVS starts the node's ovsdb-server, with an empty database the first
// time, and its ovs-vswitchd.
func (n *Node) startOVS(ctx context.Context) error {
	db := filepath.Join(n.Dir, "conf.db")
	if _, err := os.Stat(db); errors.Is(err, os.ErrNotExist) {
		if _, err := n.Exec(ctx, "ovsdb-tool", "create", db, schemaPath); err != nil {
			return err
		}
	}
	// The second remote is required for "ovs-vsctl set-manager".
	if _, err := n.Exec(ctx, "ovsdb-server", db, "--remote=punix:"+filepath.Join(n.Dir, "db.sock"),
		"--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
		// These are required for "ovs-vsctl set-ssl". ovs-ctl gives them, too.
		"--private-key=db:Open_vSwitch,SSL,private_key", "--certificate=db:Open_vSwitch,SSL,certificate",
		"--ca-cert=db:Open_vSwitch,SSL,ca_cert",
		"--pidfile", "--detach", "--no-chdir", "--log-file"); err != nil {
		return err
	}
	if _, err := n.VSCtl(ctx, "--no-wait", "init"); err != nil {
		return err
	}
	if _, err := n.VSCtl(ctx, "--no-wait", "set", "open", ".", "external_ids:hostname="+n.Name); err != nil {
		return err
	}
	return n.StartVSwitchd(ctx)
}

// StartVSwitchd starts ovs-vswitchd and returns when it is ready.
func (n *Node) StartVSwitchd(ctx context.Context) error {
	_, err := n.Exec(ctx, "ovs-vswitchd", "unix:"+filepath.Join(n.Dir, "db.sock"),
		"--pidfile", "--detach", "--no-chdir", "--log-file")
	return err
}

// StopVSwitchd sends sig to ovs-vswitchd and waits for its end.
func (n *Node) StopVSwitchd(ctx context.Context, sig syscall.Signal) error {
	pid, err := n.signalVSwitchd(sig)
	if err != nil {
		return err
	}
	return awaitGone(ctx, pid, 10*time.Second)
}

// FreezeVSwitchd stops ovs-vswitchd (SIGSTOP) until ThawVSwitchd, as if the machine was swapping.
// Its connections stay open.
func (n *Node) FreezeVSwitchd() error {
	_, err := n.signalVSwitchd(syscall.SIGSTOP)
	return err
}

// ThawVSwitchd continues ovs-vswitchd.
func (n *Node) ThawVSwitchd() error {
	_, err := n.signalVSwitchd(syscall.SIGCONT)
	return err
}

// signalVSwitchd sends sig to ovs-vswitchd and returns its process id.
func (n *Node) signalVSwitchd(sig syscall.Signal) (int, error) {
	pid, err := readPID(filepath.Join(n.Dir, "ovs-vswitchd.pid"))
	if err != nil {
		return 0, err
	}
	if !n.lab.owns(pid) {
		return 0, fmt.Errorf("process %d is not ovs-vswitchd of %s: it has gone already", pid, n.Name)
	}
	return pid, syscall.Kill(pid, sig)
}

// RestartVSwitchd ends ovs-vswitchd with sig and starts it again.
func (n *Node) RestartVSwitchd(ctx context.Context, sig syscall.Signal) error {
	if err := n.StopVSwitchd(ctx, sig); err != nil {
		return err
	}
	return n.RestoreVSwitchd(ctx)
}

// RestoreVSwitchd starts ovs-vswitchd after StopVSwitchd and puts the node's
// address back on br-phy.
func (n *Node) RestoreVSwitchd(ctx context.Context) error {
	if err := n.StartVSwitchd(ctx); err != nil {
		return err
	}
	if err := n.addressUnderlay(ctx); err != nil {
		return err
	}
	return n.awaitUnderlay(ctx)
}
