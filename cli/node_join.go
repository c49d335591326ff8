package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

// switchFlags are the flags that join and leave share.
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

type joinOptions struct {
	app  *app
	sw   switchFlags
	join membership.Join // set by flags that need no parsing; read completes it

	controller string
	access     string
	datapathID string
	tunnelIP   string
	localIP    string
	probe      int // milliseconds
	uplinks    []string
	ranges     []string
	hosts      []string
	addresses  []string
	token      string
	register   bool
	noWait     bool
	timeout    time.Duration
}

func newNodeJoinCmd(a *app) *cobra.Command {
	o := &joinOptions{app: a}
	cmd := &cobra.Command{
		Use:   "join NAME --controller ADDRESS",
		Short: "Make this machine a node (run on the node, as root)",
		Long: `Configure the Open vSwitch of this machine as node NAME. The command creates a bridge
that forwards nothing on its own, with a VXLAN port. The bridge connects to sdnd at
ADDRESS over OpenFlow 1.3, and the database connects to it so that sdnd can read the
interfaces' external_ids. sdnd also keeps the options of the VXLAN port correct, unless
--ovsdb read forbids it to write to this machine's database. Everything is done in one
transaction, with ovs-vsctl; the commands are shown. Running the command again changes
nothing and keeps the connection.

A bridge that is in use (it has ports, flows, a controller or settings of its own) is
taken over only with --take-over. Without that flag, the command lists what it would
take over, and changes nothing. It records what it created and what it found in the
bridge's external_ids, so that 'sdnctl node leave' can restore it. Other bridges and
all managers are kept. If a VXLAN port of another bridge receives the same packets, the
command fails.

If Open vSwitch cannot apply the changes, they are undone. Then the command waits until
the node is connected to sdnd, with its tunnel and OVSDB. After --timeout it says what
is missing; the node stays configured. It asks sdnd if it can reach sdnd by --host,
SDNCTL_HOST or the local socket. Otherwise it relies on what Open vSwitch reports of its
connections, and says so.

With --uplink host the machine also is a way out for routers with egress: the port
uplink-sdn leads to its own kernel. A script with a unit of systemd sets addresses,
routes, forwarding and masquerade for that port, whenever the machine starts, and
its rules are a table of nftables of their own. It changes no network card, address or
route of the machine. 'sdnctl node leave' and --uplink none undo it.

With --uplink bridge:br-ex the node gets a pair of patch ports between its bridge and
br-ex, which has to exist. Nothing else of br-ex is touched. 'sdnctl node leave' and
--uplink none remove the pair. If a network card in br-ex has an address of this machine,
the command changes nothing and says which, and when its lease ends: the bridge takes what
arrives at the card, so the address has to move to br-ex, with its DHCP client. Give
--allow-nic-address to join nevertheless.

With --host-access the machine itself and the ports of networks with host access reach
each other by their own addresses: the port host-sdn leads to its kernel, and a script
with a unit of systemd sets routes for the given ranges and rules by which nothing is
forwarded from or to it. Ports reach the machine by the addresses of --address, with which
the node must be declared. --host-access none undoes it.

With --token, which 'sdnctl node invite NAME' on the controller prints, the machine gets
the node's certificate from sdnd, and sdnd declares the node: nothing else is to be
done. The certificate, its key and node.yaml, which says how to reach sdnd, are in
/etc/sdnctl (or $SDNCTL_DIR).

With --ca, --cert and --key the node uses a certificate that was made elsewhere; the
files stay where they are. Without any of these flags it uses plain TCP, which sdnd
accepts only from its own machine, or from everywhere with --insecure. In both cases the
node must also be declared: run the printed command where you run sdnctl, or give
--register and --host.`,
		Example: `  sudo sdnctl node join node1 --controller 192.168.50.10 --token SDNCTL-…
  sudo sdnctl node join node1 --controller 192.168.50.10 --tunnel-ip 192.168.50.11
  sudo sdnctl node join node1 --controller 192.168.50.10 --uplink host
  sudo sdnctl node join node1 --controller 192.168.50.10 --uplink bridge:br-ex
  sudo sdnctl node join node1 --controller 192.168.50.10 --host-access 10.244.0.0/16
  sdnctl node join node1 --controller 192.168.50.10 --tunnel-ip 192.168.50.11 --print
  sudo sdnctl node join node1 --controller 192.168.50.10 --ca ca.crt --cert node-node1.crt --key node-node1.key
  sudo sdnctl node join node1 --controller 192.168.50.10 --register --host http://192.168.50.10:8453`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.join.Node = args[0]
			return o.run(cmd.Context())
		},
	}
	o.sw.add(cmd, "only print a script that does it, for a machine without the bridge; the script says what it does not check")
	f := cmd.Flags()
	f.StringVar(&o.controller, "controller", "", "IP `address` of the machine where sdnd runs")
	f.Uint16Var(&o.join.OpenFlowPort, "openflow-port", membership.DefaultOpenFlowPort, "TCP `port` where sdnd speaks OpenFlow")
	f.Uint16Var(&o.join.OVSDBPort, "ovsdb-port", membership.DefaultOVSDBPort, "TCP `port` where sdnd speaks OVSDB; 0 for no OVSDB, then ports are bound by interface name only")
	f.StringVar(&o.access, "ovsdb", "write", "`access` that sdnd has to this machine's database: read; or write, which lets it set what is its own, such as the tunnel's options")
	f.StringVar(&o.datapathID, "datapath-id", "", "`id` of the bridge, 16 hexadecimal digits (default: derived from NAME)")
	f.StringVar(&o.join.DatapathType, "datapath-type", "", "datapath `type` of the bridge: netdev for the userspace datapath (default: the kernel's)")
	f.StringVar(&o.tunnelIP, "tunnel-ip", "", "`address` of this node's VXLAN endpoint, where other nodes reach it (default: the one that reaches the controller)")
	f.StringVar(&o.localIP, "local-ip", "", "this machine's own `address` for VXLAN, if --tunnel-ip is translated on the way (default: --tunnel-ip)")
	f.Uint16Var(&o.join.UDPPort, "dst-port", 0, "UDP `port` of VXLAN (default 4789)")
	f.StringSliceVar(&o.uplinks, "uplink", nil, "`way` out of sdnd's networks by this machine: host, through its own kernel; or bridge:NAME, through a bridge that is there; may be repeated; or none, which removes all that are not given (default: as it is)")
	f.BoolVar(&o.join.CardAddresses, "allow-nic-address", false, "join although a network card in a bridge of --uplink has an address of this machine, by which it is not reached, or only until its lease ends")
	f.StringSliceVar(&o.ranges, "uplink-range", nil, "addresses between Open vSwitch and this machine's kernel, as a `prefix`, the same as the Uplink is declared with; may be repeated, once for each family")
	f.StringSliceVar(&o.hosts, "host-access", nil, "addresses of networks that this machine itself reaches and is reached from, as a `prefix`; may be repeated; or none, which ends that (default: as it is)")
	f.StringSliceVar(&o.addresses, "address", nil, "this machine's own `address` by which ports of those networks reach it and see it; may be repeated, once for each family (default: the address of VXLAN)")
	f.IntVar(&o.probe, "inactivity-probe", int(membership.DefaultProbe.Milliseconds()), "probe an idle connection to sdnd after `milliseconds`")
	f.BoolVar(&o.join.TakeOver, "take-over", false, "take over what is in use: its traffic stops until it is declared to sdnd")
	f.BoolVar(&o.register, "register", false, "declare the node to sdnd, too")
	f.BoolVar(&o.noWait, "no-wait", false, "do not wait until the node is connected to sdnd")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait until the node is connected")
	o.certificateFlags(cmd)
	if err := cmd.MarkFlagRequired("controller"); err != nil {
		panic(err) // the flag was just added
	}
	mustComplete(cmd, "datapath-type", "netdev", "system")
	mustComplete(cmd, "ovsdb", "read", "write")
	mustComplete(cmd, "uplink", string(membership.UplinkHost), "bridge:", string(membership.UplinkNone))
	mustComplete(cmd, "uplink-range")
	mustComplete(cmd, "host-access", "none")
	mustComplete(cmd, "address")
	cmd.MarkFlagsMutuallyExclusive("print", "uplink")
	cmd.MarkFlagsMutuallyExclusive("print", "host-access")
	for _, flag := range []string{"controller", "datapath-id", "tunnel-ip", "local-ip"} {
		mustComplete(cmd, flag)
	}
	cmd.MarkFlagsMutuallyExclusive("print", "register")
	return cmd
}

// certificateFlags adds the flags for the node's certificate. For this command --ca, --cert
// and --key are the node's, not the user's.
func (o *joinOptions) certificateFlags(cmd *cobra.Command) {
	f, files := cmd.Flags(), &o.join.Files
	f.StringVar(&files.CA, "ca", "", "`file` with the certificate of the CA of sdnd; Open vSwitch reads it there from now on")
	f.StringVar(&files.Cert, "cert", "", "`file` with this node's certificate, likewise ('sdnctl pki node NAME' makes it)")
	f.StringVar(&files.Key, "key", "", "`file` with the key of that certificate, likewise")
	cmd.MarkFlagsRequiredTogether("ca", "cert", "key")
	f.StringVar(&o.token, "token", "", "`token` that 'sdnctl node invite' printed, for the node's certificate; - to read it from the standard input")
	f.Uint16Var(&o.join.APIPort, "api-port", membership.DefaultAPIPort, "TCP `port` where sdnd serves its API")
	mustComplete(cmd, "token")
	mustComplete(cmd, "api-port")
	for _, other := range []string{"ca", "print", "register"} {
		cmd.MarkFlagsMutuallyExclusive("token", other)
	}
}

// read parses the flags that are addresses, ids and tokens.
func (o *joinOptions) read() (j membership.Join, err error) {
	j = o.join
	j.Host, j.Bridge, j.DB, j.Offline, j.Blind = o.app.membershipHost(), o.sw.bridge, o.sw.db, o.sw.offline, o.noWait
	j.Probe = time.Duration(o.probe) * time.Millisecond
	if j.Controller, err = netip.ParseAddr(o.controller); err != nil {
		return j, usageErrorf("--controller %s: Open vSwitch needs the IP address of the machine where sdnd runs", o.controller)
	}
	if o.access != "read" && o.access != "write" {
		return j, usageErrorf("--ovsdb %s: want read or write", o.access)
	}
	j.ReadOnly = o.access == "read"
	if j.Uplink, j.UplinkBridges, err = membership.ParseUplinks(o.uplinks); err != nil {
		return j, err
	}
	if j.UplinkRanges, err = membership.ParseUplinkRanges(o.ranges); err != nil {
		return j, err
	}
	if j.CardAddresses && len(j.UplinkBridges) == 0 {
		return j, usageErrorf("--allow-nic-address is for --uplink bridge:NAME")
	}
	if len(o.ranges) > 0 && j.Uplink != membership.UplinkHost {
		return j, usageErrorf("--uplink-range is for --uplink host")
	}
	if j.HostRanges, j.NoHostAccess, err = membership.ParseHostRanges(o.hosts); err != nil {
		return j, err
	}
	for _, text := range o.addresses {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return j, usageErrorf("--address %s: want an IP address", text)
		}
		j.Addresses = append(j.Addresses, a)
	}
	if o.datapathID != "" {
		if j.DatapathID, err = model.ParseDatapathID(o.datapathID); err != nil {
			return j, usageErrorf("--datapath-id: %w", err)
		}
	}
	for _, a := range []struct {
		flag, text string
		to         *netip.Addr
	}{{"tunnel-ip", o.tunnelIP, &j.TunnelIP}, {"local-ip", o.localIP, &j.LocalIP}} {
		if a.text == "" {
			continue
		}
		if *a.to, err = netip.ParseAddr(a.text); err != nil {
			return j, usageErrorf("--%s %s: want an IP address", a.flag, a.text)
		}
	}
	j.Invitation, err = o.invitation()
	return j, err
}

// invitation reads the token; it is nil without one.
func (o *joinOptions) invitation() (*pki.Invitation, error) {
	text := o.token
	switch text {
	case "":
		return nil, nil
	case "-":
		b, err := io.ReadAll(io.LimitReader(o.app.env.In, 4096))
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	i, err := pki.ParseInvitation(text)
	if err != nil {
		return nil, usageErrorf("--token: %w", err)
	}
	return &i, nil
}

func (o *joinOptions) run(ctx context.Context) error {
	j, err := o.read()
	if err != nil {
		return err
	}
	if o.sw.print {
		script, err := j.Script()
		if err != nil {
			return err
		}
		fmt.Fprint(o.app.env.Out, script)
		o.app.note("then, where you run sdnctl: %s", j.DeclareCommand())
		return nil
	}
	if o.app.hostGiven() && !o.noWait && !o.sw.offline {
		if j.Client, err = o.app.client(); err != nil {
			return err
		}
		defer j.Client.Close()
	}
	node, err := j.Run(ctx)
	if err != nil {
		return err
	}
	defer node.Close()
	if err := o.declare(ctx, node); err != nil {
		return err
	}
	if o.noWait || o.sw.offline {
		return nil
	}
	return node.Await(ctx, o.timeout)
}

// declare declares the node to sdnd, or prints how to, unless it is declared.
func (o *joinOptions) declare(ctx context.Context, node *membership.Joined) error {
	if !o.register {
		if node.Declared(ctx) {
			return nil
		}
		o.app.note("declare it where you run sdnctl, unless it is declared already, with:")
		_, err := fmt.Fprintln(o.app.env.Out, node.Join.DeclareCommand())
		return err
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return o.app.declareNode(ctx, client, node.Join.Node, node.Join.Spec())
}
