package reconcile

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/drops"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/warn"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology"
)

// Fabric keeps all switches as the store wants them. It is safe for concurrent use.
type Fabric struct {
	cfg     Config
	log     *slog.Logger
	store   Store
	metrics *metrics
	board   *status.Board
	saver   *saver
	drifts  drifts
	facts   *facts.Table
	drops   *drops.Table
	// planner computes what planned changes would do.
	planner forecast.Planner
	// identities has the addresses that present each datapath id.
	identities identities
	// inbox takes events for the dispatcher; gone is closed when the dispatcher has ended.
	inbox chan event
	gone  chan struct{}
	late  sync.WaitGroup // events that wait for room in the inbox
	// handshakes bounds the connections that have not finished the handshake, handshakePorts
	// the ports that they have described, and unassigned the switches that are no node's.
	handshakes, handshakePorts, unassigned *connlimit.Limiter
	// warnings logs the faults of those who connect.
	warnings *warn.Limiter
	// view is the newest View; only the dispatcher writes it.
	view atomic.Pointer[pipeline.View]
	d    *dispatcher
	// upstreams has the upstream name servers that do not answer, and why; only the dispatcher
	// writes it.
	upstreams atomic.Pointer[map[netip.Addr]string]
	// connected has the switches of nodes.
	connected connected
	// workers makes the workers of switches.
	workers *worker.Pool
}

// connected has the connected switches of nodes. Only the dispatcher writes it.
type connected struct {
	mu     sync.Mutex
	byNode map[string]*peer
}

// dispatcher owns the View: it makes the next one, and decides which switch belongs to which
// node. All its methods run in one goroutine, except claims and portFacts.
type dispatcher struct {
	f     *Fabric
	view  *pipeline.View
	nodes map[string]*node
	// draining fires when the draining time of a backend is over next, or before; drainedAt is
	// when, zero if nothing drains.
	draining  *time.Timer
	drainedAt time.Time
	// fallen are the ports whose link sdnd has seen go down.
	fallen fallenLinks
	// blamed are the nodes with faults of tunnels, and these as they are shown.
	blamed map[string][]condition.TunnelFault
	// peers are all live sessions by datapath id, the node's first.
	peers map[topology.DatapathID][]*peer
	// returned says that nodes have had their time to return after the start.
	returned bool
	// reported has the interfaces that OVSDB reported, by datapath id, also for switches that
	// are no node's (yet).
	reported map[topology.DatapathID][]binding.Interface
	// dstPorts counts the nodes by the UDP port of their tunnel.
	dstPorts map[string]int
	// ovsdbConns are the connections that reported them.
	ovsdbConns map[topology.DatapathID]ovsdbConn
	// readdress has the nodes whose tunnel should send from another address once all switches
	// have confirmed what they were sent.
	readdress map[string]bool

	bindMu sync.Mutex // guards bind, which other goroutines read
	bind   *binding.Table

	byID byID
	// ways has the nodes at which machines outside reach node ports.
	ways waysIn
}

// node is the dispatcher's state of a declared node.
type node struct {
	name  string
	dpid  topology.DatapathID
	queue *workqueue.Queue
	peer  *peer // nil while its switch is not connected
	// dstPort is the UDP port of its tunnel, nil while it is unknown.
	dstPort *string
	// domains is how many routing domains share its connection tracker, as far as sdnd limits
	// these; noLimits says that its Open vSwitch cannot.
	domains  int
	noLimits bool
	// configured describes the last contents that sdnd asked for in its database, nil if it
	// asked for none.
	configured *configured
	// lastAddr is the address of the node's last session, the zero Addr if it is unknown.
	// left says that it had a session, which has ended.
	left bool
	// disconnectedAt is when that session ended.
	lastAddr       netip.Addr
	disconnectedAt time.Time
}

// peer is one connected switch.
type peer struct {
	f    *Fabric
	sess *session.Session
	dpid topology.DatapathID
	// proof is what the connection proved; nil if it need not prove anything.
	proof *Proof
	// worker works on the switch once the switch is assigned to a node.
	worker *worker.Worker
	// suspect receives a value when the connection must prove that it is alive.
	suspect chan struct{}

	// The rest is the dispatcher's: the names of the ports by number, the numbers of the ports
	// for the tunnel, the uplink and host access, and whether the switch is or was a node's.
	ports                map[openflow.PortNo]string
	tunnel, uplink, host openflow.PortNo
	// bridges are the numbers of the ports that lead to bridges, by the bridge.
	bridges map[string]openflow.PortNo
	// contacts are the ports by which the switch finds out whether other nodes are reached, by name.
	contacts map[string]pipeline.Contact
	// links are the ports that do not have the zero Link.
	links facts.Links
	// leave removes it from the unassigned switches; nil if it is not one.
	leave   func()
	claimed bool
	// quarantined is the reason for its quarantine; "" if it is not in quarantine.
	quarantined string
}

// ovsdbConn is the OVSDB connection that reports a bridge's interfaces.
type ovsdbConn struct {
	// remote is the address of its other end, "ip:port".
	remote string
	// node is the node in its certificate; "" without a certificate.
	node string
	// reconfigure and write come from ovsdb.Conn.
	reconfigure func()
	write       func(ovsdb.Desired)
}

// configured is everything that the desired contents of a node's database depend on.
type configured struct {
	// tunnel says that sdnd sets the options of the tunnel port. rows identifies the rows of
	// sdnd's own; "" if sdnd leaves own rows alone.
	tunnel   bool
	rows     string
	tunnelIP netip.Addr
	// zones are the zones whose connections are limited, as text; "" if sdnd leaves limits alone.
	zones string
	port  facts.Tunnel
}

// event is an input of the dispatcher.
type event interface{ happen(d *dispatcher) }

// post sends the dispatcher an event. It waits while the inbox is full, and drops the event if
// the dispatcher has ended.
func (f *Fabric) post(e event) {
	select {
	case f.inbox <- e:
	case <-f.gone:
	}
}

// postSoon sends the dispatcher an event without waiting, so that the dispatcher itself may
// call it.
func (f *Fabric) postSoon(e event) {
	select {
	case f.inbox <- e:
	default:
		f.late.Go(func() { f.post(e) })
	}
}

// secure reports whether nodes must prove who they are.
func (f *Fabric) secure() bool { return f.cfg.Identify != nil }

// View returns the newest view.
func (f *Fabric) View() *pipeline.View { return f.view.Load() }

// connect records the switch of a node; nil for none.
func (f *Fabric) connect(node string, p *peer) {
	f.connected.mu.Lock()
	defer f.connected.mu.Unlock()
	if p == nil {
		delete(f.connected.byNode, node)
		f.board.Connect(node, nil)
		return
	}
	f.connected.byNode[node] = p
	f.board.Connect(node, p.sess)
}

// peerOf returns the switch of a node, nil while it is not connected.
func (f *Fabric) peerOf(node string) *peer {
	f.connected.mu.Lock()
	defer f.connected.mu.Unlock()
	return f.connected.byNode[node]
}

// nodeOf returns the declared node that has the datapath id, or nil.
func (d *dispatcher) nodeOf(id topology.DatapathID) *node {
	if n, ok := d.view.Topo.NodeByDatapath(id); ok {
		return d.nodes[n.Name]
	}
	return nil
}

// tunnelAddr returns the tunnel address that is declared for a node.
func (d *dispatcher) tunnelAddr(n *node) netip.Addr {
	if o, ok := d.view.Topo.Node(n.name); ok {
		return o.Spec.TunnelIP
	}
	return netip.Addr{}
}

// hasOVSDB reports whether an OVSDB connection reports a bridge.
func (d *dispatcher) hasOVSDB(id topology.DatapathID) bool {
	_, ok := d.ovsdbConns[id]
	return ok
}

// acceptsOVSDB reports whether OVSDB's reports of a datapath id count for a node.
func (d *dispatcher) acceptsOVSDB(id topology.DatapathID, n *node) bool {
	by := d.ovsdbConns[id].node
	return by == "" || by == n.name
}
