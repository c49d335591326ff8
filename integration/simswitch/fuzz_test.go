package simswitch_test

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// FuzzSwitch sends a switch whatever comes after a HELLO: it must neither panic
// nor hang, and what it says must be messages.
func FuzzSwitch(f *testing.F) {
	for _, m := range append(sample(), dump(f), control(f, 1, openflow.BundleOpenRequest, both),
		put(1, both, sample()[0]), control(f, 1, openflow.BundleCommitRequest, both),
		encode(f, openflow.AllFlowChanges().Message()), encode(f, openflow.PortDescRequest()),
		encode(f, openflow.NewPacketOut([]byte("0123456789abcd"), noActs.Controller(0xffff))),
		mod(openflow.FlowModify, openflow.Flow{Match: ip, Instructions: out(2)}, nil),
		openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x11)) {
		f.Add(m)
	}
	for _, m := range slices.Concat(sampleGroups(), sampleMeters(), badGroups(), badMeters(), showGroups(f), showMeters(f)) {
		f.Add(m)
	}
	f.Add(slices.Concat(slices.Concat(sampleGroups()...), slices.Concat(sampleMeters()...), flowToGroup(1, 1), flowToGroup(2, 2, 2), flowToMeter(3, 1),
		control(f, 1, openflow.BundleOpenRequest, both), put(1, both, as(openflow.GroupModify, sampleGroups()[0])), put(1, both, deleteGroup(1)),
		control(f, 1, openflow.BundleCommitRequest, both), deleteMeter(openflow.MeterAll), deleteGroup(openflow.GroupAll)))
	f.Add(encode(f, &openflow.SetAsyncConfig{Properties: []openflow.AsyncProperty{{Kind: openflow.AsyncRequestForwardMaster, Mask: 3}}}))
	var all []byte
	for _, m := range sample() {
		all = append(all, m...)
	}
	f.Add(append(all, dump(f)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		s := simswitch.New(simswitch.Config{Ports: nodePorts()})
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = s.Serve(context.Background(), theirs) // it always ends with an error
		}()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			hello := encode(t, openflow.NewHello())
			_, err := ours.Write(append(hello, b...))
			if err == nil {
				// So that all before it is answered; then there is no more.
				_, err = ours.Write(encode(t, &openflow.BarrierRequest{}))
			}
			if err != nil && err != io.ErrClosedPipe {
				t.Error(err)
			}
		}()
		readAnswers(t, ours, b)
		ours.Close()
		<-sent
		<-served
	})
}

// readAnswers reads messages until the barrier is answered or, as b need not end
// with a whole message, until nothing can come any more.
func readAnswers(t *testing.T, conn net.Conn, b []byte) {
	whole := endsWhole(b)
	for {
		h := make([]byte, openflow.HeaderLen)
		if _, err := io.ReadFull(conn, h); err != nil {
			return
		}
		n := int(be.Uint16(h[2:]))
		if n < openflow.HeaderLen {
			t.Fatalf("answer of %d bytes", n)
		}
		m := append(h, make([]byte, n-len(h))...)
		if _, err := io.ReadFull(conn, m[len(h):]); err != nil {
			return
		}
		if _, err := openflow.DecodeMessage(m); err != nil {
			t.Fatalf("answer % x: %v", m, err)
		}
		if !whole || openflow.MessageType(m[1]) == openflow.TypeBarrierReply && be.Uint32(m[4:]) == 0 {
			return
		}
	}
}

// endsWhole reports whether b is a sequence of whole messages of our version.
func endsWhole(b []byte) bool {
	for len(b) > 0 {
		if len(b) < openflow.HeaderLen || b[0] != openflow.Version {
			return false
		}
		n := int(be.Uint16(b[2:]))
		if n < openflow.HeaderLen || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}
