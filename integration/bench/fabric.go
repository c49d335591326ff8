package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// fabricBed is the real reconciler in this process, and one Open vSwitch,
// connected by a unix socket.
type fabricBed struct {
	node   *lab.Node
	store  store.Store
	fabric *reconcile.Fabric
	gate   *gate
	// changed has a token if the node's status has changed since the last receive.
	changed chan struct{}
	want    int // flows, once the switch has connected
	stop    func() error
}

// newFabricBed starts the reconciler on a topology that needs about the given number of flows
// on node1: one stretched network, with nearly all ports on other nodes.
func newFabricBed(ctx context.Context, l *lab.Lab, flows int) (_ *fabricBed, err error) {
	b := &fabricBed{node: l.Nodes[0], changed: make(chan struct{}, 1)}
	b.store, err = bolt.Open(filepath.Join(l.Dir, fmt.Sprintf("flows-%d.db", flows)), bolt.Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.store.Close())
		}
	}()
	if b.fabric, err = reconcile.New(reconcile.Config{}, b.store); err != nil {
		return nil, err
	}
	b.gate = newGate(b.management())
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 2)
	go func() { ended <- b.fabric.Run(serving) }()
	go func() { ended <- b.fabric.Serve(serving, b.gate) }()
	unsubscribe := b.fabric.Subscribe(b.statusChanged)
	b.stop = func() error {
		unsubscribe()
		cancel()
		return errors.Join(<-ended, <-ended, b.store.Close())
	}
	done, err := b.store.Apply(ctx, "bench", remotePorts(flows))
	if err == nil {
		err = lab.PollFor(ctx, 20*time.Second, "the reconciler to hear of the topology", func(context.Context) error {
			if got := b.fabric.View().Topo.Revision(); got != done.Revision {
				return fmt.Errorf("it is at revision %d of %d", got, done.Revision)
			}
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(err, b.stop())
	}
	id := model.DatapathIDFor(b.node.Name)
	_, err = b.node.VSCtl(ctx, "set", "bridge", "br-int", "protocols=OpenFlow13,OpenFlow15", "other_config:datapath-id="+id.String())
	if err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// remotePorts declares a network with a port on node1, and with as many ports on other nodes
// as the number of flows requires.
func remotePorts(flows int) []topology.Op {
	put := func(kind topology.Kind, name string, spec topology.Spec) topology.Op {
		return topology.Op{Verb: topology.Put, Ref: topology.Ref{Kind: kind, Name: name}, Spec: spec}
	}
	ops := []topology.Op{
		put(topology.KindNode, "node1", topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{172, 16, 56, 2})}),
		put(topology.KindNetwork, "n", topology.NetworkSpec{
			Mode: topology.Stretched, Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}},
		}),
		put(topology.KindPort, "here", topology.PortSpec{Network: "n", Node: "node1"}),
	}
	const others = 100
	for i := range others {
		ops = append(ops, put(topology.KindNode, fmt.Sprintf("other%d", i), topology.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{172, 16, 57, byte(1 + i)})}))
	}
	for i := range flows / 2 { // two flows for a port elsewhere
		ops = append(ops, put(topology.KindPort, fmt.Sprintf("p%d", i), topology.PortSpec{Network: "n", Node: fmt.Sprintf("other%d", i%others)}))
	}
	return ops
}

// statusChanged records that the node's status changed.
func (b *fabricBed) statusChanged(o topology.Ref) {
	if o.Kind != topology.KindNode || o.Name != b.node.Name {
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// management returns the socket on which Open vSwitch accepts connections of controllers.
func (b *fabricBed) management() string { return filepath.Join(b.node.Dir, "br-int.mgmt") }

// connect connects the reconciler and the switch, after disconnecting them if necessary, and
// returns the time until the switch had confirmed all flows.
func (b *fabricBed) connect(ctx context.Context) (time.Duration, error) {
	if err := b.disconnect(ctx); err != nil {
		return 0, err
	}
	if err := b.gate.connect(ctx); err != nil {
		return 0, err
	}
	return b.await(ctx)
}

// disconnect ends the connection and waits until the reconciler has noticed that.
func (b *fabricBed) disconnect(ctx context.Context) error {
	b.gate.cut()
	return lab.PollFor(ctx, 5*time.Second, "the session to end", func(context.Context) error {
		if s, _ := b.fabric.NodeStatus(b.node.Name); s.Connected {
			return errors.New("it is connected")
		}
		return nil
	})
}

// await returns the time from the newest connection until the switch had confirmed all flows.
func (b *fabricBed) await(ctx context.Context) (time.Duration, error) {
	for {
		s, _ := b.fabric.NodeStatus(b.node.Name)
		now := time.Now()
		if s.InSync && b.gate.waits(s.Since) {
			if b.want = b.items().Count().Flows(); s.Items.Flows() != b.want {
				return 0, fmt.Errorf("the switch has %d flows, want %d", s.Items.Flows(), b.want)
			}
			return now.Sub(b.gate.since()), nil
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("not in sync: %w; last error %q", context.Cause(ctx), s.LastError)
		}
	}
}

// items returns the items that the switch should have, which must be connected: some depend on its
// version.
func (b *fabricBed) items() *pipeline.ItemSet {
	var set pipeline.ItemSet
	var c pipeline.Compiler
	v := b.fabric.View()
	c.CompileNode(&set, v, b.node.Name)
	digest := set.Digest()
	set.AddStamp(b.node.Name, digest)
	if s, _ := b.fabric.NodeStatus(b.node.Name); worker.Stale(s.OVSVersion) {
		set.AddInvalidations(b.node.Name, digest, c.Entries(v, b.node.Name))
	}
	return &set
}

// empty disconnects the switch from the reconciler and deletes its flows.
func (b *fabricBed) empty(ctx context.Context) error {
	if err := b.disconnect(ctx); err != nil {
		return err
	}
	if _, err := b.node.OFCtl(ctx, "del-flows", "br-int"); err != nil {
		return err
	}
	return calm(ctx, b.node)
}

// gate is a listener whose connections are opened by connect, to the switch's management
// socket. So the beginning of a connection is known, and nothing waits until Open vSwitch tries
// to connect again.
type gate struct {
	path string
	made chan net.Conn
	done chan struct{}
	once sync.Once

	mu   sync.Mutex // guards what follows
	at   time.Time  // when the newest connection was opened
	conn net.Conn   // the newest connection
}

func newGate(path string) *gate {
	return &gate{path: path, made: make(chan net.Conn), done: make(chan struct{})}
}

// connect ends the present connection, if there is one, and opens the next.
func (g *gate) connect(ctx context.Context) error {
	g.cut()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at = time.Now()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", g.path)
	if err != nil {
		return err
	}
	g.conn = c
	select {
	case g.made <- c:
		return nil
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), c.Close())
	}
}

// cut ends the newest connection.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn != nil {
		// The session may have closed it already.
		_ = g.conn.Close()
	}
	g.conn, g.at = nil, time.Time{}
}

// Accept waits for connect.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.made:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.done) })
	return nil
}

// Addr is the socket that is connected to.
func (g *gate) Addr() net.Addr { return &net.UnixAddr{Name: g.path, Net: "unix"} }

// waits reports whether a session that began at a time is that of the newest connection.
func (g *gate) waits(since time.Time) bool {
	at := g.since()
	return !at.IsZero() && !since.Before(at)
}

// since returns when the newest connection was opened; the zero time if there is none.
func (g *gate) since() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at
}
