package nodeconfig

// The keys that join writes to the external_ids of the bridge. KeyNode is also in those of the
// rows of the manager, the certificate, the tunnel and the ports to the machine's kernel.
const (
	// KeyNode has the name of the node.
	KeyNode = "sdnctl-node"
	// KeyMade lists what join created, separated by commas: "bridge", "tunnel", "manager",
	// "ssl". What is not in the list existed before.
	KeyMade = "sdnctl-made"
	// KeyFound has the former values of the settings that join changed: a Snapshot in JSON.
	KeyFound = "sdnctl-found"
	// KeyUnderlayMTU has the MTU in bytes of the interface with the tunnel address.
	KeyUnderlayMTU = "sdnctl-underlay-mtu"
	// KeyAccess is "read" if sdnd may not write to the database; otherwise it is absent.
	KeyAccess = "sdnctl-ovsdb"
)

// The keys that join writes to the external_ids of the tunnel's interface, beside KeyNode. They
// have the requested options, so that sdnd can restore them.
const (
	// KeyLocalIP has the source address of the tunnel if it is not the node's tunnel address.
	KeyLocalIP = "sdnctl-local-ip"
	// KeyDstPort has the UDP port if it is not the default port of VXLAN.
	KeyDstPort = "sdnctl-dst-port"
)

// TunnelPort is the name of the VXLAN port, by which sdnd finds it.
const TunnelPort = "vxlan-sdn"

// vxlanPort is the UDP port of VXLAN, unless Open vSwitch is configured for another.
const vxlanPort = "4789"

// State is the part of a machine's Open vSwitch configuration that concerns joining.
type State struct {
	// Bridge is the bridge that is or becomes the node's; nil if it does not exist.
	Bridge *Bridge
	// Others are the names of the other bridges of the machine that have joined.
	Others []string
	// Bridges are the datapath types of all bridges of the machine, by their names.
	Bridges map[string]string
	// Members are the names of the kernel's interfaces in each bridge, such as network cards,
	// sorted.
	Members map[string][]string
	// Addresses are those of the machine's interfaces, as Machine.ReadAddresses reads them;
	// only joining with bridges of uplinks needs them. AddressesUnknown is why they could not be
	// read.
	Addresses        []Address
	AddressesUnknown string
	// Tunnels are all VXLAN interfaces except TunnelPort on Bridge.
	Tunnels []Tunnel
	// Managers are the database's managers.
	Managers []Remote
	// SSL is the one certificate of Open vSwitch, nil for none.
	SSL *SSL
	// Own are the rows that sdnd made, as Machine.ReadOwn reads them; only leaving needs them.
	Own []OwnRow
}

// Bridge is a bridge with its ports, controllers and flows.
type Bridge struct {
	Name string
	// DatapathID is the id of the running bridge, 16 hexadecimal digits. It is empty if
	// ovs-vswitchd has not created the bridge.
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
	// those to the machine's kernel and to bridges of uplinks, which are KernelPorts.
	Ports, KernelPorts []string
	// Tunnel is the interface of TunnelPort, nil for none.
	Tunnel *Tunnel
	// Flows are the flows, except Open vSwitch's own, as ovs-ofctl prints them. They are only
	// read from a bridge that has not joined.
	Flows []string
	// FlowsUnknown is why the flows could not be read, "" if they were.
	FlowsUnknown string
}

// Node returns the name of the node whose bridge this is, "" for none.
func (b *Bridge) Node() string {
	if b == nil {
		return ""
	}
	return b.ExternalIDs[KeyNode]
}

// targets returns the targets of the controllers.
func (b *Bridge) targets() []string {
	var all []string
	for _, c := range b.Controllers {
		all = append(all, c.Target)
	}
	return all
}

// Tunnel is an interface of type vxlan, or the one with the name TunnelPort.
type Tunnel struct {
	Name    string
	Bridge  string
	Type    string
	Options map[string]string
	// ExternalIDs is the column of this name.
	ExternalIDs map[string]string
	// OFPort is its OpenFlow port number: 0 until Open vSwitch has assigned one, -1 if it
	// could not create the port. Error is the reason then.
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
	// Columns are the configured columns, in ovs-vsctl's notation, from which an equal row
	// can be created.
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
