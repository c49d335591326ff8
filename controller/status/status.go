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
	// ForgetsBackoff says that this version does not keep to max_backoff by itself.
	ForgetsBackoff bool
	DatapathID     topology.DatapathID
	// Wanted is the newest revision that changed flows of this node;
	// Acknowledged the newest one that the switch has confirmed. The node is
	// in sync when nothing that affects it is outstanding.
	Wanted, Acknowledged topology.Revision
	InSync               bool
	// Items is how many flows, groups and meters the switch has from us; Ports how
	// many ports its bridge has; TunnelPort says whether one of them is the tunnel port.
	Items      pipeline.Counts
	Ports      int
	TunnelPort bool
	// OVSDB says whether the node's ovsdb-server is connected too.
	OVSDB bool
	// CertificateExpires is the expiry of the certificate that the switch last connected
	// with; the zero time if it has none.
	CertificateExpires time.Time
	// LastError is the last error, "" once the switch is in sync again.
	LastError string
	// IdentityConflict says, in words, which other switch presents the node's datapath id,
	// or that its session is from an unknown address; "" for neither.
	IdentityConflict string
	// Fragments is the switch's last reported mode for IP fragments if that is wrong, in
	// the words of "ovs-ofctl set-frags"; else "".
	Fragments string
	// NeedsOVSDB says whether there are ports that only external_ids can bind here.
	NeedsOVSDB bool
	// Source says whether the source address of the node's tunnel packets is checked.
	Source Source
	// WriteError is the reason why the last write to its database failed, "" if it
	// succeeded; Lacks is what the node lacks because its database may not be written.
	WriteError, Lacks string
	// MissingRows names the rows of sdnd's own that its database cannot have yet, with the
	// reason.
	MissingRows string
	// Conditions are the node's conditions.
	Conditions []condition.Condition
}

// Switch is a connected switch that no declared node claims (or whose
// datapath id is already taken by another connection). It gets no flows.
type Switch struct {
	DatapathID topology.DatapathID
	Address    string
	OVSVersion string
	Since      time.Time
	// Reason says why it is unassigned, or was refused.
	Reason string
	// Action is the remedy, "" if that is to adopt the switch.
	Action string
}

// Pending is a node that has not yet confirmed a revision.
type Pending struct {
	Node                 string
	Connected            bool
	Wanted, Acknowledged topology.Revision
	// Reason is what the node is waiting for, in words.
	Reason string
}

// Acks lists the nodes that still have to confirm a revision.
type Acks struct {
	Revision topology.Revision
	// Pending is sorted by node; empty when every affected node confirmed.
	Pending []Pending
	// Changed is closed when the answer may have changed: at once when no node is pending
	// any more, soon after other progress.
	Changed <-chan struct{}
}

// Port is the status of a port's interface.
type Port struct {
	Port string
	// Node and Interface are where it is bound, or was last bound if Bound is false; empty
	// if it never was.
	Node, Interface string
	Bound           bool
	// Candidate is an interface that claims the port on another node than the one that it
	// is pinned to; the zero Place if there is none. The port moves there when it is pinned
	// to that node.
	Candidate condition.Place
	// Dropped describes the packets that the port sent against the rules lately; nil if
	// there were none.
	Dropped *condition.Dropped
	// Message is that of the first condition, such as why it is not bound.
	Message string
	// Conditions are the port's conditions.
	Conditions []condition.Condition
}

// Service is the status of a service.
type Service struct {
	// Count is how many backends it has, and Ready how many of them get new connections.
	Count, Ready int
	// Conditions are the service's conditions.
	Conditions []condition.Condition
}

// Source says whether the source address of a node's tunnel packets is checked.
type Source struct {
	// Local is the address that its tunnel port sends from, Declared its tunnel address;
	// the zero Addr if there is none.
	Local, Declared netip.Addr
	// Exempt says that other nodes admit its packets from any source address.
	Exempt bool
}
