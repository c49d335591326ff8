package simswitch_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

var be = binary.BigEndian

// peer is a switch under test, real or simulated, that makes connections to us.
type peer interface {
	connect(i int) net.Conn
}

// simulated is the simulator as a peer, over loopback TCP.
type simulated struct {
	tb testing.TB
	*simswitch.Switch
	ln net.Listener
}

func simulate(tb testing.TB, cfg simswitch.Config) *simulated {
	tb.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { ln.Close() })
	return &simulated{tb: tb, Switch: simswitch.New(cfg), ln: ln}
}

func (s *simulated) connect(int) net.Conn {
	s.tb.Helper()
	theirs, err := net.Dial("tcp4", s.ln.Addr().String())
	if err != nil {
		s.tb.Fatal(err)
	}
	ours, err := s.ln.Accept()
	if err != nil {
		s.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(ctx, theirs) }) // the test sees why it ends
	s.tb.Cleanup(func() {
		cancel()
		serving.Wait()
	})
	return ours
}

// driver is our end of a connection with a peer, and writes down what it says.
type driver struct {
	tb   testing.TB
	conn net.Conn
	r    *bufio.Reader
	xid  openflow.Xid
	log  []string
}

// drive takes a peer's connection and says HELLO.
func drive(tb testing.TB, p peer, i int) *driver {
	tb.Helper()
	d := newDriver(tb, p.connect(i))
	d.write(encode(tb, openflow.NewHello()))
	if f := d.read(); openflow.MessageType(f[1]) != openflow.TypeHello {
		tb.Fatalf("first message: % x", f)
	}
	return d
}

func newDriver(tb testing.TB, conn net.Conn) *driver {
	tb.Cleanup(func() { conn.Close() })
	return &driver{tb: tb, conn: conn, r: bufio.NewReaderSize(conn, 1<<16), xid: 1000}
}

func encode(tb testing.TB, m openflow.Message) []byte {
	tb.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (d *driver) write(b []byte) {
	d.tb.Helper()
	if _, err := d.conn.Write(b); err != nil {
		d.tb.Fatal(err)
	}
}

// read reads one message.
func (d *driver) read() []byte {
	d.tb.Helper()
	f, err := d.tryRead()
	if err != nil {
		d.tb.Fatalf("read: %v; before that:\n%s", err, strings.Join(d.log, "\n"))
	}
	return f
}

func (d *driver) tryRead() ([]byte, error) {
	if err := d.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	h, err := d.r.Peek(openflow.HeaderLen)
	if err != nil {
		return nil, err
	}
	f := make([]byte, be.Uint16(h[2:]))
	_, err = io.ReadFull(d.r, f)
	return f, err
}

// note writes down a heading.
func (d *driver) note(format string, args ...any) {
	d.log = append(d.log, fmt.Sprintf(format, args...))
}

// send sends messages, whose xids it sets one by one, and a barrier, and writes
// down what comes up to the answer to that.
func (d *driver) send(messages ...[]byte) {
	d.tb.Helper()
	var b []byte
	for _, m := range messages {
		b = append(b, d.stamp(m)...)
	}
	barrier := d.stamp(encode(d.tb, &openflow.BarrierRequest{}))
	d.write(append(b, barrier...))
	d.until(func(f []byte) bool {
		return openflow.MessageType(f[1]) == openflow.TypeBarrierReply && string(f[4:8]) == string(barrier[4:8])
	})
}

// stamp sets the next xid, in a bundled message too.
func (d *driver) stamp(m []byte) []byte {
	d.xid++
	m = slices.Clone(m)
	be.PutUint32(m[4:], d.xid)
	if len(m) >= 32 && openflow.MessageType(m[1]) == openflow.TypeExperimenter &&
		be.Uint32(m[8:]) == openflow.ExperimenterONF && be.Uint32(m[12:]) == openflow.ONFBundleAdd && be.Uint32(m[28:]) == 0 {
		be.PutUint32(m[28:], d.xid)
	}
	return m
}

// until writes down what comes before the message for which last holds.
func (d *driver) until(last func([]byte) bool) {
	d.tb.Helper()
	var dump [][]byte // entries of a reply in parts, which have no order
	for {
		f := d.read()
		switch {
		case openflow.MessageType(f[1]) == openflow.TypeEchoRequest:
			// It comes when it comes.
			d.write(patch(f, 1, byte(openflow.TypeEchoReply)))
			continue
		case last(f):
			return
		}
		if kind, ok := dumpKind(f); ok {
			dump = append(dump, kind.entries(d.tb, f)...)
			if be.Uint16(f[10:])&openflow.MultipartMore == 0 {
				d.note("%v xid=%d: %d", openflow.MultipartType(be.Uint16(f[8:])), be.Uint32(f[4:]), len(dump))
				d.log = append(d.log, kind.lines(dump)...)
				dump = nil
			}
			continue
		}
		d.log = append(d.log, describe(d.tb, f)...)
	}
}

// await writes down the next n messages.
func (d *driver) await(n int) {
	d.tb.Helper()
	for range n {
		for one := true; one; {
			f := d.read()
			if one = openflow.MessageType(f[1]) == openflow.TypeEchoRequest; one {
				d.write(patch(f, 1, byte(openflow.TypeEchoReply)))
				continue
			}
			d.log = append(d.log, describe(d.tb, f)...)
		}
	}
}

// closed notes whether the peer has closed the connection, after what it said.
func (d *driver) closed() {
	d.tb.Helper()
	for {
		f, err := d.tryRead()
		if err != nil {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
				d.tb.Fatalf("not closed: %v", err)
			}
			d.note("closed")
			return
		}
		d.log = append(d.log, describe(d.tb, f)...)
	}
}

// describe writes down a message byte by byte, but for what no two runs have in
// common: see TestConformance.
func describe(tb testing.TB, f []byte) []string {
	tb.Helper()
	f = slices.Clone(f)
	line := fmt.Sprintf("%v xid=%d", openflow.MessageType(f[1]), be.Uint32(f[4:]))
	switch openflow.MessageType(f[1]) {
	case openflow.TypeError:
		m, err := openflow.DecodeMessage(f)
		if err != nil {
			tb.Fatal(err)
		}
		line += " " + m.(*openflow.ErrorMsg).Name()
	case openflow.TypePortStatus:
		notLive(f[16:])
	case openflow.TypeFlowRemoved:
		clear(f[20:28]) // age
	case openflow.TypeMultipartReply:
		line += " " + openflow.MultipartType(be.Uint16(f[8:])).String()
		switch openflow.MultipartType(be.Uint16(f[8:])) {
		case openflow.MultipartPortStats:
			return append([]string{line}, portStatsLines(f)...)
		case openflow.MultipartExperimenter:
			return append([]string{line}, updateLines(tb, f)...)
		case openflow.MultipartPortDesc:
			for b := f[16:]; len(b) >= portLen; b = b[portLen:] {
				notLive(b)
			}
			return append([]string{line}, chunks(f[16:], portLen)...)
		}
	}
	return []string{line + " " + hex.EncodeToString(f)}
}

// portLen is the length of ofp_port (OpenFlow 1.3.5, 7.2.1).
const portLen = 64

// notLive clears OFPPS_LIVE in the state of an ofp_port.
func notLive(port []byte) { port[39] &^= byte(openflow.StateLive) }

// chunks writes down entries of n bytes, sorted: ports have no order.
func chunks(b []byte, n int) []string {
	var lines []string
	for ; len(b) >= n; b = b[n:] {
		lines = append(lines, "  "+hex.EncodeToString(b[:n]))
	}
	slices.Sort(lines)
	return lines
}

func portStatsLines(f []byte) []string {
	for b := f[16:]; len(b) >= 112; b = b[112:] {
		clear(b[8:112]) // counters of traffic, which the simulator has not, and age
	}
	return chunks(f[16:], 112)
}

// updateLines writes down reports of a flow monitor, sorted if they are what was
// there at first.
func updateLines(tb testing.TB, f []byte) []string {
	tb.Helper()
	m, err := openflow.DecodeMessage(f)
	if err != nil {
		tb.Fatal(err)
	}
	var lines []string
	for u, err := range m.(*openflow.MultipartReply).FlowUpdates() {
		if err != nil {
			tb.Fatal(err)
		}
		b, err := u.AppendBinary(nil)
		if err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("  update %d %s", u.Event, hex.EncodeToString(b)))
	}
	if m.Xid() != 0 {
		slices.Sort(lines)
	}
	return lines
}
