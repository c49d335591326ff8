package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/digitalocean/go-openvswitch/ovs"
	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
)

const (
	// tunnelPort is the name of the one VXLAN port, by which sdnd knows it.
	tunnelPort = "vxlan-sdn"
	// joinMark is the key of external_ids by which "node leave" finds what
	// "node join" made.
	joinMark = "sdnctl-node"
	// maxBackoff is the longest pause between a switch's attempts to reach its
	// controller, in milliseconds.
	maxBackoff = 1000
)

// switchFlags are what join and leave share.
type switchFlags struct {
	bridge string
	db     string
	noWait bool
	print  bool
}

func (f *switchFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bridge, "bridge", "br-int", "`name` of the bridge")
	cmd.Flags().StringVar(&f.db, "db", "", "OVSDB `server` to configure, such as unix:/run/ovs2/db.sock (default the machine's own)")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "do not wait for ovs-vswitchd to follow")
	cmd.Flags().BoolVar(&f.print, "print", false, "only print the commands, as a script")
	mustComplete(cmd, "bridge")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
}

type joinOptions struct {
	app  *app
	sw   switchFlags
	name string

	controller   string
	openflowPort uint16
	ovsdbPort    uint16
	datapathID   string
	datapathType string
	tunnelIP     string
	localIP      string
	dstPort      uint16
	probe        int
	force        bool
	register     bool
	tls          joinTLS

	address netip.Addr // of controller, parsed
	id      topology.DatapathID
}

func newNodeJoinCmd(a *app) *cobra.Command {
	o := &joinOptions{app: a}
	cmd := &cobra.Command{
		Use:   "join NAME --controller ADDRESS",
		Short: "Make this machine's Open vSwitch a node (run it on the node, as root)",
		Long: `Configure the Open vSwitch of this machine as node NAME: a bridge that forwards
nothing on its own, with the VXLAN port, that speaks OpenFlow 1.3 to sdnd at
ADDRESS and lets it read the interfaces' external_ids. All is done in one
transaction, with ovs-vsctl; the commands are shown. Doing it again changes
nothing and keeps the connection.

Managers and bridges that the machine has are kept. A bridge that already has a
controller of someone else is refused.

With --ca, --cert and --key it speaks TLS, and proves by its certificate which
node it is; the files stay where they are.

The node must also be declared to sdnd: run the printed command where you run
sdnctl, or give --register and --host.`,
		Example: `  sudo sdnctl node join node1 --controller 192.168.50.10 --tunnel-ip 192.168.50.11
  sdnctl node join node1 --controller 192.168.50.10 --print
  sudo sdnctl node join node1 --controller 192.168.50.10 --ca ca.crt --cert node-node1.crt --key node-node1.key
  sudo sdnctl node join node1 --controller 192.168.50.10 --register --host http://192.168.50.10:8453`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(cmd.Context())
		},
	}
	o.sw.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.controller, "controller", "", "IP `address` of the machine where sdnd runs")
	f.Uint16Var(&o.openflowPort, "openflow-port", 6653, "TCP `port` where sdnd speaks OpenFlow")
	f.Uint16Var(&o.ovsdbPort, "ovsdb-port", 6640, "TCP `port` where sdnd speaks OVSDB; 0 for no OVSDB, then ports are bound by interface name only")
	f.StringVar(&o.datapathID, "datapath-id", "", "`id` of the bridge, 16 hexadecimal digits (default: derived from NAME)")
	f.StringVar(&o.datapathType, "datapath-type", "", "datapath `type` of the bridge: netdev for the userspace datapath (default: the kernel's)")
	f.StringVar(&o.tunnelIP, "tunnel-ip", "", "`address` of this node's VXLAN endpoint, for the declaration (default: the one that reaches the controller)")
	f.StringVar(&o.localIP, "local-ip", "", "send VXLAN packets from this `address` (default: as routes say)")
	f.Uint16Var(&o.dstPort, "dst-port", 0, "UDP `port` of VXLAN (default 4789)")
	f.IntVar(&o.probe, "inactivity-probe", 5000, "probe an idle connection to sdnd after `milliseconds`")
	f.BoolVar(&o.force, "force", false, "take the bridge over from another controller")
	f.BoolVar(&o.register, "register", false, "declare the node to sdnd, too")
	o.tls.flags(cmd)
	if err := cmd.MarkFlagRequired("controller"); err != nil {
		panic(err) // the flag was just added
	}
	mustComplete(cmd, "datapath-type", "netdev", "system")
	for _, flag := range []string{"controller", "datapath-id", "tunnel-ip", "local-ip"} {
		mustComplete(cmd, flag)
	}
	cmd.MarkFlagsMutuallyExclusive("print", "register")
	return cmd
}

// check reads the flags that are addresses and ids.
func (o *joinOptions) check() (err error) {
	if o.address, err = netip.ParseAddr(o.controller); err != nil {
		return usageErrorf("--controller %s: Open vSwitch needs the IP address of the machine where sdnd runs", o.controller)
	}
	for flag, text := range map[string]string{"tunnel-ip": o.tunnelIP, "local-ip": o.localIP} {
		if _, err := netip.ParseAddr(text); text != "" && err != nil {
			return usageErrorf("--%s %s: want an IP address", flag, text)
		}
	}
	o.id = topology.DatapathIDFor(o.name)
	if o.datapathID != "" {
		if o.id, err = topology.ParseDatapathID(o.datapathID); err != nil {
			return usageErrorf("--datapath-id: %w", err)
		}
	}
	if o.tunnelIP == "" && !o.sw.print {
		o.tunnelIP = o.app.env.LocalAddr(o.address)
	}
	return o.tls.check(o.name, o.sw.print, o.app.env.Now())
}

// target writes a connection method of Open vSwitch.
func (o *joinOptions) target(port uint16) string {
	return o.tls.scheme() + net.JoinHostPort(o.address.String(), strconv.Itoa(int(port)))
}

func (o *joinOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.sw.print {
		return o.script()
	}
	now, err := readBridge(ctx, o.app.env, o.sw)
	if err != nil {
		return err
	}
	if foreign := now.controller; foreign != "" && foreign != o.target(o.openflowPort) && now.owner == "" && !o.force {
		return fmt.Errorf("bridge %s already has the controller %s; use another with --bridge, or take it over with --force", o.sw.bridge, foreign)
	}
	ssl, err := readSSL(ctx, o.app.env, o.sw)
	if err != nil {
		return err
	}
	v := newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	if err := o.tls.plan(v, ssl, o.name, o.force); err != nil {
		return err
	}
	if err := o.plan(v, now.controller == o.target(o.openflowPort)); err != nil {
		return err
	}
	now.removeManagers(v, o.target(o.ovsdbPort)) // of an earlier join
	if o.ovsdbPort != 0 && !now.managers[o.target(o.ovsdbPort)] {
		o.addManager(v)
	}
	o.app.note("%s", v.text())
	if err := v.run(ctx); err != nil {
		return err
	}
	o.app.note("%s of this machine is node %s, datapath id %s", o.sw.bridge, o.name, o.id)
	return o.declare(ctx)
}

// plan collects what makes the bridge a node. A controller that is set as it
// should be is not set again, for that would drop the connection.
func (o *joinOptions) plan(v *vsctl, controllerSet bool) error {
	br := o.sw.bridge
	s := v.switchService()
	if err := s.AddBridge(br); err != nil {
		return err
	}
	if o.datapathType != "" {
		v.add("set", "bridge", br, "datapath_type="+o.datapathType)
	}
	if err := s.SetFailMode(br, ovs.FailModeSecure); err != nil {
		return err
	}
	if err := s.Set.Bridge(br, ovs.BridgeOptions{Protocols: []string{ovs.ProtocolOpenFlow13}}); err != nil {
		return err
	}
	v.add("set", "bridge", br,
		"other_config:datapath-id="+o.id.String(),
		"other_config:disable-in-band=true",
		"external_ids:"+joinMark+"="+ovsdbString(o.name))
	if err := s.AddPort(br, tunnelPort); err != nil {
		return err
	}
	v.add("clear", "interface", tunnelPort, "options") // of an earlier join
	if err := s.Set.Interface(tunnelPort, ovs.InterfaceOptions{Type: "vxlan", RemoteIP: "flow", Key: "flow"}); err != nil {
		return err
	}
	if o.localIP != "" {
		v.add("set", "interface", tunnelPort, "options:local_ip="+ovsdbString(o.localIP))
	}
	if o.dstPort != 0 {
		v.add("set", "interface", tunnelPort, fmt.Sprintf("options:dst_port=%d", o.dstPort))
	}
	if !controllerSet {
		if err := s.SetController(br, o.target(o.openflowPort)); err != nil {
			return err
		}
	}
	v.add("set", "controller", br, "connection_mode=out-of-band",
		fmt.Sprintf("max_backoff=%d", maxBackoff), fmt.Sprintf("inactivity_probe=%d", o.probe))
	return nil
}

// addManager collects what adds our manager beside those that are there;
// "set-manager" would replace them.
func (o *joinOptions) addManager(v *vsctl) {
	v.add("--id=@sdnd", "create", "manager", "target="+ovsdbString(o.target(o.ovsdbPort)),
		fmt.Sprintf("max_backoff=%d", maxBackoff), fmt.Sprintf("inactivity_probe=%d", o.probe),
		"external_ids:"+joinMark+"="+ovsdbString(o.name))
	v.add("add", "open_vswitch", ".", "manager_options", "@sdnd")
}

// script prints what a first run would do. It can be run more than once.
func (o *joinOptions) script() error {
	v := newVsctl(o.app.env, o.sw.db, o.sw.noWait)
	if o.tls.used() {
		o.tls.set(v, o.name)
	}
	if err := o.plan(v, false); err != nil {
		return err
	}
	out := o.app.env.Out
	fmt.Fprintln(out, v.text())
	if o.ovsdbPort != 0 {
		get, add := newVsctl(o.app.env, o.sw.db, o.sw.noWait), newVsctl(o.app.env, o.sw.db, o.sw.noWait)
		get.add("get-manager")
		o.addManager(add)
		fmt.Fprintf(out, "%s | grep -qxF %s || %s\n", get.line(), shellQuote(o.target(o.ovsdbPort)), add.text())
	}
	o.app.note("then, where you run sdnctl: %s", o.createCommand())
	return nil
}

// createCommand is the command that declares the node.
func (o *joinOptions) createCommand() string {
	args := []string{"sdnctl", "node", "create", shellQuote(o.name)}
	if o.datapathID != "" {
		args = append(args, "--datapath-id", o.id.String())
	}
	ip := o.tunnelIP
	if ip == "" {
		ip = "ADDRESS"
	}
	return strings.Join(append(args, "--tunnel-ip", ip), " ")
}

// declare declares the node to sdnd, or prints how to.
func (o *joinOptions) declare(ctx context.Context) error {
	if !o.register {
		o.app.note("declare it where you run sdnctl, unless it is declared already, with:")
		_, err := fmt.Fprintln(o.app.env.Out, o.createCommand())
		return err
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	spec := api.NodeSpec{TunnelIP: o.tunnelIP}
	if o.datapathID != "" {
		spec.DatapathID = o.id.String()
	}
	return o.app.declareNode(ctx, client, o.name, spec)
}
