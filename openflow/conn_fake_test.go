package openflow

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// fakeSwitch is the switch's end of a connection, played by a test. Its methods
// return or pass on errors instead of failing the test, as they run in
// goroutines of their own.
type fakeSwitch struct {
	conn   net.Conn
	frames *frameReader
	dpid   DatapathID
	ports  []Port
	flows  []FlowStats
	// perPart is how many entries go into one part of a reply.
	perPart int
	// refuse, when set, says with which error a message added to a bundle is
	// refused.
	refuse func(m *BundleAdd) *ErrorMsg
	// added counts messages added to bundles, committed counts bundles.
	added, committed int
}

func newFakeSwitch(conn net.Conn) *fakeSwitch {
	return &fakeSwitch{
		conn: conn, frames: newFrameReader(conn, MaxMessageLen),
		dpid: 0xa1, perPart: 3,
		ports: []Port{{No: PortLocal, Name: "br0"}, {No: 1, Name: "p1"}},
	}
}

// recv returns the next message, which is the caller's.
func (f *fakeSwitch) recv() (Message, error) {
	frame, err := f.frames.next()
	if err != nil {
		return nil, err
	}
	return DecodeMessage(append([]byte(nil), frame...))
}

// send writes messages as one.
func (f *fakeSwitch) send(msgs ...Message) error {
	var b []byte
	for _, m := range msgs {
		var err error
		if b, err = m.AppendBinary(b); err != nil {
			return err
		}
	}
	_, err := f.conn.Write(b)
	return err
}

// drain reads and forgets until the connection ends.
func (f *fakeSwitch) drain() { _, _ = io.Copy(io.Discard, f.conn) }

// serve does what a switch does until the connection ends or the message that
// until accepts has been answered.
func (f *fakeSwitch) serve(until func(Message) bool) error {
	if err := f.send(NewHello()); err != nil {
		return err
	}
	return f.resume(until)
}

// resume is serve without the HELLO.
func (f *fakeSwitch) resume(until func(Message) bool) error {
	for {
		m, err := f.recv()
		if err != nil {
			return err
		}
		if err := f.answer(m); err != nil {
			return err
		}
		if until != nil && until(m) {
			return nil
		}
	}
}

func isBarrier(m Message) bool { return m.Type() == TypeBarrierRequest }

func (f *fakeSwitch) answer(m Message) error {
	var replies []Message
	switch m := m.(type) {
	case *FeaturesRequest:
		replies = append(replies, &FeaturesReply{DatapathID: f.dpid, Tables: 254})
	case *BarrierRequest:
		replies = append(replies, &BarrierReply{})
	case *EchoRequest:
		replies = append(replies, &EchoReply{Data: m.Data})
	case *RoleRequest:
		replies = append(replies, &RoleReply{Role: m.Role, GenerationID: m.GenerationID})
	case *MultipartRequest:
		replies = f.statistics(m)
	case *BundleAdd:
		f.added++
		if f.refuse != nil {
			if e := f.refuse(m); e != nil {
				replies = append(replies, e)
			}
		}
	case *BundleControl:
		if m.Kind == BundleCommitRequest {
			f.committed++
		}
		replies = append(replies, &BundleControl{BundleID: m.BundleID, Kind: m.Kind + 1})
	}
	for _, r := range replies {
		r.SetXid(m.Xid())
	}
	if len(replies) == 0 {
		return nil
	}
	return f.send(replies...)
}

// statistics returns the parts of the reply to m, filling perPart entries into
// each.
func (f *fakeSwitch) statistics(m *MultipartRequest) []Message {
	var entries []interface {
		AppendBinary([]byte) ([]byte, error)
	}
	switch m.Kind {
	case MultipartDesc:
		entries = append(entries, &Desc{Manufacturer: "fake"})
	case MultipartPortDesc:
		for i := range f.ports {
			entries = append(entries, &f.ports[i])
		}
	case MultipartFlow:
		for i := range f.flows {
			entries = append(entries, &f.flows[i])
		}
	case MultipartAggregate:
		entries = append(entries, &AggregateStats{Flows: uint32(len(f.flows))})
	}
	var parts []Message
	part := &MultipartReply{Kind: m.Kind}
	for i, e := range entries {
		if i > 0 && i%f.perPart == 0 {
			part.Flags = MultipartMore
			parts = append(parts, part)
			part = &MultipartReply{Kind: m.Kind}
		}
		var err error
		if part.Body, err = e.AppendBinary(part.Body); err != nil {
			panic(err) // the test's own data
		}
	}
	return append(parts, part)
}

// startFake does the handshake with a fake switch over a pipe, starts Run, and
// then has the switch do play. All of it ends with the test.
func startFake(t *testing.T, cfg Config, play func(*fakeSwitch) error) *Session {
	t.Helper()
	return startFakeAfter(t, cfg, func(f *fakeSwitch) error { return f.serve(isBarrier) }, play)
}

// startFakeAfter is startFake with a handshake of the test's own.
func startFakeAfter(t *testing.T, cfg Config, greet, play func(*fakeSwitch) error) *Session {
	t.Helper()
	here, there := net.Pipe()
	f := newFakeSwitch(there)
	switchDone := make(chan error, 1)
	go func() {
		err := greet(f)
		if err == nil {
			err = play(f)
		}
		switchDone <- err
	}()
	s, err := Handshake(context.Background(), here, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- s.Run(context.Background()) }()
	t.Cleanup(func() {
		s.Close()
		there.Close()
		<-ran
		if err := <-switchDone; err != nil && !isClosed(err) {
			t.Errorf("fake switch: %v", err)
		}
	})
	return s
}

// serveOn is a play: a switch that behaves.
func serveOn(f *fakeSwitch) error { return f.resume(nil) }

// isClosed says whether err is what a fake switch sees when the other side, or
// the test, has ended the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed)
}
