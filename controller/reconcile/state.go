package reconcile

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
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

// Fabric keeps all switches as the store wants them.
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
	// identities says which switches present which datapath id.
	identities identities
	// inbox takes the dispatcher's events; gone is closed when the dispatcher has ended.
	inbox chan event
	gone  chan struct{}
	late  sync.WaitGroup // events that wait for a place in the inbox
	// handshakes bounds the connections that have not finished the handshake,
	// handshakePorts the ports that they have described, unassigned the switches that
	// are no node.
	handshakes, handshakePorts, unassigned *connlimit.Limiter
	// warnings logs what is wrong with those who connect.
	warnings *warn.Limiter
	// view is the newest; the dispatcher writes it.
	view atomic.Pointer[pipeline.View]
	d    *dispatcher
	// connected are the switches of nodes.
	connected connected
	// workers work on the switches.
	workers *worker.Pool
}

// connected are the switches of nodes that are connected. The dispatcher writes them, anyone
// reads them.
type connected struct {
	mu     sync.Mutex
	byNode map[string]*peer
}

// dispatcher owns the View: it makes the next one, and decides which switch is which node.
// All its methods except claims run in one goroutine.
type dispatcher struct {
	f     *Fabric
	view  *pipeline.View
	nodes map[string]*node
	// peers are all live sessions by datapath id, that of the node first.
	peers map[topology.DatapathID][]*peer
	// reported is what OVSDB has said, by datapath id, also of switches that are no
	// node (yet).
	reported map[topology.DatapathID][]binding.Interface
	// dstPorts counts the nodes by the UDP port of their tunnel.
	dstPorts map[string]int
	// ovsdbConns are those who said it.
	ovsdbConns map[topology.DatapathID]ovsdbConn
	// readdress are the nodes whose tunnel is to send from another address once all
	// switches have confirmed what they were sent.
	readdress map[string]bool

	bindMu sync.Mutex // guards bind, which others may ask
	bind   *binding.Table

	byID byID
}

// node is the dispatcher's state of a declared node.
type node struct {
	name  string
	dpid  topology.DatapathID
	queue *workqueue.Queue
	peer  *peer // nil while its switch is not connected
	// dstPort is the UDP port of its tunnel, nil while that is not known.
	dstPort *string
	// configured is what its database was last made as desired for, nil while there
	// is nothing of sdnd's in it.
	configured *configured
	// home is the address that the node's last session was from, the zero Addr if
	// that is not known, and left when that session ended.
	lastAddr       netip.Addr
	disconnectedAt time.Time
}

// peer is one connected switch.
type peer struct {
	f    *Fabric
	sess *session.Session
	dpid topology.DatapathID
	// proof is what the connection proved; nil if it did not have to.
	proof *Proof
	// worker works on the switch when it is known to be a node's.
	worker *worker.Worker
	// suspect has an element when the connection must prove that it is alive.
	suspect chan struct{}

	// The dispatcher's: the ports' names by number, those of the tunnel, the uplink and
	// host access, and whether it is, or was, a node's.
	ports                map[openflow.PortNo]string
	tunnel, uplink, host openflow.PortNo
	// links are the ports that are not as they should be.
	links facts.Links
	// leave removes it from the unassigned switches; nil if it is not one of them.
	leave   func()
	claimed bool
	// quarantined is why it is in quarantine; "" if it is not.
	quarantined string
}

// ovsdbConn is the OVSDB connection that reports a bridge's interfaces.
type ovsdbConn struct {
	// remote is its address, "ip:port".
	remote string
	// node is the node of its certificate; "" without a certificate.
	node string
	// reconfigure and write are those of ovsdb.Conn.
	reconfigure func()
	write       func(ovsdb.Desired)
}

// configured is what desiredOf follows from, and what the tunnel port is.
type configured struct {
	// tunnel says that the tunnel port is sdnd's to set; rows is the mark of the rows of
	// sdnd's own, "" where it does not look after any.
	tunnel   bool
	rows     string
	tunnelIP netip.Addr
	port     facts.Tunnel
}

// event is an input of the dispatcher.
type event interface{ happen(d *dispatcher) }

// post gives the dispatcher an event. It waits while the inbox is full, and drops the event
// if the dispatcher has ended.
func (f *Fabric) post(e event) {
	select {
	case f.inbox <- e:
	case <-f.gone:
	}
}

// postSoon gives the dispatcher an event without waiting; the dispatcher itself may call it.
func (f *Fabric) postSoon(e event) {
	select {
	case f.inbox <- e:
	default:
		f.late.Go(func() { f.post(e) })
	}
}

// secure reports whether nodes prove who they are.
func (f *Fabric) secure() bool { return f.cfg.Identify != nil }

// View returns the newest view.
func (f *Fabric) View() *pipeline.View { return f.view.Load() }

// connect records which switch, or none, is a node's.
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

// peerOf returns a node's switch, or nil while it is not connected.
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
