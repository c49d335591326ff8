package session

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// fakeSwitch is the switch's end of a connection, played by a test. Its methods
// return or pass on errors instead of failing the test, as they run in
// goroutines of their own.
type fakeSwitch struct {
	conn   net.Conn
	frames *frameReader
	dpid   openflow.DatapathID
	ports  []openflow.Port
	flows  []openflow.FlowStats
	// perPart is how many entries go into one part of a reply.
	perPart int
	// refuse, when set, says with which error a message added to a bundle is
	// refused.
	refuse func(m *openflow.BundleAdd) *openflow.ErrorMsg
	// added counts messages added to bundles, committed counts bundles.
	added, committed int
}

func newFakeSwitch(conn net.Conn) *fakeSwitch {
	return &fakeSwitch{
		conn: conn, frames: newFrameReader(conn, openflow.MaxMessageLen),
		dpid: 0xa1, perPart: 3,
		ports: []openflow.Port{{No: openflow.PortLocal, Name: "br0"}, {No: 1, Name: "p1"}},
	}
}

// recv returns the next message, which is the caller's.
func (f *fakeSwitch) recv() (openflow.Message, error) {
	frame, err := f.frames.next()
	if err != nil {
		return nil, err
	}
	return openflow.DecodeMessage(append([]byte(nil), frame...))
}

// send writes messages as one.
func (f *fakeSwitch) send(msgs ...openflow.Message) error {
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
func (f *fakeSwitch) serve(until func(openflow.Message) bool) error {
	if err := f.send(openflow.NewHello()); err != nil {
		return err
	}
	return f.resume(until)
}

// resume is serve after the HELLO.
func (f *fakeSwitch) resume(until func(openflow.Message) bool) error {
	return f.resumeWith(func(openflow.Message) (bool, error) { return false, nil }, until)
}

// resumeWith is resume for a switch that handles some messages in another way: handle
// reports whether it has.
func (f *fakeSwitch) resumeWith(handle func(openflow.Message) (bool, error), until func(openflow.Message) bool) error {
	for {
		m, err := f.recv()
		if err != nil {
			return err
		}
		handled, err := handle(m)
		if err == nil && !handled {
			err = f.answer(m)
		}
		if err != nil || until != nil && until(m) {
			return err
		}
	}
}

func isBarrier(m openflow.Message) bool { return m.Type() == openflow.TypeBarrierRequest }

func (f *fakeSwitch) answer(m openflow.Message) error {
	var replies []openflow.Message
	switch m := m.(type) {
	case *openflow.FeaturesRequest:
		replies = append(replies, &openflow.FeaturesReply{DatapathID: f.dpid, Tables: 254})
	case *openflow.BarrierRequest:
		replies = append(replies, &openflow.BarrierReply{})
	case *openflow.EchoRequest:
		replies = append(replies, &openflow.EchoReply{Data: m.Data})
	case *openflow.RoleRequest:
		replies = append(replies, &openflow.RoleReply{Role: m.Role, GenerationID: m.GenerationID})
	case *openflow.MultipartRequest:
		replies = f.statistics(m)
	case *openflow.BundleAdd:
		f.added++
		if f.refuse != nil {
			if e := f.refuse(m); e != nil {
				replies = append(replies, e)
			}
		}
	case *openflow.BundleControl:
		if m.Kind == openflow.BundleCommitRequest {
			f.committed++
		}
		replies = append(replies, &openflow.BundleControl{BundleID: m.BundleID, Kind: m.Kind + 1})
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
func (f *fakeSwitch) statistics(m *openflow.MultipartRequest) []openflow.Message {
	var entries []interface {
		AppendBinary([]byte) ([]byte, error)
	}
	switch m.Kind {
	case openflow.MultipartDesc:
		entries = append(entries, &openflow.Desc{Manufacturer: "fake"})
	case openflow.MultipartPortDesc:
		for i := range f.ports {
			entries = append(entries, &f.ports[i])
		}
	case openflow.MultipartFlow:
		for i := range f.flows {
			entries = append(entries, &f.flows[i])
		}
	case openflow.MultipartAggregate:
		entries = append(entries, &openflow.AggregateStats{Flows: uint32(len(f.flows))})
	}
	var parts []openflow.Message
	part := &openflow.MultipartReply{Kind: m.Kind}
	for i, e := range entries {
		if i > 0 && i%f.perPart == 0 {
			part.Flags = openflow.MultipartMore
			parts = append(parts, part)
			part = &openflow.MultipartReply{Kind: m.Kind}
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
