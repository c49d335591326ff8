package session

import (
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// tcpPair returns both ends of a connection over the loopback.
func tcpPair(tb testing.TB) (here, there net.Conn) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- conn
	}()
	if there, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	return <-accepted, there
}

// quickSwitch does a handshake and then answers at no cost: messages added to
// bundles are only counted, and flow statistics are the bytes in dump, whose
// xids it sets.
func quickSwitch(f *fakeSwitch, dump []byte) error {
	if err := f.serve(isBarrier); err != nil {
		return err
	}
	for {
		frame, err := f.frames.next()
		if err != nil {
			return err
		}
		switch t := openflow.FrameType(frame); {
		case t == openflow.TypeExperimenter && binary.BigEndian.Uint32(frame[12:]) == openflow.ONFBundleAdd:
			continue
		case t == openflow.TypeMultipartRequest:
			for rest := dump; len(rest) > 0; rest = rest[binary.BigEndian.Uint16(rest[2:]):] {
				setFrameXid(rest, frameXid(frame))
			}
			if _, err := f.conn.Write(dump); err != nil {
				return err
			}
			continue
		}
		m, err := openflow.DecodeMessage(frame)
		if err != nil {
			return err
		}
		if err := f.answer(m); err != nil {
			return err
		}
	}
}

// quickSession returns a session with a quickSwitch that has n flows.
func quickSession(b *testing.B, n int) *Session {
	b.Helper()
	here, there := tcpPair(b)
	f := newFakeSwitch(there)
	for i := range n {
		f.flows = append(f.flows, openflow.FlowStats{Flow: testFlow(i)})
	}
	f.perPart = 500
	var dump []byte
	for _, m := range f.statistics(&openflow.MultipartRequest{Kind: openflow.MultipartFlow}) {
		var err error
		if dump, err = m.AppendBinary(dump); err != nil {
			b.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- quickSwitch(f, dump) }()
	s, err := Handshake(context.Background(), here, Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { <-done; there.Close() })
	runSession(b, s)
	return s
}

// The session's own share in sending a bundle: what a switch that costs nothing
// leaves.
func BenchmarkSessionBundle(b *testing.B) {
	for _, n := range []int{4, 10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := quickSession(b, 0)
			var mods [][]byte
			for mod := range testMods(n) { // which reuses its buffer
				mods = append(mods, append([]byte(nil), mod...))
			}
			seq := func(yield func([]byte) bool) {
				for _, mod := range mods {
					if !yield(mod) {
						return
					}
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Bundle(context.Background(), openflow.BundleAtomic, seq); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The session's own share in reading flows back.
func BenchmarkSessionFlows(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := quickSession(b, n)
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				if err := s.Flows(context.Background(), openflow.AllFlows(), func(*openflow.FlowStats) error { got++; return nil }); err != nil || got != n {
					b.Fatal(got, err)
				}
			}
		})
	}
}
