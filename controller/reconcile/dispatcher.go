package reconcile

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/workqueue"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

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

// event is an input of the dispatcher.
type event interface{ happen(d *dispatcher) }

func newDispatcher(f *Fabric, topo *topology.Snapshot, saved []store.Binding, locals []store.Local) *dispatcher {
	d := &dispatcher{
		f: f, view: pipeline.NewView(topo),
		nodes: map[string]*node{}, peers: map[topology.DatapathID][]*peer{},
		reported: map[topology.DatapathID][]binding.Interface{}, dstPorts: map[string]int{},
		ovsdbConns: map[topology.DatapathID]ovsdbConn{}, readdress: map[string]bool{},
		bind: binding.NewTable(f.cfg.Bridge, pipeline.TunnelPort, pipeline.UplinkPort, pipeline.HostPort), byID: byID{pinned: map[string]int{}},
	}
	var places []pipeline.PlaceChange
	for _, s := range saved {
		places = append(places, placeChanges(d.bind.Remember(topo, s.Port, binding.Place{Node: s.Node, Interface: s.Interface, OFPort: s.OFPort}).Changes)...)
	}
	d.view = d.view.Next(pipeline.Update{Places: places, Locals: remembered(topo, locals)})
	f.view.Store(d.view)
	awaitsOVSDB := nodesAwaitingOVSDB(topo, saved)
	for n := range topo.Nodes() {
		if m := d.declare(n); awaitsOVSDB(n.Name) {
			m.queue.Guard()
		}
		d.assessSource(n.Name)
	}
	for p := range topo.Ports() {
		d.byID.count(p, +1)
		d.assessPort(p.Name)
	}
	for n := range topo.Networks() {
		if d.view.MixedTunnels(n.Name) {
			d.assessNetwork(n.Name)
		}
	}
	for o := range topo.Services() {
		d.assessService(o.Name)
	}
	d.needOVSDB(maps.Keys(d.nodes))
	f.board.Reached(topo.Revision())
	return d
}

func (d *dispatcher) run(ctx context.Context) error {
	for {
		select {
		case e := <-d.f.inbox:
			e.happen(d)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// advance makes the next View, puts the affected units into the queues, and only then
// publishes the View: whoever sees a port bound and asks which nodes have yet to confirm
// must not get the answer "none" because the work is not in the queues yet.
func (d *dispatcher) advance(u pipeline.Update) {
	before := d.view
	d.view = before.Next(u)
	moved := moves(before, d.view, u)
	if lingers := moved.lingers(before, d.view); len(lingers) > 0 {
		u.Lingers = lingers
		d.view = before.Next(u)
	}
	d.f.view.Store(d.view)
	m := marking{d: d, limit: workqueue.MaxMarked(d.view), nodes: map[string]*marked{}}
	if len(moved.ports) > 0 {
		m.limit = 1 << 30 // what moves is done in steps, and for that noted
	}
	pipeline.Affected(before, d.view, u, m.mark)
	d.distribute(before, u, moved, &m)
	d.assessNetworks(before, u)
	d.assessServices(before, u)
	d.f.view.Store(d.view)
}

// declare adds a node.
func (d *dispatcher) declare(n *topology.Node) *node {
	m := &node{name: n.Name, dpid: n.DatapathID, queue: workqueue.New()}
	d.nodes[n.Name] = m
	m.queue.Compare(d.view)
	d.f.board.Set(n.Name, n.DatapathID, m.queue)
	return m
}

// committed: the store has a new revision.
type committed struct{ store.Commit }

func (c committed) happen(d *dispatcher) {
	var ports []string
	for _, ch := range c.Changes {
		if ch.Ref.Kind == topology.KindPort {
			ports = append(ports, ch.Ref.Name)
		}
	}
	d.bindMu.Lock()
	bound := d.bind.PortsChanged(d.view.Topo, c.After, ports)
	d.bindMu.Unlock()
	places := placeChanges(bound.Changes)
	for _, ch := range c.Changes {
		if n, ok := ch.After.(*topology.Node); ok && ch.Before == nil {
			d.declare(n)
		}
	}
	d.save(places)
	d.advance(pipeline.Update{Topo: c.After, Changes: c.Changes, Blocks: c.Blocks, Identities: c.Identities, Numberings: c.Numberings, Identified: c.Identified, Places: places})
	d.recordPlaces(places)
	d.assessChanges(c.Changes, bound.Examined)
	for _, ch := range c.Changes {
		if ch.Ref.Kind == topology.KindNode {
			d.nodeChanged(ch)
			d.assessSource(ch.Ref.Name)
			if n := d.nodes[ch.Ref.Name]; n != nil {
				d.configure(n)
			}
		}
	}
	d.f.board.Reached(c.Revision)
}

// nodeChanged releases a switch that is no longer a node, and takes a switch that has become
// one out of quarantine.
func (d *dispatcher) nodeChanged(ch topology.Change) {
	n := d.nodes[ch.Ref.Name]
	after, _ := ch.After.(*topology.Node)
	if after != nil && after.DatapathID == n.dpid {
		d.assignPeer(n.dpid)
		return
	}
	d.disown(n)
	if n.peer != nil {
		n.queue.Wipe(d.view)
		n.peer = nil
		d.f.connect(n.name, nil)
	}
	common := d.commonDstPort()
	d.countDstPort(n.dstPort, -1)
	n.dstPort = nil
	d.updateOthers(common, n)
	d.underlayReported(n.name, 0)
	if !d.hasOVSDB(n.dpid) {
		d.f.facts.Forget(n.dpid)
	}
	d.f.identities.forget(n.dpid)
	d.setLocal(n.name, netip.Addr{}) // that was another switch's
	if after == nil {
		d.places(func(t *binding.Table) binding.Outcome { return t.ForgetNode(d.view.Topo, n.name) }, pipeline.Update{})
		delete(d.nodes, n.name)
		delete(d.readdress, n.name)
		d.f.board.Remove(n.name)
		d.identify(n.dpid)
		return
	}
	d.declare(after)
	d.f.board.Update(n.name, func(s *status.Node) { s.Connected, s.Since = false, d.f.cfg.Now() })
	d.assignPeer(after.DatapathID)
}

// places changes the table of bindings and puts the outcome into the View, together with
// the changes of a node's own ports.
func (d *dispatcher) places(change func(*binding.Table) binding.Outcome, own pipeline.Update) {
	d.bindMu.Lock()
	bound := change(d.bind)
	d.bindMu.Unlock()
	if places := placeChanges(bound.Changes); len(places) > 0 || len(own.Tunnels)+len(own.Uplinks)+len(own.Hosts) > 0 {
		d.save(places)
		own.Places = places
		d.advance(own)
		d.recordPlaces(places)
	}
	for _, port := range bound.Examined {
		d.assessPort(port)
	}
}

// save stores where ports are, for the next start. The port number is stored only with a
// name that may be the beginning of another.
func (d *dispatcher) save(changes []pipeline.PlaceChange) {
	for _, c := range changes {
		moved := c.Before.Node != c.After.Node || c.Before.Interface != c.After.Interface
		if moved || len(c.After.Interface) >= facts.MaxPortName && c.After.OFPort != 0 && c.After.OFPort != c.Before.OFPort {
			d.f.saver.put(store.Binding{
				Port: c.Port, Node: c.After.Node, Interface: c.After.Interface, OFPort: uint32(c.After.OFPort),
				Gone: c.After.Node == "",
			})
		}
	}
}

// nodesReturned: Config.ReturnGrace has passed since the start.
type nodesReturned struct{}

func (nodesReturned) happen(d *dispatcher) {
	d.places(func(t *binding.Table) binding.Outcome { return t.NodesReturned(d.view.Topo) }, pipeline.Update{})
}

func placeChanges(changes []binding.Change) []pipeline.PlaceChange {
	out := make([]pipeline.PlaceChange, len(changes))
	for i, c := range changes {
		out[i] = pipeline.PlaceChange{Port: c.Port, Before: placeOf(c.Before), After: placeOf(c.After)}
	}
	return out
}

func placeOf(p binding.Place) pipeline.Place {
	return pipeline.Place{Node: p.Node, Interface: p.Interface, OFPort: openflow.PortNo(p.OFPort)}
}

// claims returns the interfaces that claim a port and, if it is not bound, why not. Anyone
// may call it.
func (d *dispatcher) claims(topo *topology.Snapshot, p *topology.Port) (c binding.Claims, unbound string) {
	d.bindMu.Lock()
	defer d.bindMu.Unlock()
	return d.bind.Claims(topo, p), d.bind.Why(topo, p)
}
