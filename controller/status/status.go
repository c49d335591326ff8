package status

import (
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
)

// Node is the present status of a declared node's switch.
type Node struct {
	Node      string
	Connected bool
	// Since is when Connected last changed; the zero time if never connected.
	Since time.Time
	// Address is the switch's end of the OpenFlow connection, "ip:port".
	Address string
	// OVSVersion is the software description (OpenFlow 1.3.5, 7.3.5.1), such
	// as "3.1.0".
	OVSVersion string
	// ForgetsBackoff says that this version of Open vSwitch does not keep to max_backoff by
	// itself (docs/decisions/0009).
	ForgetsBackoff bool
	DatapathID     topology.DatapathID
	// Wanted is the newest revision that changed flows of this node, Acknowledged the newest
	// one that the switch has confirmed.
	Wanted, Acknowledged topology.Revision
	// InSync says that the switch has confirmed all changes that affect the node.
	InSync bool
	// Items is the number of flows, groups and meters that the switch has from sdnd.
	Items pipeline.Counts
	// Ports is the number of ports on the bridge. TunnelPort says whether one of them is the
	// tunnel port.
	Ports      int
	TunnelPort bool
	// OVSDB says whether the node's ovsdb-server is connected, too.
	OVSDB bool
	// CertificateExpires is the expiry of the certificate that the switch last connected
	// with; the zero time if it has none.
	CertificateExpires time.Time
	// LastError is the last error, "" once the switch is in sync again.
	LastError string
	// IdentityConflict describes another switch that presents the node's datapath id, or an
	// unknown address of the node's session; "" if there is neither.
	IdentityConflict string
	// Fragments is the switch's last reported mode for IP fragments if it is wrong, in the
	// words of "ovs-ofctl set-frags"; "" if it is right.
	Fragments string
	// NeedsOVSDB says whether the node may have ports that can only be bound by external_ids.
	NeedsOVSDB bool
	// Source has the source addresses of the node's tunnel packets.
	Source Source
	// WriteError is why the last write to its database failed, "" if it succeeded.
	WriteError string
	// Lacks names the settings that the node lacks because sdnd may not write to its database.
	Lacks string
	// MissingRows names the rows of sdnd's own that its database cannot have yet, with the
	// reason.
	MissingRows string
	// SharingDomains is how many routing domains share the node's connection tracker, 0 if sdnd
	// limits no connections. NoZoneLimits says that its Open vSwitch cannot limit them.
	SharingDomains int
	// NoSourcePort is about connections to outside in the last minute.
	NoSourcePort condition.NoSourcePort
	// TunnelFaults are the peers to or from which packets do not arrive.
	TunnelFaults []condition.TunnelFault
	NoZoneLimits bool
	// Conditions are the node's conditions.
	Conditions []condition.Condition
}

// ForgetDatabase forgets what is known of writing to the node's database.
func (s *Node) ForgetDatabase() {
	s.WriteError, s.Lacks, s.MissingRows = "", "", ""
}

// Switch is a connected switch that gets no flows: no declared node claims it, another
// connection has its datapath id, or it was refused.
type Switch struct {
	DatapathID topology.DatapathID
	Address    string
	OVSVersion string
	Since      time.Time
	// Reason is why it is unassigned or was refused.
	Reason string
	// Action is the remedy, "" if the remedy is to adopt the switch.
	Action string
}

// Pending is a node that has not yet confirmed a revision.
type Pending struct {
	Node                 string
	Connected            bool
	Wanted, Acknowledged topology.Revision
	// Reason is why the node has not confirmed it, in words.
	Reason string
}

// Acks lists the nodes that have yet to confirm a revision.
type Acks struct {
	Revision topology.Revision
	// Pending is sorted by node. It is empty if every affected node has confirmed.
	Pending []Pending
	// Changed is closed when Pending may have changed: at once when no node is pending any
	// more, and within notifyEvery after other progress.
	Changed <-chan struct{}
}

// Port is the status of a port's interface.
type Port struct {
	Port string
	// Node and Interface are those that it is bound to, or was last bound to if Bound is
	// false; "" if it never was bound.
	Node, Interface string
	Bound           bool
	// Candidate is an interface that claims the port on another node than the one that it
	// is pinned to; the zero Place if there is none. The port moves there when it is pinned
	// to that node.
	Candidate condition.Place
	// Dropped describes the packets of the port that were dropped in the last minute because
	// it may not send them; nil if there were none.
	Dropped *condition.Dropped
	// Flooded is how many packets of the port to all of its network were dropped because of the limit, until a minute after the last.
	Flooded uint64
	// Message is the message of the first condition, such as why it is not bound.
	Message string
	// Conditions are the port's conditions.
	Conditions []condition.Condition
}

// Service is the status of a service.
type Service struct {
	// Count is the number of its backends, and Ready of those that get new connections.
	Count, Ready int
	// Conditions are the service's conditions.
	Conditions []condition.Condition
	// LinkDown has the backends whose link is down.
	LinkDown map[string]bool
	// Health is what the health checks have found of each backend; nil without a check.
	Health map[string]Health
	// Entries are the nodes at whose addresses its node ports are, by name.
	Entries []Entry
	// UplinkNode is the node that answers for its addresses on an uplink, "" if there is none.
	UplinkNode string
}

// Entry is a node at whose addresses services have node ports.
type Entry struct {
	Node      string
	Addresses []netip.Addr
	// LocalEndpoints is how many backends are on the node, nil for a service without a health port.
	LocalEndpoints *int
}

// FloatingIP is the status of a floating address.
type FloatingIP struct {
	// Node is where it is, "" while none of its ports has an interface.
	Node string
	// Conditions are its conditions.
	Conditions []condition.Condition
}

// EgressIP is the status of an egress address.
type EgressIP struct {
	// Node has the addresses, "" if none does.
	Node string
	// Gateways are its nodes, in the order of preference.
	Gateways []EgressGateway
	// Ports is how many ports leave with it.
	Ports int
	// Conditions are its conditions.
	Conditions []condition.Condition
}

// EgressGateway is a node of an egress address.
type EgressGateway struct {
	Node string
	// Reached says that the node is reached, Bridge that it has a port to the uplink's bridge.
	Reached, Bridge bool
}

// Health is what the health checks of a backend have found.
type Health struct {
	// Healthy says that it gets new connections.
	Healthy bool
	// Why says why it does not; "" while its first probe has no result.
	Why string
	// Unchecked says why sdnd cannot ask it now; "" if it can.
	Unchecked string
}

// Source has the source addresses of a node's tunnel packets, which other nodes check.
type Source struct {
	// Local is the address that its tunnel port sends from, Declared its declared tunnel
	// address; the zero Addr if there is none.
	Local, Declared netip.Addr
	// Exempt says that other nodes accept its packets from any source address.
	Exempt bool
}
