package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// ovnBed is two nodes run by OVN: its databases and ovn-northd in the hub, an
// ovn-controller on each node.
type ovnBed struct {
	*lab.Lab
	dir    string // of the databases
	daemon string // control socket of ovn-nbctl as a daemon
	stop   func() error
}

// ovnMissing returns why OVN cannot be measured; "" if it can.
func ovnMissing() string {
	var why []string
	for _, p := range []string{"ovn-nbctl", "ovn-northd", "ovn-controller"} {
		if _, err := exec.LookPath(p); err != nil {
			why = append(why, p)
		}
	}
	if len(why) == 0 {
		return ""
	}
	return "OVN is not installed: no " + strings.Join(why, ", ") + "; as root: integration/deps.sh bench"
}

func newOVNBed(ctx context.Context, e *Env) (*ovnBed, error) {
	if why := ovnMissing(); why != "" {
		return nil, errors.New(why)
	}
	l, down, err := e.up(ctx, 2)
	if err != nil {
		return nil, err
	}
	b := &ovnBed{Lab: l, dir: filepath.Join(l.Dir, "ovn"), stop: down}
	for _, step := range []func(context.Context) error{b.startCentral, b.startControllers, b.declare} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("start OVN: %w", err), b.stop())
		}
	}
	return b, nil
}

func (b *ovnBed) socket(db string) string { return filepath.Join(b.dir, db+".sock") }

// hub runs a program of OVN in the hub, where its databases are.
func (b *ovnBed) hub(ctx context.Context, args ...string) (string, error) {
	cmd := b.Controller.Command(ctx, args...)
	return ovnOutput(cmd, b.dir)
}

func ovnOutput(cmd *exec.Cmd, dir string) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	for _, v := range []string{"OVN_RUNDIR", "OVN_LOGDIR", "OVN_DBDIR", "OVN_SYSCONFDIR", "OVS_RUNDIR", "OVS_LOGDIR"} {
		cmd.Env = append(cmd.Env, v+"="+dir)
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[:min(8, len(cmd.Args))], " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

func (b *ovnBed) startCentral(ctx context.Context) error {
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return err
	}
	for db, port := range map[string]int{"nb": 6641, "sb": 6642} {
		file := filepath.Join(b.dir, db+".db")
		if _, err := b.hub(ctx, "ovsdb-tool", "create", file, "/usr/share/ovn/ovn-"+db+".ovsschema"); err != nil {
			return err
		}
		if _, err := b.hub(ctx, "ovsdb-server", file, "--remote=punix:"+b.socket(db),
			fmt.Sprintf("--remote=ptcp:%d:%s", port, b.Controller.Addr),
			"--pidfile="+filepath.Join(b.dir, db+".pid"), "--unixctl="+filepath.Join(b.dir, db+".ctl"),
			"--detach", "--no-chdir", "--log-file="+filepath.Join(b.dir, db+".log")); err != nil {
			return err
		}
		if _, err := b.hub(ctx, "ovn-"+db+"ctl", "--db=unix:"+b.socket(db), "init"); err != nil {
			return err
		}
	}
	if _, err := b.hub(ctx, "ovn-northd", "--ovnnb-db=unix:"+b.socket("nb"), "--ovnsb-db=unix:"+b.socket("sb"),
		"--pidfile="+filepath.Join(b.dir, "northd.pid"), "--unixctl="+filepath.Join(b.dir, "northd.ctl"),
		"--detach", "--no-chdir", "--log-file="+filepath.Join(b.dir, "northd.log")); err != nil {
		return err
	}
	b.daemon = filepath.Join(b.dir, "nbctl.ctl")
	_, err := b.hub(ctx, "ovn-nbctl", "--detach", "--no-chdir", "--pidfile="+filepath.Join(b.dir, "nbctl.pid"),
		"--db=unix:"+b.socket("nb"), "--log-file="+filepath.Join(b.dir, "nbctl.log"), "-u", b.daemon)
	return err
}

func (b *ovnBed) startControllers(ctx context.Context) error {
	for _, n := range b.Nodes {
		if _, err := n.VSCtl(ctx, "set", "open", ".", "external_ids:system-id="+n.Name,
			fmt.Sprintf("external_ids:ovn-remote=tcp:%s:6642", b.Controller.Addr),
			"external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip="+n.Addr.String(),
			"external_ids:ovn-bridge-datapath-type=netdev", "--", "set", "bridge", "br-int", "other_config:disable-in-band=true"); err != nil {
			return err
		}
		cmd := n.Command(ctx, "ovn-controller", "unix:"+filepath.Join(n.Dir, "db.sock"),
			"--pidfile="+filepath.Join(n.Dir, "ovn-controller.pid"), "--detach", "--no-chdir",
			"--log-file="+filepath.Join(n.Dir, "ovn-controller.log"))
		if _, err := ovnOutput(cmd, n.Dir); err != nil {
			return err
		}
	}
	return nil
}

// declare makes the scale model's topology, a switch per node and a router between
// them, with subnets that have room for thousands of ports.
func (b *ovnBed) declare(ctx context.Context) error {
	args := []string{"--wait=hv", "lr-add", "lr0"}
	for i := range b.Nodes {
		args = append(args, routedSwitch(i)...)
	}
	return b.nb(ctx, args...)
}

// routedSwitch returns the arguments of ovn-nbctl that add the i-th node's switch to the router.
func routedSwitch(i int) []string {
	sw, rp := ovnSwitch(i), fmt.Sprintf("lr-node%d", i+1)
	mac, ip := ovnAddr(i, 1)
	return []string{
		"--", "ls-add", sw, "--", "lrp-add", "lr0", rp, mac, ip.String() + "/16",
		"--", "lsp-add", sw, sw + "-lr", "--", "lsp-set-type", sw + "-lr", "router",
		"--", "lsp-set-addresses", sw + "-lr", "router", "--", "lsp-set-options", sw + "-lr", "router-port=" + rp,
	}
}

// ovnSwitch returns the name of the logical switch of the i-th node, from 0.
func ovnSwitch(i int) string { return fmt.Sprintf("ls-node%d", i+1) }

// ovnAddr returns the k-th address of the i-th node's switch. The first one is that of the
// router.
func ovnAddr(i, k int) (mac string, ip netip.Addr) {
	return fmt.Sprintf("02:00:%02x:00:%02x:%02x", i+1, k>>8, k&255), netip.AddrFrom4([4]byte{10, byte(101 + i), byte(k >> 8), byte(k)})
}

// ovnPort returns the arguments of ovn-nbctl that add a port.
func ovnPort(i, k int, name string) []string {
	mac, ip := ovnAddr(i, k)
	return []string{"lsp-add", ovnSwitch(i), name, "--", "lsp-set-addresses", name, mac + " " + ip.String()}
}

// nb runs ovn-nbctl in its daemon, by a request to the daemon's socket, so that no process is
// started.
func (b *ovnBed) nb(ctx context.Context, args ...string) error {
	var out string
	return jsonRPC(ctx, b.daemon, "run", args, &out)
}

// container makes a container with a logical port, which is not bound yet.
func (b *ovnBed) container(ctx context.Context, i, k int, name string) (*lab.Container, error) {
	mac, ip := ovnAddr(i, k)
	_, gateway := ovnAddr(i, 1)
	if err := b.nb(ctx, ovnPort(i, k, name)...); err != nil {
		return nil, err
	}
	return b.AddContainer(ctx, lab.Container{
		Name: name, Node: b.Nodes[i].Name, IP: netip.PrefixFrom(ip, 16), MAC: mac, Gateway: gateway, MTU: 1400,
	})
}

// bound waits until OVN has finished binding the port. If the identity is removed before that,
// OVN may never unbind the port.
func (b *ovnBed) bound(ctx context.Context, port string) error {
	return b.awaitBinding(ctx, port, "up", func(v string) bool { return v == "true" })
}

// unbound waits until the port is bound on no node.
func (b *ovnBed) unbound(ctx context.Context, port string) error {
	if err := b.awaitBinding(ctx, port, "chassis", func(v string) bool { return v == "" }); err != nil {
		return err
	}
	return b.nb(ctx, "--wait=hv", "sync")
}

// awaitBinding waits for a value in a port's row of the southbound database.
func (b *ovnBed) awaitBinding(ctx context.Context, port, column string, good func(string) bool) error {
	seen := ""
	err := lab.PollFor(ctx, 10*time.Second, fmt.Sprintf("%s of %s", column, port), func(ctx context.Context) error {
		out, err := b.hub(ctx, "ovn-sbctl", "--db=unix:"+b.socket("sb"), "--bare", "--columns="+column, "find", "port_binding", "logical_port="+port)
		if err != nil {
			return err
		}
		if seen = strings.TrimSpace(out); !good(seen) {
			return errors.New("not yet")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w; it was last %q", err, seen)
	}
	return nil
}
