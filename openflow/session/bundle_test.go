package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// record is a play that behaves and keeps the messages that it got.
func record(msgs *[]openflow.Message) func(*fakeSwitch) error {
	return func(f *fakeSwitch) error {
		return f.resume(func(m openflow.Message) bool {
			*msgs = append(*msgs, m)
			return false
		})
	}
}

func bundleSteps(msgs []openflow.Message) string {
	var steps []string
	for _, m := range msgs {
		switch m := m.(type) {
		case *openflow.BundleControl:
			steps = append(steps, strings.TrimSuffix(m.Kind.String(), "_REQUEST"))
		case *openflow.BundleAdd:
			steps = append(steps, "ADD")
		default:
			steps = append(steps, m.Type().String())
		}
	}
	return strings.Join(steps, " ")
}

func TestBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var msgs []openflow.Message
		s := startFake(t, Config{}, record(&msgs))
		for range 2 {
			if err := s.Bundle(t.Context(), openflow.BundleAtomic|openflow.BundleOrdered, testMods(3)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got, want := bundleSteps(msgs), "OPEN ADD ADD ADD CLOSE COMMIT OPEN ADD ADD ADD CLOSE COMMIT"; got != want {
			t.Fatalf("switch got %s", got)
		}
		seen := map[openflow.Xid]bool{}
		for i, m := range msgs {
			if seen[m.Xid()] {
				t.Errorf("xid 0x%x is used twice", m.Xid())
			}
			seen[m.Xid()] = true
			switch m := m.(type) {
			case *openflow.BundleControl:
				if m.BundleID != uint32(1+i/6) || m.Flags != openflow.BundleAtomic|openflow.BundleOrdered {
					t.Errorf("message %d: %+v", i, m)
				}
			case *openflow.BundleAdd:
				want := testFlow(i%6 - 1)
				if !bytes.Equal(m.Message, want.AppendAdd(nil, m.Xid())) || m.Flags != openflow.BundleAtomic|openflow.BundleOrdered {
					t.Errorf("message %d: %+v", i, m)
				}
			}
		}
	})
}

func refuseThird(m *openflow.BundleAdd) *openflow.ErrorMsg {
	mod, err := openflow.DecodeFlowMod(m.Message)
	if err != nil || mod.Cookie != 3 {
		return nil
	}
	whole, _ := m.AppendBinary(nil)
	return &openflow.ErrorMsg{ErrType: openflow.ErrTypeFlowModFailed, Code: openflow.FlowFailedTableFull, Data: whole[:64]}
}

func TestBundleRefused(t *testing.T) {
	for _, pipelined := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var msgs []openflow.Message
			s := startFake(t, Config{}, func(f *fakeSwitch) error {
				f.refuse = refuseThird
				return record(&msgs)(f)
			})
			flags, steps := openflow.BundleAtomic, "OPEN ADD ADD ADD ADD ADD CLOSE DISCARD"
			if pipelined {
				flags, steps = flags|BundlePipelined, "OPEN ADD ADD ADD ADD ADD CLOSE COMMIT"
			}
			err := s.Bundle(t.Context(), flags, testMods(5))
			var refused *BundleError
			if !errors.As(err, &refused) || refused.Index != 2 || refused.Committed != pipelined {
				t.Fatalf("error %v", err)
			}
			want := testFlow(2)
			if !bytes.Equal(refused.Message, want.AppendAdd(nil, 0)) {
				t.Errorf("message % x", refused.Message)
			}
			if !openflow.IsError(err, openflow.ErrTypeFlowModFailed, openflow.FlowFailedTableFull) || !strings.Contains(err.Error(), "message 2 (") {
				t.Errorf("error %q", err)
			}
			synctest.Wait()
			if got := bundleSteps(msgs); got != steps {
				t.Errorf("switch got %s", got)
			}
		})
	}
}

// When the messages cannot be gone through again, what the switch sent back
// stands for the refused one.
func TestBundleRefusedFromSingleUseSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			f.refuse = refuseThird
			return serveOn(f)
		})
		i := 0
		err := s.Bundle(t.Context(), openflow.BundleAtomic, func(yield func([]byte) bool) {
			for ; i < 5; i++ {
				f := testFlow(i)
				if !yield(f.AppendAdd(nil, 0)) {
					return
				}
			}
		})
		var refused *BundleError
		if !errors.As(err, &refused) || refused.Index != 2 {
			t.Fatalf("error %v", err)
		}
		want := testFlow(2)
		if !sameButXid(want.AppendAdd(nil, 0), refused.Message) || len(refused.Message) != 40 {
			t.Errorf("message % x", refused.Message)
		}
	})
}

// A switch that refuses everything, without end, is asked to discard before the
// rest is sent.
func TestBundleStopsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100_000
		added := 0
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			f.refuse = func(m *openflow.BundleAdd) *openflow.ErrorMsg {
				added = f.added
				return &openflow.ErrorMsg{Data: make([]byte, 64)}
			}
			return serveOn(f)
		})
		err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(n))
		var refused *BundleError
		if !errors.As(err, &refused) || refused.Index != 0 {
			t.Fatalf("error %v", err)
		}
		if refused.Refusals != added || added > n/5 {
			t.Errorf("%d messages were added, %d refusals counted", added, refused.Refusals)
		}
	})
}

func TestBundleNeedsWholeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var msgs []openflow.Message
		s := startFake(t, Config{}, record(&msgs))
		f := testFlow(0)
		good := f.AppendAdd(nil, 0)
		for _, bad := range [][]byte{nil, good[:7], good[:len(good)-1], append(good[:len(good):len(good)], 0)} {
			err := s.Bundle(t.Context(), openflow.BundleAtomic, slices.Values([][]byte{good, bad}))
			if !errors.Is(err, openflow.ErrBadLength) || !strings.Contains(err.Error(), "message 1") {
				t.Errorf("error %v", err)
			}
		}
		large := make([]byte, openflow.MaxMessageLen)
		binary.BigEndian.PutUint16(large[2:], openflow.MaxMessageLen)
		if err := s.Bundle(t.Context(), openflow.BundleAtomic, slices.Values([][]byte{large})); !errors.Is(err, openflow.ErrBadLength) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if len(msgs) != 0 {
			t.Errorf("switch got %s", bundleSteps(msgs))
		}
	})
}

// The end of the connection at each message of a bundle ends the call, and says
// whether the commit may have happened.
func TestBundleCut(t *testing.T) {
	for cut := range 6 { // open, 3 × add, close, commit
		synctest.Test(t, func(t *testing.T) {
			s := startFake(t, Config{}, func(f *fakeSwitch) error {
				for range cut {
					m, err := f.recv()
					if err == nil {
						err = f.answer(m)
					}
					if err != nil {
						return err
					}
				}
				if cut == 5 {
					if _, err := f.recv(); err != nil { // the commit
						return err
					}
				}
				return f.conn.Close()
			})
			err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(3))
			if !errors.Is(err, ErrClosed) {
				t.Errorf("cut after %d: error %v", cut, err)
			}
			if unknown := strings.Contains(err.Error(), "outcome unknown"); unknown != (cut == 5) {
				t.Errorf("cut after %d: error %v", cut, err)
			}
		})
	}
}

// A caller that gives up while the switch is slow has the bundle discarded, and
// what the switch says of it later does not disturb the next.
func TestBundleGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var msgs []openflow.Message
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			return f.resume(func(m openflow.Message) bool {
				msgs = append(msgs, m)
				if len(msgs) == 1 {
					time.Sleep(3 * time.Second)
				}
				return false
			})
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Bundle(ctx, openflow.BundleAtomic, testMods(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(1)); err != nil {
			t.Errorf("next bundle: %v", err)
		}
		synctest.Wait()
		if got, want := bundleSteps(msgs), "OPEN ADD ADD CLOSE DISCARD OPEN ADD CLOSE COMMIT"; got != want {
			t.Errorf("switch got %s", got)
		}
	})
}

// Bundles wait for each other; other requests go between.
func TestBundlesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		committed := 0
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			return f.resume(func(openflow.Message) bool { committed = f.committed; return false })
		})
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(2000)); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := s.Barrier(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if committed != 10 {
			t.Errorf("%d bundles committed", committed)
		}
	})
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

func TestBundleWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		conn := &countingConn{Conn: here}
		f := newFakeSwitch(there)
		go f.serve(nil)
		s, err := Handshake(t.Context(), conn, Config{})
		if err != nil {
			t.Fatal(err)
		}
		ran := make(chan error)
		go func() { ran <- s.Run(t.Context()) }()
		for _, test := range []struct {
			name  string
			flags openflow.BundleFlags
			mods  int
			most  int64
		}{
			{"small, pipelined", BundlePipelined, 4, 1},
			{"small", 0, 4, 2},
			{"large", 0, 100_000, 250}, // 14 MB
		} {
			before := conn.writes.Load()
			if err := s.Bundle(t.Context(), openflow.BundleAtomic|test.flags, testMods(test.mods)); err != nil {
				t.Fatal(err)
			}
			if got := conn.writes.Load() - before; got > test.most {
				t.Errorf("%s: %d writes, want at most %d", test.name, got, test.most)
			}
		}
		s.Close()
		<-ran
		there.Close()
	})
}

// A switch that refuses to open the bundle, as to a slave, refuses it as such,
// even though an Open vSwitch would open one for the messages that follow.
func TestBundleOpenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var msgs []openflow.Message
		s := startFake(t, Config{}, func(f *fakeSwitch) error {
			m, err := f.recv()
			if err != nil {
				return err
			}
			slave := &openflow.ErrorMsg{ErrType: openflow.ErrTypeBadRequest, Code: 10}
			slave.SetXid(m.Xid())
			if err := f.send(slave); err != nil {
				return err
			}
			return record(&msgs)(f)
		})
		err := s.Bundle(t.Context(), openflow.BundleAtomic, testMods(2))
		var refused *BundleError
		if !errors.As(err, &refused) || refused.Index != -1 || refused.Message != nil {
			t.Fatalf("error %v", err)
		}
		if want := "bundle: switch refused it: OFPBRC_IS_SLAVE; nothing was changed"; err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		synctest.Wait()
		if got := bundleSteps(msgs); got != "ADD ADD CLOSE DISCARD" {
			t.Errorf("switch got %s", got)
		}
	})
}
