package nodeconfig

// The keys that join writes to the external_ids of the bridge. KeyNode is on
// the rows of the manager and the certificate, too.
const (
	// KeyNode has the name of the node.
	KeyNode = "sdnctl-node"
	// KeyMade lists what join made, separated by commas: "bridge", "tunnel" and
	// "manager" and "ssl". A bridge that is not in the list was there before.
	KeyMade = "sdnctl-made"
	// KeyFound has what join found in place of what it set, as JSON.
	KeyFound = "sdnctl-found"
	// KeyUnderlayMTU has the MTU in bytes of the interface that has the tunnel
	// address.
	KeyUnderlayMTU = "sdnctl-underlay-mtu"
	// KeyAccess is "read" where sdnd may write nothing to the database.
	KeyAccess = "sdnctl-ovsdb"
)

// The keys that join writes to the external_ids of the tunnel's interface, beside
// KeyNode: what it was asked for, so that sdnd keeps the tunnel's options so.
const (
	// KeyLocalIP has the address that the tunnel sends from, where that is not the
	// node's tunnel address.
	KeyLocalIP = "sdnctl-local-ip"
	// KeyDstPort has the UDP port, where that is not VXLAN's.
	KeyDstPort = "sdnctl-dst-port"
)

// TunnelPort is the name of the one VXLAN port, by which sdnd knows it.
const TunnelPort = "vxlan-sdn"

// vxlanPort is the UDP port of VXLAN, unless Open vSwitch is configured for another.
const vxlanPort = "4789"

// State is the configuration of a machine's Open vSwitch, as far as it concerns joining.
type State struct {
	// Bridge is the bridge that is or becomes the node's; nil if there is none of that
	// name.
	Bridge *Bridge
	// Others are the other bridges of the machine that have joined, by name.
	Others []string
	// Tunnels are all VXLAN interfaces except TunnelPort on Bridge.
	Tunnels []Tunnel
	// Managers are the database's managers.
	Managers []Remote
	// SSL is the one certificate of Open vSwitch, nil for none.
	SSL *SSL
	// Own are the rows that sdnd made, as Machine.ReadOwn reads them; only leaving needs them.
	Own []OwnRow
}

// Bridge is a bridge and what is on it.
type Bridge struct {
	Name string
	// DatapathID is the id that the running bridge has, 16 hexadecimal digits.
	// It is empty when ovs-vswitchd has not made the bridge.
	DatapathID   string
	DatapathType string
	// FailMode is "secure", "standalone" or "" for the default, which is
	// standalone.
	FailMode  string
	Protocols []string
	// OtherConfig and ExternalIDs are the columns of these names.
	OtherConfig map[string]string
	ExternalIDs map[string]string
	Controllers []Remote
	// Ports are the names of its ports, sorted, without the bridge's own, TunnelPort and
	// those to the machine's kernel, which are KernelPorts.
	Ports, KernelPorts []string
	// Tunnel is the interface of TunnelPort, nil for none.
	Tunnel *Tunnel
	// Flows are the flows that are neither sdnd's nor Open vSwitch's own, as
	// ovs-ofctl prints them. They are only read from a bridge that is not yet
	// the node's.
	Flows []string
	// FlowsUnknown says why they could not be read, "" when they were.
	FlowsUnknown string
}

// Node returns the name of the node whose bridge this is, "" for none.
func (b *Bridge) Node() string {
	if b == nil {
		return ""
	}
	return b.ExternalIDs[KeyNode]
}

// targets are the targets of the controllers.
func (b *Bridge) targets() []string {
	var all []string
	for _, c := range b.Controllers {
		all = append(all, c.Target)
	}
	return all
}

// Tunnel is an interface of the type vxlan, or one that has the name of ours.
type Tunnel struct {
	Name    string
	Bridge  string
	Type    string
	Options map[string]string
	// ExternalIDs is the column of this name.
	ExternalIDs map[string]string
	// OFPort is its OpenFlow port number: 0 while Open vSwitch has not assigned
	// one, -1 when it could not make the port. Error says why.
	OFPort int64
	Error  string
}

// udpPort returns the UDP port on which it receives.
func (t *Tunnel) udpPort() string {
	if p := t.Options["dst_port"]; p != "" {
		return p
	}
	return vxlanPort
}

// Remote is a Controller or Manager row.
type Remote struct {
	UUID   string
	Target string
	// Node is the node for which join made it, "" if join did not make it.
	Node      string
	Connected bool
	// Status is the column of this name, with state, last_error and so on.
	Status map[string]string
	// Columns are the configured columns, in ovs-vsctl's notation, with which
	// the same row can be made again.
	Columns map[string]string
}

// SSL is the certificate that all TLS connections of Open vSwitch use.
type SSL struct {
	TLS
	// Node is the node for which join set it, "" if join did not set it.
	Node string
}

// TLS names the files of a certificate, as Open vSwitch opens them.
type TLS struct {
	CA   string `json:"ca"`
	Cert string `json:"cert"`
	Key  string `json:"key"`
}
