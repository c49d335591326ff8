package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// switchFlags are what join and leave share.
type switchFlags struct {
	bridge  string
	db      string
	offline bool
	print   bool
}

func (f *switchFlags) add(cmd *cobra.Command, print string) {
	cmd.Flags().StringVar(&f.bridge, "bridge", "br-int", "`name` of the bridge")
	cmd.Flags().StringVar(&f.db, "db", "", "OVSDB `server` to configure, such as unix:/run/ovs2/db.sock (default the machine's own)")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "only write the database, for an ovs-vswitchd that does not run; nothing is checked afterwards")
	cmd.Flags().BoolVar(&f.print, "print", false, print)
	mustComplete(cmd, "bridge")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
}

// machine is the Open vSwitch that the flags name.
func (f *switchFlags) machine(env Env) nodeconfig.Machine {
	return nodeconfig.Machine{Exec: env.Exec, DB: f.db, Offline: f.offline}
}

type joinOptions struct {
	app  *app
	sw   switchFlags
	name string

	controller   string
	openflowPort uint16
	ovsdbPort    uint16
	access       string
	datapathID   string
	datapathType string
	tunnelIP     string
	localIP      string
	dstPort      uint16
	probe        int
	takeOver     bool
	register     bool
	noWait       bool
	timeout      time.Duration
	tls          joinTLS
	token        joinToken

	address netip.Addr // of controller, parsed
	id      topology.DatapathID
	mtu     int // of the underlay
}

func newNodeJoinCmd(a *app) *cobra.Command {
	o := &joinOptions{app: a}
	cmd := &cobra.Command{
		Use:   "join NAME --controller ADDRESS",
		Short: "Make this machine a node (run on the node, as root)",
		Long: `Configure the Open vSwitch of this machine as node NAME: a bridge that forwards
nothing on its own, with the VXLAN port, that speaks OpenFlow 1.3 to sdnd at
ADDRESS and lets it read the interfaces' external_ids. The VXLAN port is marked as
the node's: sdnd keeps its options right, unless --ovsdb read forbids it to write
to this machine's database. All is done in one
transaction, with ovs-vsctl; the commands are shown. Doing it again changes
nothing and keeps the connection.

It looks first. A bridge that is in use (it has ports, flows, a controller or
settings of its own) is only taken over with --take-over; without that it says
what would be, and changes nothing. What it made and what it found is recorded in
the bridge's external_ids, so that 'sdnctl node leave' puts that back. Other
bridges and all managers are kept. A VXLAN port that receives the same packets is
never touched: the command fails.

Afterwards it looks whether Open vSwitch could do it, and undoes it if not. Then
it waits until the node is connected to sdnd, with its tunnel and OVSDB, and says
what is missing if that takes longer than --timeout; the node stays configured
then. It asks sdnd itself if --host, SDNCTL_HOST or the local socket lead to it;
otherwise it goes by what Open vSwitch says of its connections, and says so.

With --token, as 'sdnctl node invite NAME' on the controller prints it, the machine
gets the node's certificate from sdnd, which also declares the node: nothing else is
to be done. The certificate, its key and node.yaml, which says how to reach sdnd, are
in /etc/sdnctl (or $SDNCTL_DIR).

With --ca, --cert and --key it uses a certificate that was made elsewhere; the files
stay where they are. With neither it speaks plain TCP, which sdnd only takes from its
own machine, or from everywhere with --insecure. In both cases the node must also be
declared to sdnd: run the printed command where you run sdnctl, or give --register
and --host.`,
		Example: `  sudo sdnctl node join node1 --controller 192.168.50.10 --token SDNCTL-…
  sudo sdnctl node join node1 --controller 192.168.50.10 --tunnel-ip 192.168.50.11
  sdnctl node join node1 --controller 192.168.50.10 --tunnel-ip 192.168.50.11 --print
  sudo sdnctl node join node1 --controller 192.168.50.10 --ca ca.crt --cert node-node1.crt --key node-node1.key
  sudo sdnctl node join node1 --controller 192.168.50.10 --register --host http://192.168.50.10:8453`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(cmd.Context())
		},
	}
	o.sw.add(cmd, "only print a script that does it, for a machine without the bridge; the script says what it does not check")
	f := cmd.Flags()
	f.StringVar(&o.controller, "controller", "", "IP `address` of the machine where sdnd runs")
	f.Uint16Var(&o.openflowPort, "openflow-port", 6653, "TCP `port` where sdnd speaks OpenFlow")
	f.Uint16Var(&o.ovsdbPort, "ovsdb-port", 6640, "TCP `port` where sdnd speaks OVSDB; 0 for no OVSDB, then ports are bound by interface name only")
	f.StringVar(&o.access, "ovsdb", "write", "`access` that sdnd has to this machine's database: read; or write, which lets it set what is its own, such as the tunnel's options")
	f.StringVar(&o.datapathID, "datapath-id", "", "`id` of the bridge, 16 hexadecimal digits (default: derived from NAME)")
	f.StringVar(&o.datapathType, "datapath-type", "", "datapath `type` of the bridge: netdev for the userspace datapath (default: the kernel's)")
	f.StringVar(&o.tunnelIP, "tunnel-ip", "", "`address` of this node's VXLAN endpoint, where other nodes reach it (default: the one that reaches the controller)")
	f.StringVar(&o.localIP, "local-ip", "", "this machine's own `address` for VXLAN, if --tunnel-ip is translated on the way (default: --tunnel-ip)")
	f.Uint16Var(&o.dstPort, "dst-port", 0, "UDP `port` of VXLAN (default 4789)")
	f.IntVar(&o.probe, "inactivity-probe", 5000, "probe an idle connection to sdnd after `milliseconds`")
	f.BoolVar(&o.takeOver, "take-over", false, "take over what is in use: its traffic stops until it is declared to sdnd")
	f.BoolVar(&o.register, "register", false, "declare the node to sdnd, too")
	f.BoolVar(&o.noWait, "no-wait", false, "do not wait until the node is connected to sdnd")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait until the node is connected")
	o.tls.flags(cmd)
	o.token.flags(cmd)
	if err := cmd.MarkFlagRequired("controller"); err != nil {
		panic(err) // the flag was just added
	}
	mustComplete(cmd, "datapath-type", "netdev", "system")
	mustComplete(cmd, "ovsdb", "read", "write")
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
	if o.access != "read" && o.access != "write" {
		return usageErrorf("--ovsdb %s: want read or write", o.access)
	}
	o.id = model.DatapathIDFor(o.name)
	if o.datapathID != "" {
		if o.id, err = model.ParseDatapathID(o.datapathID); err != nil {
			return usageErrorf("--datapath-id: %w", err)
		}
	}
	if err := o.checkTunnel(); err != nil {
		return err
	}
	if o.token.used() {
		o.tls.files, err = o.token.check(o.app.env)
		return err
	}
	return o.tls.check(o.name, o.sw.print, o.app.env.Now())
}

// checkTunnel finds the addresses of the tunnel, and the MTU below it.
func (o *joinOptions) checkTunnel() error {
	for flag, text := range map[string]string{"tunnel-ip": o.tunnelIP, "local-ip": o.localIP} {
		if _, err := netip.ParseAddr(text); text != "" && err != nil {
			return usageErrorf("--%s %s: want an IP address", flag, text)
		}
	}
	if o.tunnelIP == "" && !o.sw.print {
		o.tunnelIP = o.app.env.LocalAddr(o.address)
	}
	if o.localIP == "" {
		o.localIP = o.tunnelIP
	}
	if o.sw.print || o.localIP == "" {
		return nil
	}
	local := netip.MustParseAddr(o.localIP) // checked above, or this machine's
	mtu, ok := o.app.env.MTU(local)
	if !ok {
		return usageErrorf("no interface of this machine has the address %s, so VXLAN packets to it would not get in; give the right --tunnel-ip, or with --local-ip the machine's own address if it is translated on the way", local)
	}
	o.mtu = mtu
	return nil
}

// target writes a connection method of Open vSwitch.
func (o *joinOptions) target(port uint16) string {
	return o.tls.scheme() + o.endpoint(port)
}

func (o *joinOptions) endpoint(port uint16) string {
	return net.JoinHostPort(o.address.String(), strconv.Itoa(int(port)))
}

// join is what the flags ask for.
func (o *joinOptions) join() nodeconfig.Join {
	j := nodeconfig.Join{
		Node: o.name, Bridge: o.sw.bridge, Controller: o.target(o.openflowPort),
		DatapathID: o.id.String(), DatapathType: o.datapathType, LocalIP: o.localIP, UDPPort: o.dstPort,
		InactivityProbe: o.probe, TLS: o.tls.config(), UnderlayMTU: o.mtu,
		Translated: o.localIP != o.tunnelIP, ReadOnly: o.access == "read",
	}
	if o.ovsdbPort != 0 {
		j.Manager = o.target(o.ovsdbPort)
	}
	return j
}

func (o *joinOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	j, m := o.join(), o.sw.machine(o.app.env)
	if o.sw.print {
		fmt.Fprint(o.app.env.Out, j.Script(m.Globals()))
		o.app.note("then, where you run sdnctl: %s", o.createCommand())
		return nil
	}
	before, err := m.Read(ctx, o.sw.bridge)
	if err != nil {
		return err
	}
	var daemon *joinDaemon
	if !o.token.used() { // sdnd is asked by what the token brings
		if daemon, err = o.daemon(); err != nil {
			return err
		}
	}
	defer func() { daemon.close() }()
	if err := o.look(ctx, j, before, daemon); err != nil {
		return err
	}
	commands, err := j.Plan(before)
	if err != nil {
		return err
	}
	if err := o.enroll(ctx); err != nil {
		return err
	}
	if daemon == nil {
		if daemon, err = o.daemon(); err != nil {
			return err
		}
	}
	o.app.note("%s", commands.Text(m.Globals()))
	if err := o.apply(ctx, m, commands, before); err != nil {
		return err
	}
	o.app.note("%s of this machine is node %s, datapath id %s", o.sw.bridge, o.name, o.id)
	if err := o.declare(ctx, daemon); err != nil {
		return err
	}
	if o.noWait || o.sw.offline {
		return nil
	}
	return o.await(ctx, m, j, daemon)
}

// enroll gets the node's certificate, if there is a token for it, and writes how
// the node reaches sdnd. Nothing of Open vSwitch is changed yet.
func (o *joinOptions) enroll(ctx context.Context) error {
	if o.token.used() {
		err := o.token.redeem(ctx, o.app.env, applicant{
			node: o.name, bridge: o.sw.bridge, tunnelIP: o.tunnelIP, datapathID: o.datapathID,
			controller: o.address, db: o.sw.db,
		})
		if err != nil {
			return fmt.Errorf("%w\nnothing was changed", err)
		}
		o.app.note("this machine has the certificate of node %s", o.name)
		return nil
	}
	if !o.tls.used() {
		return nil
	}
	f := o.tls.files
	host := "https://" + o.endpoint(o.token.apiPort)
	return nodeConfig{Node: o.name, Host: host, CA: f.CA, Cert: f.Cert, Key: f.Key, Bridge: o.sw.bridge}.write(o.app.env)
}

// look says what joining would take over, and refuses to do so unasked.
func (o *joinOptions) look(ctx context.Context, j nodeconfig.Join, before nodeconfig.State, daemon *joinDaemon) error {
	found := j.Check(before)
	for _, note := range found.Notes {
		o.app.note("note: %s", note)
	}
	takes := strings.Join(found.Takes, "\n  ")
	switch {
	case found.Blocked != "":
		return codedError{ExitConflict, errors.New(found.Blocked + "\nnothing was changed")}
	case takes != "" && !o.takeOver:
		return codedError{ExitConflict, fmt.Errorf("this Open vSwitch is in use:\n  %s\nnothing was changed; take it over with --take-over ('sdnctl node leave' puts back what was there), or use another bridge with --bridge", takes)}
	case takes != "" && !o.noWait && !o.sw.offline:
		// Traffic is not to be cut for a controller that is not there.
		if err := o.dial(ctx); err != nil {
			return fmt.Errorf("%w\nnothing was changed", err)
		}
	}
	if takes != "" {
		o.app.note("taking over:\n  %s", takes)
	}
	return daemon.admits(ctx, j, before)
}

// apply makes the changes, and undoes them if Open vSwitch cannot follow.
func (o *joinOptions) apply(ctx context.Context, m nodeconfig.Machine, c nodeconfig.Commands, before nodeconfig.State) error {
	err := m.Apply(ctx, c)
	if err == nil && m.Offline {
		return nil
	}
	now, readErr := m.Read(ctx, o.sw.bridge)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if err == nil {
		if err = nodeconfig.Verify(now, o.sw.bridge); err == nil {
			return nil
		}
	} else {
		m.Offline = true // it does not follow, so it is not waited for again
	}
	if undoErr := undo(ctx, m, o.sw.bridge, nodeconfig.Undo(now, before)); undoErr != nil {
		return fmt.Errorf("%w\nand it could not be undone: %w", err, undoErr)
	}
	return fmt.Errorf("%w\neverything is undone", err)
}

// undo puts a machine back to what it was.
func undo(ctx context.Context, m nodeconfig.Machine, bridge string, u nodeconfig.Undoing) error {
	for _, step := range u.Steps {
		if err := m.Apply(ctx, step); err != nil {
			return err
		}
	}
	if m.Offline {
		return nil
	}
	return m.AddFlows(ctx, bridge, u.Flows)
}

// createCommand is the command that declares the node.
func (o *joinOptions) createCommand() string {
	args := []string{"sdnctl", "node", "create", nodeconfig.ShellQuote(o.name)}
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
func (o *joinOptions) declare(ctx context.Context, daemon *joinDaemon) error {
	if o.token.used() {
		return nil // the invitation did
	}
	if !o.register {
		if daemon.declared(ctx, o.name) {
			return nil
		}
		o.app.note("declare it where you run sdnctl, unless it is declared already, with:")
		_, err := fmt.Fprintln(o.app.env.Out, o.createCommand())
		return err
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var spec model.NodeSpec
	if err := model.SetText(&spec.TunnelIP, o.tunnelIP); err != nil {
		return usageErrorf("--tunnel-ip %s: %w", o.tunnelIP, err)
	}
	if o.datapathID != "" {
		spec.DatapathID = o.id
	}
	return o.app.declareNode(ctx, client, o.name, spec)
}
