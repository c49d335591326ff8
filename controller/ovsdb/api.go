package ovsdb

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// Bridge is what is known of the watched bridge itself.
type Bridge struct {
	// FailMode is the column fail_mode: what the bridge does without a controller.
	// With "secure" it keeps its flows; with "standalone", or without a value, it
	// forwards by itself after a while, as a learning switch.
	FailMode string
	// Node is external_ids:sdnctl-node, the node that "sdnctl node join" made of
	// the bridge; "" without.
	Node string
	// UnderlayMTU is external_ids:sdnctl-underlay-mtu, the MTU in bytes of the
	// interface that has the tunnel address; 0 when it is not known.
	UnderlayMTU int
	// ReadOnly says that external_ids:sdnctl-ovsdb is "read": nothing may be written
	// to the node's database.
	ReadOnly bool
}

// Link is the state of an interface or of its link.
type Link uint8

// The states of a link. Open vSwitch gives none to an interface that it could
// not open.
const (
	LinkUnknown Link = iota
	LinkUp
	LinkDown
)

// Tunnel has the options of a tunnel, as they are in the database; "" for one that is not
// set.
type Tunnel struct{ RemoteIP, LocalIP, Key, DstPort string }

// Joined is what "sdnctl node join" recorded in the external_ids of an interface
// that it made or adopted.
type Joined struct {
	// Node is sdnctl-node, the name of the node.
	Node string
	// LocalIP is sdnctl-local-ip, the address that the tunnel must send from if the network
	// between the nodes translates the tunnel address; "" for the node's tunnel address
	// itself.
	LocalIP string
	// DstPort is sdnctl-dst-port, the UDP port of the tunnel; "" for that of VXLAN.
	DstPort string
	// HostRanges and HostAddresses are sdnctl-host-ranges and sdnctl-host-addresses, of the
	// port for host access: prefixes that the machine routes to it, and the addresses that
	// it sends from, separated by commas.
	HostRanges, HostAddresses string
	// NodePorts, NodePortsTaken and NodePortsLocal are sdnctl-node-ports, sdnctl-node-ports-taken
	// and sdnctl-node-ports-local, of the uplink to the machine's kernel: the range of node ports
	// that leads there; those of them, separated by spaces, at which programs of the machine
	// listen; and the range from which the kernel chooses ports, if it has any of them.
	NodePorts, NodePortsTaken, NodePortsLocal string
}

// Interface is an interface on the watched bridge.
type Interface struct {
	// Name is the column name, the name of the network device.
	Name string
	// Type is the column type: "" for a device of the system, "internal",
	// "vxlan" and so on.
	Type string
	// IfaceID is external_ids:iface-id, as OVN, libvirt and Neutron set it.
	IfaceID string
	// ContainerID and ContainerIface are external_ids:container_id and
	// container_iface, as ovs-docker sets them: the container's name or id and
	// the name that the interface has inside of it.
	ContainerID    string
	ContainerIface string
	// IfaceStatus is external_ids:iface-status, "active" or "inactive" as libvirt
	// and Neutron set it, "" when not set.
	IfaceStatus string
	// Target is external_ids:sdnctl-attach, the container, namespace or machine that
	// "sdnctl attach" gave the interface to, such as "docker/3fa9"; "" if another program
	// made the interface.
	Target string
	// OFPort is the OpenFlow port number: 0 while Open vSwitch has not assigned
	// one, -1 when it could not make the port.
	OFPort int64
	// Admin says whether the interface is administratively up, Link whether it
	// has a carrier.
	Admin, Link Link
	// MAC is the column mac_in_use; zero when it is not known.
	MAC [6]byte
	// Error is the column error, such as "could not open network device w1 (No
	// such device)"; "" when there is none.
	Error string
	// Tunnel has the options of a tunnel, of which the struct has the fields; nil
	// without any. What it points to is never modified.
	Tunnel *Tunnel
	// Peer is options:peer of a patch port: the interface of another bridge to which it leads.
	// NoPeer says that there is none of that name.
	Peer   string
	NoPeer bool
	// Joined is what "sdnctl node join" recorded, nil for an interface of others.
	// What it points to is never modified.
	Joined *Joined
}

// Bindable says whether the interface carries any of the external_ids by which a
// port can be bound.
func (f *Interface) Bindable() bool {
	return f.IfaceID != "" || f.ContainerID != "" || f.ContainerIface != ""
}

// Conn describes the connection of a node whose bridge is known, as it was when the claim
// on DatapathID was made.
type Conn struct {
	// Remote is the address of the node's end.
	Remote string
	// Bridge is the name of the watched bridge, and DatapathID its OpenFlow
	// datapath id, never 0.
	Bridge     string
	DatapathID uint64
	// OVSVersion is Open_vSwitch.ovs_version, such as "3.1.0"; empty when
	// vswitchd never ran on the node.
	OVSVersion string
	// Node is what Config.Identify returned, "" without it.
	Node string
	// Reconfigure makes the node's ovs-vswitchd apply its configuration again, as
	// after each ovs-vsctl, by adding 1 to Open_vSwitch.next_cfg, unless
	// Bridge.ReadOnly is set. It does not wait; a refusal of the node is logged.
	// It does nothing after the connection has ended. Many goroutines may call it
	// at any time.
	Reconfigure func()
	// Write makes rows of the node's database equal to Desired: some columns of rows of
	// others, and rows of sdnd's own. It writes the rows that differ in one transaction,
	// which fails as a whole if others change the rows at the same time; then Write tries
	// again, a few times. It writes nothing if Bridge.ReadOnly is set. It does not wait:
	// Handler.DatabaseWritten reports the result. A later call replaces those before it.
	// Many goroutines may call it at any time; it does nothing after the connection has
	// ended.
	Write func(Desired)
}

// Handler receives the reports of nodes. Its methods are called one at a time.
// They delay every connection, so they must be quick, and they must not wait for
// Serve to return.
//
// For one datapath id the calls are always OVSDBConnected, BridgeChanged,
// InterfacesChanged, then any number of both, OVSDBDisconnected, and then perhaps
// again from the start.
type Handler interface {
	// OVSDBConnected says that the bridge with c.DatapathID is being read.
	OVSDBConnected(c Conn)
	// BridgeChanged reports the bridge itself, once after OVSDBConnected and then after
	// each change.
	BridgeChanged(datapathID uint64, b Bridge)
	// InterfacesChanged reports the complete set of interfaces on the bridge, sorted by
	// name: once after OVSDBConnected, even if it is empty, and then after each change. The
	// handler may keep the slice and its elements but not modify them; nor does the package
	// modify them later. An interface that did not change is the same pointer as before.
	InterfacesChanged(datapathID uint64, ifaces []*Interface)
	// DatabaseWritten reports the result of the last Conn.Write: nil when the database is
	// as desired, or the reason why it is not. After an error sdnd tries again a few times,
	// and then not before the next call of Conn.Write.
	DatabaseWritten(datapathID uint64, err error)
	// OwnRowsChanged reports that rows of the node's database which the last Conn.Write had
	// in Desired.Own may no longer be as desired, or that one which could not be written
	// can be written now. Conn.Write makes them so again. It is called at most 20 times a
	// second, also after a write by sdnd itself.
	OwnRowsChanged(datapathID uint64)
	// OVSDBDisconnected says that no more reports about the bridge come, and
	// why. It is called for every connected bridge before Serve returns.
	OVSDBDisconnected(datapathID uint64, reason error)
}

// Config has the settings of Serve. The zero value of each means its default.
type Config struct {
	// Logger; the default discards.
	Logger *slog.Logger
	// Identify authenticates a connection and returns the node's name, before
	// anything else; if it fails the connection is closed. By default every
	// connection is accepted.
	Identify func(context.Context, net.Conn) (node string, err error)
	// Admit returns an error if the connection's node may not report its bridge;
	// the connection is closed then. It is called again whenever bytes of the node
	// arrive, at least every EchoInterval. The default admits every connection.
	Admit func(Conn) error
	// Known reports whether an address is known to be a node's. Connections from
	// other addresses that have not authenticated as a node share less memory
	// (MaxMessage). Known must not wait. The default is that all are known.
	Known func(net.Addr) bool
	// Standing ranks the connections with bridges of the same datapath id: the one
	// with the greatest standing is reported, of equals the oldest; one below 0
	// never. It must be quick. The default is that all are equal.
	Standing func(Conn) int
	// Reconsider names the datapath ids for which Standing may have changed; nil
	// if it never does.
	Reconsider *Reconsider
	// Bridge is the name of the bridge to watch; default "br-int".
	Bridge string
	// EchoInterval is how long a peer may be silent before we send an echo
	// request, how long it then has to reply, and how long one write to it may
	// take. So a dead peer is noticed after twice this time. Default 5 s, the same
	// as ovsdb-server's.
	EchoInterval time.Duration
	// HandshakeTimeout is the time from accepting a connection until the first
	// reply is complete. Default 10 s.
	HandshakeTimeout time.Duration
	// MaxMessage is the largest size in bytes of one message from a peer, and of
	// the view that we keep of it. An interface takes about 650 bytes in the first
	// message, which is the largest. Default 8 MiB, enough for 12,000 interfaces on
	// one node.
	//
	// All nodes together may have 16 messages larger than 32 KiB in progress, and
	// rows of 64 times MaxMessage beyond the first 64 KiB of each connection. Peers
	// that have not authenticated as a node may together have 4 such messages,
	// read at 8 MiB a second, and rows of 8 times MaxMessage. Further messages
	// wait: the address with the most in progress loses its oldest when that is
	// 5 s old, or 1 s if it has not authenticated as a node.
	MaxMessage int
	// MaxHandshakes bounds the connections that have not yet shown a bridge. When
	// there are more, those of the address with the most are closed, oldest
	// first, or the newest wait while none is older than 250 ms. Default 1024.
	MaxHandshakes int
	// MaxConnections is how many connections may be open at a time. One more takes
	// the place of the newest of the address with the most, if that has more
	// than its own would have, and is closed at once if not. Default 8192.
	MaxConnections int
}

// withDefaults returns the configuration with every zero replaced.
func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Identify == nil {
		c.Identify = func(context.Context, net.Conn) (string, error) { return "", nil }
	}
	if c.Admit == nil {
		c.Admit = func(Conn) error { return nil }
	}
	if c.Known == nil {
		c.Known = func(net.Addr) bool { return true }
	}
	if c.Standing == nil {
		c.Standing = func(Conn) int { return 0 }
	}
	if c.Reconsider == nil {
		c.Reconsider = NewReconsider()
	}
	if c.Bridge == "" {
		c.Bridge = "br-int"
	}
	if c.EchoInterval <= 0 {
		c.EchoInterval = 5 * time.Second
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = 8 << 20
	}
	if c.MaxHandshakes <= 0 {
		c.MaxHandshakes = 1024
	}
	if c.MaxConnections <= 0 {
		c.MaxConnections = 8192
	}
	return c
}
