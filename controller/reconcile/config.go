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

// Store is what the Fabric needs of the store.
type Store interface {
	OnCommit(func(store.Commit)) *topology.Snapshot
	store.Observations
}

// Config is what a Fabric is made of. The zero Config is usable.
type Config struct {
	// Logger receives changes of state; nil discards them.
	Logger *slog.Logger
	// Bridge is the name of the bridge on every node; "" means br-int.
	Bridge string
	// Registerer receives the metrics; nil keeps none.
	Registerer prometheus.Registerer
	// Session is for every switch's session.
	Session session.Config
	// Identify has a connection prove which node it may speak for, before
	// anything else; one that cannot is refused. One that need not proves
	// nothing: the zero Proof. That, and nil for Identify, let a connection be
	// the switch that it says it is.
	Identify func(context.Context, net.Conn) (Proof, error)
	// MaxHandshakes bounds the connections that have not finished the handshake. When there
	// are more, those of the address with the most are closed, oldest first, but none
	// younger than 250 ms: then new ones wait. 0 means 1024.
	MaxHandshakes int
	// MaxHandshakePorts bounds the ports that switches describe during the handshake, in
	// steps of 256 and without the first 255 of each switch; a port takes about 150 bytes.
	// When there are more, the same happens as with MaxHandshakes. 0 means 1,048,576.
	MaxHandshakePorts int
	// MaxUnassigned bounds the switches that are connected but no node's; each
	// 64 ports count as one more. When there are more, those of the address
	// with the most are closed, oldest first. 0 means 1024.
	MaxUnassigned int
	// AnswerTimeout is how long a switch may take to answer a request for flows, or to
	// confirm a bundle, plus 1 ms for each flow. Then the attempt has failed and is
	// repeated after RetryAfter. 0 means 1 min.
	AnswerTimeout time.Duration
	// RetryAfter is the pause before sdnd tries again after a switch refused its flows;
	// each further failure doubles it, up to 30 times RetryAfter. 0 means 1 s.
	RetryAfter time.Duration
	// OVSDBGrace is how long, after a start and the first connection of a node whose
	// interfaces OVSDB reports, nothing is removed from its switch before OVSDB has
	// reported: the place of a port may not have been saved. 0 means 5 s.
	OVSDBGrace time.Duration
	// ReturnGrace is how long a node that is away keeps what others claim: after a start,
	// a port that is also claimed on another node; at any time, its datapath id, against a
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
	// Extra adds items to those of the pipeline; nil adds none.
	Extra pipeline.Extra
	// NoMonitor does not ask switches to report changes by others; only audits find them.
	NoMonitor bool
	// DropsEvery is the interval at which the counters of drops are read. 0 means 5 s.
	DropsEvery time.Duration
	// ReviewEvery is the interval at which conditions that depend on the time are
	// evaluated; see review.go. 0 means 5 s.
	ReviewEvery time.Duration
	// PacketIns answers the packets that flows of nodes send to the controller; nil counts
	// them as unexpected. Run runs it.
	PacketIns *packetin.Queues
	// Now is the clock for what people see; nil means time.Now.
	Now func() time.Time
}

// Proof is the identity that a connection has proved.
type Proof struct {
	// Node is the only node that the connection may be.
	Node string
	// Expires is when the proof expires; an open session continues after that.
	Expires time.Time
}
