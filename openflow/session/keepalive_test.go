package session

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// handshaken returns a session that has finished its handshake with a fake switch, and
// the switch, which then does nothing.
func handshaken(t *testing.T, cfg Config) (*Session, *fakeSwitch) {
	t.Helper()
	here, there := net.Pipe()
	f := newFakeSwitch(there)
	done := make(chan error, 1)
	go func() { done <- f.serve(isBarrier) }()
	s, err := Handshake(context.Background(), here, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	return s, f
}

func TestEchoRequestIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies := make(chan openflow.Message, 1)
		startFake(t, Config{}, func(f *fakeSwitch) error {
			e := &openflow.EchoRequest{Data: []byte("are you there?")}
			e.SetXid(77)
			if err := f.send(e); err != nil {
				return err
			}
			m, err := f.recv()
			replies <- m
			return err
		})
		m, ok := (<-replies).(*openflow.EchoReply)
		if !ok || m.Xid() != 77 || !bytes.Equal(m.Data, []byte("are you there?")) {
			t.Errorf("answer %+v", m)
		}
	})
}

// A switch that is silent but answers is asked every EchoInterval.
func TestSilentSwitchIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{EchoInterval: 5 * time.Second}, serveOn)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if n := s.Stats().Out[openflow.TypeEchoRequest]; n != 12 {
			t.Errorf("%d echo requests in 61 s, want 12", n)
		}
		if n := s.Stats().In[openflow.TypeEchoReply]; n != 12 {
			t.Errorf("%d echo replies", n)
		}
	})
}

// A switch that talks is not asked.
func TestTalkingSwitchIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{EchoInterval: 5 * time.Second}, func(f *fakeSwitch) error {
			for range 20 {
				time.Sleep(4 * time.Second)
				if err := f.send(&openflow.PortStatus{Reason: openflow.PortModified}); err != nil {
					return err
				}
			}
			return nil
		})
		go func() {
			for range s.Events() {
			}
		}()
		time.Sleep(80 * time.Second)
		if n := s.Stats().Out[openflow.TypeEchoRequest]; n != 0 {
			t.Errorf("%d echo requests", n)
		}
	})
}

func TestDeadSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := handshaken(t, Config{EchoInterval: 5 * time.Second, EchoTimeout: 10 * time.Second})
		go f.drain()
		start := time.Now()
		waiting := make(chan error, 1)
		go func() { waiting <- s.Barrier(t.Context()) }()
		err := s.Run(t.Context())
		if !errors.Is(err, ErrDeadPeer) || !strings.Contains(err.Error(), "silent for 15s") {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("took %v", took)
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) || !errors.Is(err, ErrDeadPeer) {
			t.Errorf("waiting caller: %v", err)
		}
		if err := s.Barrier(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("later caller: %v", err)
		}
		if e, ok := s.NextEvent(); ok {
			t.Errorf("event %+v after the end", e)
		}
	})
}

// A switch that takes nothing is given up by the write deadline, and a caller
// with less patience gets away before.
func TestSwitchNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := handshaken(t, Config{WriteTimeout: 10 * time.Second, EchoInterval: time.Hour})
		start := time.Now()
		bundle := make(chan error, 1)
		impatient := make(chan time.Duration, 1)
		go func() { bundle <- s.Bundle(t.Context(), openflow.BundleAtomic, testMods(100_000)) }()
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s.Barrier(ctx)
			impatient <- time.Since(start)
		}()
		err := s.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "switch does not read") {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("Run took %v", took)
		}
		if err := <-bundle; !errors.Is(err, ErrClosed) {
			t.Errorf("Bundle: %v", err)
		}
		if took := <-impatient; took != time.Second {
			t.Errorf("Barrier took %v", took)
		}
	})
}

// While a callback of ours is slow, the switch is not to blame.
func TestSlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			f.flows, f.perPart = make([]openflow.FlowStats, 100), 1
			return serveOn(f)
		})
		got := 0
		err := s.Flows(t.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error {
			got++
			time.Sleep(time.Minute)
			return nil
		})
		if err != nil || got != 100 {
			t.Errorf("%d flows, %v", got, err)
		}
		if err := s.Barrier(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Committing keeps a switch busy in proportion to the bundle.
func TestCommitHasPatience(t *testing.T) {
	const n = 300_000 // 30 s of patience more than 15 s
	for _, test := range []struct {
		busy time.Duration
		ok   bool
	}{{40 * time.Second, true}, {time.Minute, false}} {
		synctest.Test(t, func(t *testing.T) {
			s := startFake(t, Config{}, func(f *fakeSwitch) error {
				for {
					m, err := f.recv()
					if err != nil {
						return err
					}
					if c, ok := m.(*openflow.BundleControl); ok && c.Kind == openflow.BundleCommitRequest {
						time.Sleep(test.busy)
					}
					if err := f.answer(m); err != nil {
						return err
					}
				}
			})
			mod := (&openflow.Flow{Priority: 1}).AppendAdd(nil, 0)
			err := s.Bundle(t.Context(), openflow.BundleAtomic, func(yield func([]byte) bool) {
				for i := 0; i < n && yield(mod); i++ {
				}
			})
			if test.ok != (err == nil) || !test.ok && !errors.Is(err, ErrClosed) {
				t.Errorf("busy for %v: error %v", test.busy, err)
			}
		})
	}
}

// A switch that asks without end and never reads costs a bounded amount of
// memory, and no more time than the write deadline.
func TestEchoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := handshaken(t, Config{WriteTimeout: 10 * time.Second})
		var asking sync.WaitGroup
		defer asking.Wait()
		asking.Go(func() {
			for f.send(&openflow.EchoRequest{Data: make([]byte, 1000)}) == nil {
				time.Sleep(time.Millisecond)
			}
		})
		start := time.Now()
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "switch does not read") {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(start); took > 11*time.Second {
			t.Errorf("took %v", took)
		}
		if st := s.Stats(); st.Unsent == 0 || st.Out[openflow.TypeEchoReply] > 2*outboxLimit/1000+1 {
			t.Errorf("stats %+v", st)
		}
	})
}
