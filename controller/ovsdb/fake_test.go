package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// recorder is a Handler that records its calls, one line each.
type recorder struct {
	mu    sync.Mutex
	lines []string
	last  Conn // that has connected
	// bridge and ifaces are those of the last call.
	bridge Bridge
	ifaces []*Interface
	// each gets every line too, unless nil.
	each chan string
}

func (r *recorder) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	r.mu.Lock()
	r.lines = append(r.lines, line)
	r.mu.Unlock()
	if r.each != nil {
		r.each <- line
	}
}

func (r *recorder) OVSDBConnected(c Conn) {
	r.mu.Lock()
	r.last = c
	r.mu.Unlock()
	r.add("%x connected %s %s %s", c.DatapathID, c.Remote, c.Bridge, c.OVSVersion)
}

func (r *recorder) BridgeChanged(id uint64, b Bridge) {
	r.mu.Lock()
	r.bridge = b
	r.mu.Unlock()
	if b != (Bridge{}) {
		r.add("%x bridge %+v", id, b)
	}
}

func (r *recorder) InterfacesChanged(id uint64, ifaces []*Interface) {
	r.mu.Lock()
	r.ifaces = ifaces
	r.mu.Unlock()
	var b strings.Builder
	for _, f := range ifaces {
		if f.Name == "br-int" && !f.Bindable() {
			continue // the bridge's own is always there
		}
		fmt.Fprintf(&b, " %s(%s,%s,%s)@%d", f.Name, f.IfaceID, f.ContainerID, f.ContainerIface, f.OFPort)
		b.WriteString(factsOf(f))
	}
	r.add("%x interfaces%s", id, b.String())
}

// factsOf writes what is known of an interface beside its ids and number.
func factsOf(f *Interface) (text string) {
	if f.Type != "" && f.Type != "internal" {
		text += " " + f.Type
	}
	if t := f.Tunnel; t != nil {
		text += fmt.Sprintf(" %s/%s/%s/%s", t.RemoteIP, t.LocalIP, t.Key, t.DstPort)
	}
	if f.Error != "" {
		text += fmt.Sprintf(" error %q", f.Error)
	}
	if states := [...]string{"?", "up", "down"}; f.Admin != LinkUnknown || f.Link != LinkUnknown {
		text += " " + states[f.Admin] + "/" + states[f.Link]
	}
	if f.MAC != [6]byte{} {
		text += fmt.Sprintf(" %x", f.MAC)
	}
	if f.IfaceStatus != "" {
		text += " " + f.IfaceStatus
	}
	if f.Target != "" {
		text += " " + f.Target
	}
	if j := f.Joined; j != nil {
		text += fmt.Sprintf(" joined %s/%s/%s", j.Node, j.LocalIP, j.DstPort)
	}
	return text
}

func (r *recorder) DatabaseWritten(id uint64, err error) {
	r.add("%x written: %v", id, err)
}

func (r *recorder) OwnRowsChanged(id uint64) {
	r.add("%x own rows changed", id)
}

func (r *recorder) OVSDBDisconnected(id uint64, reason error) {
	r.add("%x disconnected: %v", id, reason)
}

// reconfigure asks the node that connected last to reconfigure itself.
func (r *recorder) reconfigure() {
	r.mu.Lock()
	ask := r.last.Reconfigure
	r.mu.Unlock()
	ask()
}

// writes asks the node that connected last to have what is desired.
func (r *recorder) writes(d Desired) {
	r.mu.Lock()
	write := r.last.Write
	r.mu.Unlock()
	write(d)
}

// take returns the lines so far and forgets them.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

// pipes is a net.Listener whose connections are pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return addr("pipes") }

type addr string

func (a addr) Network() string { return "pipe" }
func (a addr) String() string  { return string(a) }

// namedConn is a connection with a remote address of its own.
type namedConn struct {
	net.Conn
	remote addr
}

func (c namedConn) RemoteAddr() net.Addr { return c.remote }

// peer plays ovsdb-server. What we send to it is in got, which is closed when
// we close the connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	got  chan message
}

// dial connects a new peer.
func (p *pipes) dial(t *testing.T, name string) *peer {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- namedConn{ours, addr(name)}
	q := &peer{t: t, conn: theirs, got: make(chan message, 100)}
	go func() {
		defer close(q.got)
		dec := json.NewDecoder(theirs)
		for {
			var m message
			if dec.Decode(&m) != nil {
				return
			}
			q.got <- m
		}
	}()
	return q
}

// expect returns the next message sent to the peer, which must be of method.
func (p *peer) expect(method string) message {
	p.t.Helper()
	m, ok := <-p.got
	if !ok {
		p.t.Fatalf("connection closed, want %s", method)
	}
	if m.Method != method {
		p.t.Fatalf("sent %+v, want %s", m, method)
	}
	return m
}

// ended fails the test unless we close the connection.
func (p *peer) ended() {
	p.t.Helper()
	for m := range p.got {
		p.t.Logf("also sent: %+v", m)
	}
	p.conn.Close()
}

func (p *peer) send(raw string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(raw)); err != nil {
		p.t.Fatalf("send %.60q: %v", raw, err)
	}
}

// begin answers the monitor request with the given tables.
func (p *peer) begin(tables string) {
	p.t.Helper()
	p.expect("monitor_cond")
	p.send(`{"id":"monitor","error":null,"result":` + tables + `}`)
}

func (p *peer) update(tables string) {
	p.t.Helper()
	p.send(`{"id":null,"method":"update2","params":["monitor",` + tables + `]}`)
}

// bed runs f in a bubble of its own with a running Serve, and ends that.
func bed(t *testing.T, cfg Config, f func(t *testing.T, ln *pipes, rec *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ln, rec := newPipes(), &recorder{}
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, ln, rec, cfg) }()
		defer func() {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Serve: %v", err)
			}
		}()
		f(t, ln, rec)
	})
}

// The rows of a small node: br-int with ports of which one is bound twice over.
const (
	u0, u1, u2, u3 = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001",
		"00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000003"
	p1, p2 = "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"
	i1, i2 = "20000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000002"

	smallNode = `{
		"Open_vSwitch":{"` + u0 + `":{"initial":{"ovs_version":"3.1.0"}}},
		"Bridge":{
			"` + u1 + `":{"initial":{"name":"br-int","datapath_id":"00000000000000a1","ports":["set",[["uuid","` + p1 + `"],["uuid","` + p2 + `"]]]}},
			"` + u2 + `":{"initial":{"name":"br-phy","datapath_id":"00000000000000b1"}}},
		"Port":{
			"` + p1 + `":{"initial":{"interfaces":["uuid","` + i1 + `"]}},
			"` + p2 + `":{"initial":{"interfaces":["uuid","` + i2 + `"]}}},
		"Interface":{
			"` + i1 + `":{"initial":{"name":"br-int","ofport":65534}},
			"` + i2 + `":{"initial":{"name":"veth1","ofport":1,"external_ids":["map",[["iface-id","web1"],["attached-mac","x"]]]}}}}`
)
