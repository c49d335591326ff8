package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// slowSwitch behaves, but for how long it takes over a commit, before it
// confirms that and again before anything else, and over each part of a reply.
func slowSwitch(commit, after, part time.Duration) func(*fakeSwitch) error {
	return func(f *fakeSwitch) error {
		for {
			m, err := f.recv()
			if err != nil {
				return err
			}
			switch m := m.(type) {
			case *openflow.BundleControl:
				if m.Kind == openflow.BundleCommitRequest {
					time.Sleep(commit)
				}
			case *openflow.MultipartRequest:
				if err := f.sendSlowly(m, part); err != nil {
					return err
				}
				continue
			}
			if err := f.answer(m); err != nil {
				return err
			}
			if c, ok := m.(*openflow.BundleControl); ok && c.Kind == openflow.BundleCommitRequest {
				time.Sleep(after)
			}
		}
	}
}

func (f *fakeSwitch) sendSlowly(m *openflow.MultipartRequest, pause time.Duration) error {
	for _, part := range f.statistics(m) {
		time.Sleep(pause)
		part.SetXid(m.Xid())
		if err := f.send(part); err != nil {
			return err
		}
	}
	return nil
}

func TestProve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, serveOn)
		if err := s.Prove(t.Context(), time.Second); err != nil {
			t.Error(err)
		}
	})
}

// A switch that has nothing to do has no excuse.
func TestProveIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			f.drain()
			return nil
		})
		start := time.Now()
		if err := s.Prove(t.Context(), time.Second); !errors.Is(err, ErrDeadPeer) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A switch that commits a bundle has the bundle's patience, and no more.
func TestProveDuringBundle(t *testing.T) {
	const n = 100_000 // 10 s of patience
	for _, test := range []struct {
		name     string
		busy     time.Duration
		after    time.Duration
		ok       bool
		from, to time.Duration // how long Prove may take
	}{
		{"less than it has", 5 * time.Second, 0, true, 4 * time.Second, 5 * time.Second},
		{"nearly what it has", 11 * time.Second, 0, true, 10 * time.Second, 11 * time.Second},
		{"and a little more", 4900 * time.Millisecond, 300 * time.Millisecond, true, 5 * time.Second, 6 * time.Second},
		{"for ever", time.Hour, 0, false, 11 * time.Second, 14 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startFake(t, Config{EchoTimeout: 30 * time.Second}, slowSwitch(test.busy, test.after, 0))
				done := make(chan error, 1)
				go func() { done <- s.Bundle(t.Context(), openflow.BundleAtomic, testMods(n)) }()
				synctest.Wait()
				start := time.Now()
				err := s.Prove(t.Context(), time.Second)
				took := time.Since(start)
				if test.ok != (err == nil) || !test.ok && !errors.Is(err, ErrDeadPeer) {
					t.Errorf("error %v", err)
				}
				if took < test.from || took > test.to {
					t.Errorf("took %v", took)
				}
				s.Close()
				<-done
			})
		})
	}
}

// A switch whose answer is behind a long reply has until that stops coming.
func TestProveDuringReply(t *testing.T) {
	for _, test := range []struct {
		name  string
		parts int
		pause time.Duration
		ok    bool
		to    time.Duration
	}{
		{"parts come", 10, 500 * time.Millisecond, true, 6 * time.Second},
		{"no part comes", 10, 20 * time.Second, false, 3 * time.Second},
		{"parts come for ever", 1000, 500 * time.Millisecond, false, 13 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := startFake(t, Config{}, func(f *fakeSwitch) error {
					f.flows, f.perPart = make([]openflow.FlowStats, test.parts), 1
					return slowSwitch(0, 0, test.pause)(f)
				})
				done := make(chan error, 1)
				go func() {
					done <- s.Flows(t.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error { return nil })
				}()
				synctest.Wait()
				start := time.Now()
				err := s.Prove(t.Context(), time.Second)
				if test.ok != (err == nil) || !test.ok && !errors.Is(err, ErrDeadPeer) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(start); took > test.to {
					t.Errorf("took %v", took)
				}
				s.Close()
				<-done
			})
		})
	}
}
