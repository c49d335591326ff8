package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			for {
				m, err := f.recv()
				if err != nil {
					return err
				}
				if mod, ok := m.(*openflow.FlowMod); ok && mod.Priority == 13 {
					e := &openflow.ErrorMsg{ErrType: openflow.ErrTypeFlowModFailed, Code: openflow.FlowFailedTableFull}
					e.SetXid(m.Xid())
					if err := f.send(e); err != nil {
						return err
					}
				}
				if err := f.answer(m); err != nil {
					return err
				}
			}
		})
		m, err := s.Do(t.Context(), &openflow.EchoRequest{Data: []byte("x")})
		if e, ok := m.(*openflow.EchoReply); !ok || string(e.Data) != "x" {
			t.Errorf("echo: %+v, %v", m, err)
		}
		// Of many messages under way each gets its own outcome.
		var all sync.WaitGroup
		for i := range uint16(20) {
			all.Go(func() {
				_, err := s.Do(t.Context(), openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Priority: i}))
				if refused := openflow.IsError(err, openflow.ErrTypeFlowModFailed, openflow.FlowFailedTableFull); refused != (i == 13) || !refused && err != nil {
					t.Errorf("flow-mod %d: %v", i, err)
				}
			})
		}
		all.Wait()
		if err := s.Send(t.Context(), openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{}), openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Priority: 13})); err != nil {
			t.Error(err)
		}
		if e, ok := nextEvent(s).(*openflow.ErrorMsg); !ok || e.Code != openflow.FlowFailedTableFull {
			t.Errorf("event %+v", e)
		}
		if _, err := s.Do(t.Context(), openflow.TableStatsRequest()); err == nil {
			t.Error("Do takes a multipart request")
		}
	})
}

func TestCallersGetAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A switch that answers echo requests only.
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			for {
				m, err := f.recv()
				if err != nil {
					return err
				}
				if m.Type() == openflow.TypeEchoRequest {
					if err := f.answer(m); err != nil {
						return err
					}
				}
			}
		})
		for name, call := range map[string]func(context.Context) error{
			"Barrier": s.Barrier,
			"Flows": func(ctx context.Context) error {
				return s.Flows(ctx, openflow.AllFlows(), func(*openflow.FlowStats) error { return nil })
			},
			"Bundle": func(ctx context.Context) error { return s.Bundle(ctx, openflow.BundleAtomic, testMods(3)) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			start := time.Now()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(start); took != 20*time.Second {
				t.Errorf("%s took %v", name, took)
			}
			cancel()
		}
		s.calls.mu.Lock()
		defer s.calls.mu.Unlock()
		if len(s.calls.waiting) != 0 || s.calls.bundle != nil {
			t.Errorf("%d requests are not forgotten", len(s.calls.waiting))
		}
	})
}

func TestFlowsInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			for i := range 1000 {
				f.flows = append(f.flows, openflow.FlowStats{Flow: testFlow(i)})
			}
			f.perPart = 7
			return serveOn(f)
		})
		i := 0
		err := s.Flows(t.Context(), openflow.AllFlows(), func(f *openflow.FlowStats) error {
			if f.Cookie != openflow.Cookie(i)+1 {
				return fmt.Errorf("flow %d has cookie %v", i, f.Cookie)
			}
			i++
			return nil
		})
		if err != nil || i != 1000 {
			t.Errorf("%d flows, %v", i, err)
		}
		// A callback that has seen enough leaves no trace.
		enough := errors.New("enough")
		if err := s.Flows(t.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("error %v", err)
		}
		if err := s.Barrier(t.Context()); err != nil {
			t.Error(err)
		}
		if ports, err := s.PortDesc(t.Context()); err != nil || len(ports) != 2 {
			t.Errorf("ports %v, %v", ports, err)
		}
		if sum, err := s.Aggregate(t.Context(), openflow.AllFlows()); err != nil || sum.Flows != 1000 {
			t.Errorf("aggregate %+v, %v", sum, err)
		}
	})
}

// The end of the connection at each message of a reply in parts ends the call.
func TestFlowsCut(t *testing.T) {
	for parts := range 4 {
		synctest.Test(t, func(t *testing.T) {
			s := startFake(t, Config{}, func(f *fakeSwitch) error {
				f.flows, f.perPart = make([]openflow.FlowStats, 5), 1
				m, err := f.recv()
				if err != nil {
					return err
				}
				for _, p := range f.statistics(m.(*openflow.MultipartRequest))[:parts] {
					p.SetXid(m.Xid())
					if err := f.send(p); err != nil {
						return err
					}
				}
				return f.conn.Close()
			})
			got := 0
			err := s.Flows(t.Context(), openflow.AllFlows(), func(*openflow.FlowStats) error { got++; return nil })
			if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "switch closed the connection") {
				t.Errorf("error %v", err)
			}
			if got != parts {
				t.Errorf("%d flows of %d sent", got, parts)
			}
		})
	}
}

func TestHostileMessages(t *testing.T) {
	tests := []struct{ name, sends, want string }{
		{"length too short", "\x04\x0a\x00\x04\x00\x00\x00\x00", "shorter than its own header"},
		{"too long for us", "\x04\x0a\x10\x00\x00\x00\x00\x00", "more than the 2048 allowed"},
		{"other version", "\x01\x0a\x00\x08\x00\x00\x00\x00", "OpenFlow 1.0 after OpenFlow 1.3 was agreed on"},
		{"malformed port status", "\x04\x0c\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "malformed port_status"},
		{"cut", "\x04\x0a\x00\x20\x00\x00", "in the middle of a message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f := handshaken(t, Config{MaxMessage: 2048})
				go f.drain()
				go func() {
					f.conn.Write([]byte(test.sends))
					synctest.Wait()
					f.conn.Close()
				}()
				if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %s", err, test.want)
				}
			})
		})
	}
}

// What is malformed inside, or answers nothing we asked, does no harm.
func TestHarmlessMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			for _, b := range []string{
				"\x04\x0a\x00\x09\x00\x00\x00\x00\x00",                             // packet-in cut short
				"\x04\x0b\x00\x09\x00\x00\x00\x00\x00",                             // flow-removed cut short
				"\x04\x01\x00\x09\x00\x00\x00\x00\x00",                             // error cut short
				"\x04\xfe\x00\x08\x00\x00\x00\x00",                                 // unknown type
				"\x04\x15\x00\x08\xff\xff\xff\xff",                                 // barrier reply of no bundle
				"\x04\x13\x00\x10\x00\x00\x00\x09\x00\x01\x00\x01\x00\x00\x00\x00", // part of nothing
				"\x04\x00\x00\x08\x00\x00\x00\x00",                                 // another HELLO
			} {
				if _, err := f.conn.Write([]byte(b)); err != nil {
					return err
				}
			}
			return serveOn(f)
		})
		if err := s.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		go func() {
			for e := range s.Events() {
				t.Errorf("event %+v", e)
			}
		}()
		synctest.Wait()
		if st := s.Stats(); st.Undecodable != 3 || st.Unmatched != 4 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := handshaken(t, Config{})
		go f.drain()
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		time.AfterFunc(time.Second, func() { cancel(why) })
		if err := s.Run(ctx); err != why {
			t.Errorf("Run: %v", err)
		}
		if err := s.Run(ctx); err == nil || err == why {
			t.Errorf("second Run: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, f := handshaken(t, Config{})
		go f.drain()
		time.AfterFunc(time.Second, func() { s.Close() })
		if err := s.Run(t.Context()); err != ErrClosed {
			t.Errorf("Run: %v", err)
		}
	})
}
