package membership

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// DefaultBridge is the integration bridge of a node unless another is named.
	DefaultBridge = "br-int"
	// DefaultAPIPort, DefaultOpenFlowPort and DefaultOVSDBPort are the TCP ports where
	// sdnd serves its API, speaks OpenFlow and speaks OVSDB unless it is configured
	// otherwise.
	DefaultAPIPort, DefaultOpenFlowPort, DefaultOVSDBPort = 8453, 6653, 6640
	// DefaultProbe is the idle time after which a connection to sdnd is probed.
	DefaultProbe = 5 * time.Second
)

// Join says which node this machine should become, and how it reaches sdnd. Node and Controller
// must be set.
type Join struct {
	Host Host
	// Node is the node's name.
	Node string
	// Controller is the address of the machine where sdnd runs. OpenFlowPort, APIPort
	// and OVSDBPort are its TCP ports; 0 is the default, but no OVSDB for the last:
	// then ports are bound by the names of interfaces only.
	Controller   netip.Addr
	OpenFlowPort uint16
	APIPort      uint16
	OVSDBPort    uint16
	// ReadOnly forbids sdnd to write to this machine's database.
	ReadOnly bool

	// Bridge is the node's bridge; "" is DefaultBridge. DatapathID is its id; 0 is
	// the one that sdnd derives from Node. DatapathType is "netdev" for the userspace
	// datapath, "" for that of the bridge as it is.
	Bridge       string
	DatapathID   model.DatapathID
	DatapathType string
	// TunnelIP is where other nodes reach this one's VXLAN endpoint; the zero Addr is
	// the address from which Controller is reached. LocalIP is the machine's own
	// address for VXLAN where TunnelIP is translated on the way; the zero Addr is
	// TunnelIP.
	TunnelIP, LocalIP netip.Addr
	// UDPPort is that of VXLAN; 0 is Open vSwitch's default, 4789.
	UDPPort uint16
	// Probe is the idle time after which a connection to sdnd is probed, in whole
	// milliseconds; 0 is DefaultProbe.
	Probe time.Duration

	// Uplink is what is done about the way out by the machine's kernel. UplinkRanges are
	// the addresses of the link, as the uplink is declared with; none are the default.
	Uplink       Uplink
	UplinkRanges []netip.Prefix
	// UplinkBridges are bridges of the machine, which have to exist, by which packets leave,
	// too. UplinkNone removes the ports to all others.
	UplinkBridges []string
	// CardAddresses also joins if network cards in these bridges have addresses of the
	// machine, by which it is not reached, or soon no more.
	CardAddresses bool

	// HostRanges are the addresses of the networks whose ports this machine itself reaches,
	// and which reach it; none leaves that as it is, and NoHostAccess ends it. Addresses are
	// the machine's own, by which ports reach it and see it: at most one of each family, and
	// LocalIP where none of its family is given.
	HostRanges   []netip.Prefix
	NoHostAccess bool
	Addresses    []netip.Addr

	// Invitation gets the node its certificate from sdnd, which also declares the
	// node; nil for none. Then Files must be empty.
	Invitation *pki.Invitation
	// Files are a certificate for the node that was made elsewhere, which Open vSwitch
	// reads there from now on. Without both it speaks plain TCP.
	Files pki.Files

	// DB is the connection method of Open vSwitch's database (ovs-vsctl(8)), "" for
	// the machine's own. Offline only writes the database, for an ovs-vswitchd that
	// does not run; nothing is checked afterwards.
	DB      string
	Offline bool
	// TakeOver also joins with a bridge that is in use: its traffic stops until it is
	// declared to sdnd.
	TakeOver bool
	// Blind does not connect to sdnd, except to redeem an invitation.
	Blind bool
	// Client is the client for asking sdnd about the node. nil uses node.yaml or sdnd's
	// socket on this machine; without either, sdnd is not asked. Run does not close it.
	Client *api.Client

	mtu      int // of the underlay
	redeemed bool
}

// complete fills in the defaults, and checks everything that does not depend on Open vSwitch.
// elsewhere says that the join is for another machine, whose addresses and files cannot be
// checked.
func (j *Join) complete(elsewhere bool) error {
	j.Bridge = cmp.Or(j.Bridge, DefaultBridge)
	j.OpenFlowPort = cmp.Or(j.OpenFlowPort, DefaultOpenFlowPort)
	j.APIPort = cmp.Or(j.APIPort, DefaultAPIPort)
	j.Probe = cmp.Or(j.Probe, DefaultProbe)
	if err := j.completeTunnel(elsewhere); err != nil {
		return err
	}
	if j.Invitation != nil {
		j.Files = j.Host.certificate()
		return nil
	}
	return j.checkFiles(elsewhere)
}

// completeTunnel fills in the addresses of the tunnel and the MTU of the underlay.
func (j *Join) completeTunnel(elsewhere bool) error {
	if !j.TunnelIP.IsValid() && !elsewhere {
		j.TunnelIP = j.Host.LocalAddr(j.Controller)
	}
	j.TunnelIP, j.LocalIP = j.TunnelIP.Unmap(), j.LocalIP.Unmap()
	if err := checkTunnelIP(j.TunnelIP); err != nil {
		return err
	}
	if !j.LocalIP.IsValid() {
		j.LocalIP = j.TunnelIP
	}
	if j.TunnelIP.IsValid() && j.LocalIP.Is4() != j.TunnelIP.Is4() {
		return fault(Invalid, "--local-ip %s and --tunnel-ip %s: want two IPv4 or two IPv6 addresses", j.LocalIP, j.TunnelIP)
	}
	if elsewhere || !j.LocalIP.IsValid() {
		return nil
	}
	mtu, ok := j.Host.MTU(j.LocalIP)
	if !ok {
		return fault(Invalid, "no interface of this machine has the address %s, so VXLAN packets to it would not get in; give the right --tunnel-ip, or with --local-ip the machine's own address if it is translated on the way", j.LocalIP)
	}
	j.mtu = mtu
	return nil
}

// checkTunnelIP returns an error for an address that sdnd would refuse as the end of a tunnel.
func checkTunnelIP(a netip.Addr) (err error) {
	model.NodeSpec{TunnelIP: a}.Normal(func(_ model.ProblemKind, _, message, fix string) {
		err = fault(Invalid, "--tunnel-ip: %s; %s", message, fix)
	})
	return err
}

// ID returns the datapath id of the node's bridge.
func (j Join) ID() model.DatapathID {
	if j.DatapathID != 0 {
		return j.DatapathID
	}
	return model.DatapathIDFor(j.Node)
}

// givenID returns the datapath id if it was given, "" if it is derived.
func (j Join) givenID() string {
	if j.DatapathID == 0 {
		return ""
	}
	return j.DatapathID.String()
}

// Spec returns the spec with which to declare the node. Its TunnelIP is the zero Addr if that is
// not known.
func (j Join) Spec() model.NodeSpec {
	return model.NodeSpec{TunnelIP: j.TunnelIP, DatapathID: j.DatapathID, Addresses: j.Addresses}
}

// DeclareCommand returns the sdnctl command that declares the node, quoted for a shell. An unknown
// address is written as ADDRESS.
func (j Join) DeclareCommand() string {
	args := []string{"sdnctl", "node", "create", nodeconfig.ShellQuote(j.Node)}
	if id := j.givenID(); id != "" {
		args = append(args, "--datapath-id", id)
	}
	for _, a := range j.Addresses {
		args = append(args, "--address", a.String())
	}
	ip := "ADDRESS"
	if j.TunnelIP.IsValid() {
		ip = j.TunnelIP.String()
	}
	return strings.Join(append(args, "--tunnel-ip", ip), " ")
}

// Script returns a script for a POSIX shell that joins a machine without the bridge. It does not
// depend on this machine, and says in comments what the script does not check.
func (j Join) Script() (string, error) {
	if err := j.complete(true); err != nil {
		return "", err
	}
	return j.config().Script(j.machine().Globals()), nil
}

func (j Join) machine() nodeconfig.Machine { return j.Host.machine(j.DB, j.Offline) }

// config returns the configuration of Open vSwitch.
func (j Join) config() nodeconfig.Join {
	c := nodeconfig.Join{
		Node: j.Node, Bridge: j.Bridge, Controller: j.target(j.OpenFlowPort),
		DatapathID: j.ID().String(), DatapathType: j.DatapathType, UDPPort: j.UDPPort,
		InactivityProbe: int(j.Probe.Milliseconds()), TLS: j.tls(), UnderlayMTU: j.mtu,
		Translated: j.LocalIP != j.TunnelIP, ReadOnly: j.ReadOnly,
	}
	c.KernelPorts = j.kernelPorts()
	c.UplinkBridges, c.OnlyBridges, c.CardAddresses = j.UplinkBridges, j.Uplink == UplinkNone, j.CardAddresses
	if j.LocalIP.IsValid() {
		c.LocalIP = j.LocalIP.String()
	}
	if j.OVSDBPort != 0 {
		c.Manager = j.target(j.OVSDBPort)
	}
	return c
}

// nodeConfig returns the content of node.yaml.
func (j Join) nodeConfig() Config {
	return Config{Node: j.Node, Host: j.api(), CA: j.Files.CA, Cert: j.Files.Cert, Key: j.Files.Key, Bridge: j.Bridge}
}

func (j Join) endpoint(port uint16) string {
	return net.JoinHostPort(j.Controller.String(), strconv.Itoa(int(port)))
}

// api returns the URL of sdnd's API.
func (j Join) api() string { return "https://" + j.endpoint(j.APIPort) }

// target returns a connection method of Open vSwitch (ovs-vsctl(8), "Connection Methods").
func (j Join) target(port uint16) string {
	if j.secure() {
		return "ssl:" + j.endpoint(port)
	}
	return "tcp:" + j.endpoint(port)
}
