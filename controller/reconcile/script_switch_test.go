package reconcile_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// scriptSwitch is a simulated switch that connects when a script says so.
type scriptSwitch struct {
	node, from string
	version    string // of Open vSwitch, as it says
	sim        *simswitch.Switch
	tap        *tap
	end        func() // of its connection
}

// connect gives the switch a connection of its own to the Fabric.
func (s *scriptSwitch) connect(ctx context.Context, to *pipeListener) {
	ours, theirs := net.Pipe()
	host := net.ParseIP(s.from)
	to.conns <- addressed{theirs, &net.TCPAddr{IP: host, Port: 1000 + s.tap.connections}}
	s.tap.set(func(t *tap) { t.mute = false; t.connections++ })
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := s.sim.Serve(ctx, &tapped{Conn: ours, tap: s.tap, ended: ctx.Done()})
		if ctx.Err() == nil {
			s.tap.note(fmt.Sprintf("connection ended (%v)", err))
		}
	}()
	s.end = func() { cancel(); <-done }
}

func (s *scriptSwitch) disconnect() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// tap is what goes through the connections of a switch.
type tap struct {
	mu          sync.Mutex
	changed     chan struct{} // closed, and replaced, when stopped is set
	stopped     bool
	mute        bool
	connections int
	lines       []line
	bundle      []openflow.Message // of the bundle that is not committed yet
	// invalidations are the cookies of the invalidations that the switch ever got.
	invalidations map[openflow.Cookie]bool
}

// line is something that a switch got: text, or what a bundle or message changes.
type line struct {
	text string
	mods []openflow.Message
}

func newTap() *tap {
	return &tap{changed: make(chan struct{}), invalidations: map[openflow.Cookie]bool{}}
}

func (t *tap) set(change func(*tap)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t)
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *tap) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(line{text: text})
}

// add adds a line, unless it is text that was there just before.
func (t *tap) add(l line) {
	if n := len(t.lines); n > 0 && l.text != "" && t.lines[n-1].text == l.text {
		return
	}
	t.lines = append(t.lines, l)
}

// commit adds the bundle. Bundles of one command that follow one another are one line: it
// depends on the scheduler whether the second change is merged into the first.
func (t *tap) commit() {
	if n := len(t.lines); n > 0 && t.lines[n-1].text == "bundle" {
		t.lines[n-1].mods = append(t.lines[n-1].mods, t.bundle...)
		return
	}
	t.lines = append(t.lines, line{"bundle", t.bundle})
}

// take returns the lines since it was last called. Flows are counted by their owners, or by
// table where the owner is not known; stamps are left out.
func (t *tap) take(owners map[openflow.Cookie]string) (texts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		if l.mods == nil {
			texts = append(texts, l.text)
			continue
		}
		counts := map[string]int{}
		for _, m := range l.mods {
			f, ok := m.(*openflow.FlowMod)
			if !ok {
				counts["*"+m.Type().String()]++
				continue
			}
			if f.Table == pipeline.TableStamp {
				continue
			}
			if pipeline.IsInvalidation(&f.Flow) {
				t.invalidations[f.Cookie] = true
			}
			sign, owner := "+", owners[f.Cookie]
			if f.Command != openflow.FlowAdd {
				sign = "-"
			}
			switch {
			case f.Table == openflow.TableAll:
				owner = "everything"
			case t.invalidations[f.Cookie]:
				owner = "invalidation"
			case owner == "":
				owner = "table " + pipeline.TableName(f.Table)
			}
			counts[sign+owner]++
		}
		var parts []string
		for _, k := range slices.SortedFunc(maps.Keys(counts), compareCounts) {
			parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
		}
		if len(parts) == 0 {
			parts = []string{"the stamp alone"}
		}
		texts = append(texts, l.text+" "+strings.Join(parts, ", "))
	}
	t.lines = nil
	return texts
}

// got takes up a message that has reached the switch.
func (t *tap) got(frame []byte) {
	m, err := openflow.DecodeMessage(frame)
	if err != nil {
		t.note(err.Error())
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m := m.(type) {
	case *openflow.Hello:
		t.add(line{text: "handshake"})
	case *openflow.FlowMod, *openflow.GroupMod, *openflow.MeterMod:
		t.lines = append(t.lines, line{"alone", []openflow.Message{m}})
	case *openflow.MultipartRequest:
		// Of all flows, that is: all tables, and a cookie mask of 0 (OpenFlow 1.3.5, 7.3.5.2).
		if m.Kind == openflow.MultipartFlow && openflow.TableID(m.Body[0]) == openflow.TableAll && binary.BigEndian.Uint64(m.Body[24:]) == 0 {
			t.add(line{text: "read back"})
		}
	case *openflow.BundleAdd:
		if mod, err := openflow.DecodeMessage(m.Message); err == nil {
			t.bundle = append(t.bundle, mod)
		}
	case *openflow.BundleControl:
		switch m.Kind {
		case openflow.BundleOpenRequest:
			t.bundle = nil
		case openflow.BundleCommitRequest:
			t.commit()
		case openflow.BundleDiscardRequest:
			t.add(line{text: "bundle discarded"})
		}
	}
}

// tapped is a switch's end of a connection.
type tapped struct {
	net.Conn
	tap   *tap
	ended <-chan struct{}
	buf   []byte // not a whole message yet
}

// Read waits while the switch reads nothing.
func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for {
		c.tap.mu.Lock()
		stopped, changed := c.tap.stopped, c.tap.changed
		c.tap.mu.Unlock()
		if !stopped {
			break
		}
		select {
		case <-changed:
		case <-c.ended:
			return 0, net.ErrClosed
		}
	}
	c.buf = append(c.buf, p[:n]...)
	for len(c.buf) >= 8 {
		size := int(binary.BigEndian.Uint16(c.buf[2:]))
		if len(c.buf) < size {
			break
		}
		c.tap.got(slices.Clone(c.buf[:size]))
		c.buf = c.buf[size:]
	}
	return n, err
}

// Write loses everything once the switch is mute.
func (c *tapped) Write(p []byte) (int, error) {
	c.tap.mu.Lock()
	mute := c.tap.mute
	c.tap.mu.Unlock()
	if mute {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// pipeListener accepts the connections that switches make.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	from net.Addr
}

func (c addressed) RemoteAddr() net.Addr { return c.from }

// link takes the link of a port down, or brings it up again.
func (s *scriptSwitch) link(t *testing.T, port string, down bool) {
	for _, p := range s.sim.Ports() {
		if p.Name != port {
			continue
		}
		if p.State &^= openflow.StateLinkDown; down {
			p.State |= openflow.StateLinkDown
		}
		if err := s.sim.AddPort(p); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s has no port %s", s.node, port)
}

// scriptService returns a service for the ports of a router.
func scriptService(w []string) topology.Spec {
	s := model.ServiceSpec{Addresses: []netip.Addr{netip.MustParseAddr(w[0])}, Routers: []string{w[1]}}
	if w = w[2:]; w[0] == "affine" {
		s.SessionAffinity = model.AffinityClientIP
		w = w[1:]
	}
	protocol, number, found := strings.Cut(w[0], "/")
	if !found {
		protocol, number = string(model.ProtocolTCP), w[0]
	}
	n, _ := strconv.ParseUint(number, 10, 16) // 0 is refused
	s.Ports = []model.ServicePort{{Protocol: model.PolicyProtocol(protocol), Port: uint16(n)}}
	for _, port := range w[1:] {
		s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: port})
	}
	return s
}
