package reconcile

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Store is the part of the store that the Fabric uses.
type Store interface {
	OnCommit(func(store.Commit)) *topology.Snapshot
	store.Observations
}

// Config has the settings of a Fabric. The zero Config is usable.
type Config struct {
	// Logger receives changes of state; nil discards them.
	Logger *slog.Logger
	// Bridge is the name of the bridge on every node; "" means br-int.
	Bridge string
	// Registerer receives the metrics; nil keeps none.
	Registerer prometheus.Registerer
	// Session has the settings of every switch's session.
	Session session.Config
	// Identify asks a connection to prove which node it may be; a connection that cannot is
	// refused. It returns the zero Proof for a connection that need not prove anything. Such a
	// connection, and every one if Identify is nil, may be the switch that it claims to be.
	Identify func(context.Context, net.Conn) (Proof, error)
	// MaxHandshakes bounds the connections that have not finished the handshake. Above it,
	// connections of the address with the most are closed, oldest first. None younger than 250
	// ms is closed; new ones wait instead. 0 means 1024.
	MaxHandshakes int
	// MaxHandshakePorts bounds the ports that switches describe during the handshake, counted
	// in steps of 256 and without the first 255 of each switch. A port takes about 150 bytes.
	// Above it, the same happens as with MaxHandshakes. 0 means 1,048,576.
	MaxHandshakePorts int
	// MaxUnassigned bounds the switches that are connected but are no node's; each 64 ports
	// count as one more. Above it, those of the address with the most are closed, oldest first.
	// 0 means 1024.
	MaxUnassigned int
	// AnswerTimeout is how long a switch may take to answer a request for flows or to confirm a
	// bundle, plus 1 ms for each flow. After that the attempt has failed, and is repeated after
	// RetryAfter. 0 means 1 min.
	AnswerTimeout time.Duration
	// RetryAfter is the pause after a switch has refused its flows. Each further failure
	// doubles it, up to 30 times RetryAfter. 0 means 1 s.
	RetryAfter time.Duration
	// OVSDBGrace applies to the first connection, after a start, of a node whose interfaces
	// OVSDB reports. For that long nothing is removed from its switch until OVSDB has reported,
	// because the last place of a port may not have been saved. 0 means 5 s.
	OVSDBGrace time.Duration
	// ReturnGrace is how long an absent node keeps what others claim: after a start, a port
	// that an interface on another node claims, too; at any time, its datapath id, against a
	// switch at another address. 0 means 15 s.
	ReturnGrace time.Duration
	// AuditEvery is the approximate interval at which a switch that cannot report changes
	// by others (Open vSwitch before 3.0) is compared as a whole. Other switches are
	// compared a tenth as often. 0 means 30 s.
	AuditEvery time.Duration
	// OwnRows returns the rows of sdnd's own that a node's database should have, for nodes
	// that joined; rows that it no longer returns are deleted. It must be pure and quick.
	// nil leaves own rows as they are.
	OwnRows func(node string) []ovsdb.OwnRow
	// MaxConnections is how many connections Open vSwitch may track in each zone of a routing
	// domain on a node. It takes Open vSwitch 3.3. 0 does not limit them.
	MaxConnections uint32
	// Extra adds items to those of the pipeline; nil adds none.
	Extra pipeline.Extra
	// NoMonitor does not ask switches to report changes by others; only audits find them.
	NoMonitor bool
	// DropsEvery is the interval at which the drop counters are read. 0 means 5 s.
	DropsEvery time.Duration
	// ReviewEvery is the interval at which conditions that depend on the time are evaluated. 0
	// means 5 s.
	ReviewEvery time.Duration
	// PacketIns answers the packets that flows of nodes send to the controller; nil counts
	// them as unexpected. Run runs it.
	PacketIns *packetin.Queues
	// Now is the clock for times that users see; nil means time.Now.
	Now func() time.Time
}

// Proof is the identity that a connection has proved.
type Proof struct {
	// Node is the only node that the connection may be.
	Node string
	// Expires is when the proof expires; an open session continues after that.
	Expires time.Time
}
