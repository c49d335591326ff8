package session

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// aPacketIn is a packet-in of 256 bytes at most.
var aPacketIn = &openflow.PacketIn{BufferID: openflow.NoBuffer, Data: make([]byte, 60)}

// unasked is one message of each kind that nobody asks for.
var unasked = []struct {
	name string
	m    openflow.Message
}{
	{"packet-in", aPacketIn},
	{"flow-removed", &openflow.FlowRemoved{}},
	{"port-status", &openflow.PortStatus{Reason: openflow.PortModified, Port: openflow.Port{No: 1, Name: "p1"}}},
	{"error", &openflow.ErrorMsg{ErrType: openflow.ErrTypeBadRequest}},
	{"echo request", &openflow.EchoRequest{}},
	{"echo reply", &openflow.EchoReply{}},
	{"reply without request", &openflow.BarrierReply{}},
	{"part without request", &openflow.MultipartReply{Kind: openflow.MultipartFlow, Flags: openflow.MultipartMore}},
	{"bundle's reply without bundle", &openflow.BundleControl{Kind: openflow.BundleCommitReply}},
}

// flooded counts what a flooding switch got rid of, and takes what is sent to
// it meanwhile.
type flooded struct {
	sent atomic.Int64
	in   atomic.Int64
}

// play sends a message for ever and answers nothing.
func (fl *flooded) play(m openflow.Message) func(*fakeSwitch) error {
	return func(f *fakeSwitch) error {
		go func() {
			for {
				if _, err := f.recv(); err != nil {
					return
				}
				fl.in.Add(1)
			}
		}()
		for {
			if err := f.send(m); err != nil {
				return err
			}
			fl.sent.Add(1)
		}
	}
}

// Whatever nobody asked for is read at the burst and then at the rate. Packet-ins have a small
// budget beside it.
func TestFloodIsPaced(t *testing.T) {
	for _, test := range unasked {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var fl flooded
				s := startFake(t, Config{
					UnaskedRate: 100, UnaskedBurst: 1000, PacketInRate: 1, PacketInBurst: 1,
					Logger: slog.New(slog.NewTextHandler(&log, nil)),
				}, fl.play(test.m))
				go func() {
					for range s.Events() {
					}
				}()
				synctest.Wait()
				if n := fl.sent.Load(); n < 990 || n > 1010 {
					t.Errorf("%d messages read at once, want about 1000", n)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				// The pauses leave a few for later.
				if n := fl.sent.Load(); n < 6900 || n > 7080 {
					t.Errorf("%d messages read in a minute, want about 7000", n)
				}
				total, pauses := s.Throttled()
				if total < 59*time.Second || total > time.Minute || pauses == 0 || pauses > 60*50 {
					t.Errorf("throttled %d times for %v", pauses, total)
				}
				if n := strings.Count(log.String(), "read more slowly"); n != 1 {
					t.Errorf("%d warnings:\n%s", n, log.String())
				}
				// Others' echo requests wait meanwhile, so the session sends its own.
				if n := fl.in.Load(); n < 10 {
					t.Errorf("the switch received %d messages in a minute", n)
				}
			})
		})
	}
}

// Packet-ins have a budget of their own: those above it are dropped and counted, and what the
// switch answers is not held up. Neither are packet-ins by a flood of other messages that is
// within bounds.
func TestPacketInsHaveTheirBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst, more, others = 500, 300, 900
		again := make(chan struct{})
		s := startFake(t, Config{PacketInRate: 100, PacketInBurst: burst, PacketInQueue: burst, UnaskedRate: 1, UnaskedBurst: more + others}, func(f *fakeSwitch) error {
			for range others {
				if err := f.send(&openflow.EchoReply{}); err != nil {
					return err
				}
			}
			for range burst + more {
				if err := f.send(aPacketIn); err != nil {
					return err
				}
			}
			go func() {
				<-again
				_ = f.send(aPacketIn) // fails only after the test
			}()
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := s.PacketInsDropped(); n != more {
			t.Errorf("%d packet-ins were dropped, want %d", n, more)
		}
		if total, pauses := s.Throttled(); pauses != 0 {
			t.Errorf("throttled %d times for %v", pauses, total)
		}
		for range burst {
			if _, ok := s.NextEvent(); !ok {
				t.Fatal("the connection has ended")
			}
		}
		time.Sleep(20 * time.Millisecond) // enough for two
		close(again)
		if _, ok := s.NextEvent(); !ok {
			t.Fatal("the connection has ended")
		}
		if n := s.Stats().PacketInsDropped; n != more {
			t.Errorf("%d packet-ins were dropped in the end, want %d", n, more)
		}
	})
}

// The rate holds in the long run, and no more than the burst is saved up.
func TestPace(t *testing.T) {
	p := newPace(10, 100)
	if wait := p.take(0, 100); wait != 0 {
		t.Errorf("wait %v within the burst", wait)
	}
	if wait, want := p.take(0, 20), 2*time.Second+paceStep; wait != want {
		t.Errorf("wait %v, want %v", wait, want)
	}
	if wait := p.take(10*time.Second, 80); wait != 0 {
		t.Errorf("after 10 s there were not 80 tokens: wait %v", wait)
	}
	if wait := p.take(time.Hour, 101); wait == 0 {
		t.Error("an hour saved up more than the burst")
	}
}

// Long messages count for what they are, and a question by DNS, as Open vSwitch sends it, is one.
func TestPaceCountsBytes(t *testing.T) {
	question := openflow.PacketIn{Table: 110, Reason: openflow.ReasonAction, Data: make([]byte, 14+40+8+12+40),
		Match: openflow.Match(nil).InPort(7).Metadata(100).Reg(1, 1<<24), Userdata: make([]byte, 8)}
	long := question
	long.Data = make([]byte, 1500)
	for _, tt := range []struct {
		name string
		m    openflow.Message
		want int
	}{
		{"question", &openflow.PacketIn2{PacketIn: question}, 1},
		{"long packet-in", &openflow.PacketIn2{PacketIn: long}, 7},
		{"packet-in of OpenFlow 1.3", &openflow.PacketIn{BufferID: openflow.NoBuffer, Data: make([]byte, 100)}, 1},
		{"port-status", &openflow.PortStatus{Reason: openflow.PortModified, Port: openflow.Port{No: 1, Name: "p1"}}, 1},
		{"echo request of 129 bytes", &openflow.EchoRequest{Data: make([]byte, 121)}, 2},
	} {
		frame, err := tt.m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := unitsOf(frame); n != tt.want {
			t.Errorf("%s of %d bytes counts as %d, want %d", tt.name, len(frame), n, tt.want)
		}
	}
}

// All ports of the largest Open vSwitch coming up at once are no flood.
func TestHonestBurstIsNotPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ports = 65280
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			for _, r := range []openflow.PortReason{openflow.PortAdded, openflow.PortModified} {
				for no := range ports {
					m := &openflow.PortStatus{Reason: r, Port: openflow.Port{No: openflow.PortNo(no + 1), Name: "p"}}
					if err := f.send(m); err != nil {
						return err
					}
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		if total, pauses := s.Throttled(); pauses != 0 || total != 0 {
			t.Errorf("throttled %d times for %v", pauses, total)
		}
	})
}

// Replies are not paced, though they are many, and neither is the rest of one
// that nobody wants any more.
func TestRepliesAreNotPaced(t *testing.T) {
	for _, stop := range []int{0, 10} {
		synctest.Test(t, func(t *testing.T) {
			s := startFake(t, Config{UnaskedBurst: 100}, func(f *fakeSwitch) error {
				f.flows, f.perPart = make([]openflow.FlowStats, 5000), 1
				return serveOn(f)
			})
			enough := errors.New("enough")
			n := 0
			err := s.Flows(t.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error {
				if n++; n == stop {
					return enough
				}
				return nil
			})
			if stop > 0 && !errors.Is(err, enough) || stop == 0 && (err != nil || n != 5000) {
				t.Errorf("%d flows: %v", n, err)
			}
			if err := s.Barrier(t.Context()); err != nil {
				t.Error(err)
			}
			if _, pauses := s.Throttled(); pauses != 0 {
				t.Errorf("stopped after %d: throttled %d times", stop, pauses)
			}
			if late := len(s.calls.late); late != 0 {
				t.Errorf("%d replies are still expected", late)
			}
		})
	}
}

// Answers come through a flood, each after what was sent before it.
func TestAnswersComeThroughAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{UnaskedRate: 1000, UnaskedBurst: 1, PacketInRate: 1, PacketInBurst: 1}, func(f *fakeSwitch) error {
			junk := make([]openflow.Message, 1000)
			for i := range junk {
				junk[i] = &openflow.PacketIn{BufferID: openflow.NoBuffer}
			}
			for {
				m, err := f.recv()
				if err != nil {
					return err
				}
				if err := f.send(junk...); err != nil {
					return err
				}
				if err := f.answer(m); err != nil {
					return err
				}
			}
		})
		start := time.Now()
		for range 5 {
			if err := s.Barrier(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(3)); err != nil {
			t.Fatal(err)
		}
		// 5 barriers; of the bundle 3 messages, open, close and commit.
		if took := time.Since(start); took < 10*time.Second || took > 12*time.Second {
			t.Errorf("took %v, want about 11 s", took)
		}
	})
}

// A switch that dies while it is throttled is noticed when what it left behind
// was read.
func TestDeadSwitchWhileThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := handshaken(t, Config{UnaskedRate: 100, UnaskedBurst: 100, PacketInRate: 1, PacketInBurst: 1, EchoInterval: 5 * time.Second, EchoTimeout: 10 * time.Second})
		go f.drain()
		go func() {
			for range 2100 { // 20 s
				if f.send(&openflow.PacketIn{}) != nil {
					return
				}
			}
		}()
		start := time.Now()
		if err := s.Run(t.Context()); !errors.Is(err, ErrDeadPeer) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took < 35*time.Second || took > 41*time.Second {
			t.Errorf("took %v, want 20 s for what was sent and 15 to 20 s of silence", took)
		}
	})
}

// A reader that pauses ends with its context, and with Close, at once.
func TestThrottledReaderEndsAtOnce(t *testing.T) {
	for _, end := range []func(*Session, context.CancelFunc){
		func(_ *Session, cancel context.CancelFunc) { cancel() },
		func(s *Session, _ context.CancelFunc) { s.Close() },
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f := handshaken(t, Config{UnaskedRate: 1, UnaskedBurst: 1, PacketInRate: 1, PacketInBurst: 1})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sent := make(chan error, 1)
			// Many messages are in the reader's buffer, of which each would have it
			// pause for a second.
			go func() {
				sent <- f.send(&openflow.PacketIn{}, &openflow.PacketIn{}, &openflow.PacketIn{}, &openflow.PacketIn{}, &openflow.PacketIn{})
			}()
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			<-sent
			synctest.Wait()
			start := time.Now()
			end(s, cancel)
			if err := <-ran; !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
				t.Errorf("Run: %v", err)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("took %v", took)
			}
			// One is within the budget of packet-ins, one within that of unsolicited messages.
			if n := s.Stats().In[openflow.TypePacketIn]; n != 3 {
				t.Errorf("%d messages were read, want 3", n)
			}
		})
	}
}

// A flood during the handshake is paced too, and the handshake's time limit holds.
func TestFloodDuringHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		f := newFakeSwitch(there)
		go f.drain()
		n := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			if f.send(openflow.NewHello()) != nil {
				return
			}
			for f.send(&openflow.PortStatus{}) == nil {
				n++
			}
		}()
		start := time.Now()
		_, err := Handshake(t.Context(), here, Config{HandshakeTimeout: 10 * time.Second, UnaskedRate: 100, UnaskedBurst: 100})
		if err == nil || !strings.Contains(err.Error(), "not finished within 10s") {
			t.Errorf("Handshake: %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		<-done
		if n > 1120 {
			t.Errorf("%d messages read in 10 s, want about 1100", n)
		}
	})
}
