package session

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// scriptConn is a connection whose other end says what is given and takes
// everything.
type scriptConn struct {
	net.Conn
	said   *bytes.Reader
	closed chan struct{}
	once   sync.Once
}

func newScriptConn(said []byte) *scriptConn {
	return &scriptConn{said: bytes.NewReader(said), closed: make(chan struct{})}
}

func (c *scriptConn) Read(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
		return c.said.Read(b)
	}
}

func (c *scriptConn) Write(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	default:
		return len(b), nil
	}
}

func (c *scriptConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }

// Whatever a switch says, a session ends when the connection does, and so does
// everything that waits for it.
func FuzzSession(f *testing.F) {
	var greeting, all []byte
	for i, m := range readConversation(f, conversationFile) {
		if !m.bySwitch {
			continue
		}
		if all = append(all, m.frame...); i < 20 {
			greeting = append(greeting, m.frame...)
		}
	}
	f.Add(all)
	f.Add(greeting)
	f.Add([]byte("\x04\x00\x00\x08\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, said []byte) {
		// As it is, and after a whole handshake.
		for _, before := range [][]byte{nil, greeting} {
			s, err := Handshake(context.Background(), newScriptConn(append(slices.Clone(before), said...)), Config{})
			if err != nil {
				continue
			}
			var callers sync.WaitGroup
			callers.Go(func() { s.Bundle(context.Background(), openflow.BundleAtomic, testMods(3)) })
			callers.Go(func() {
				s.Flows(context.Background(), openflow.AllFlows(), func(*openflow.FlowStats) error { return nil })
			})
			callers.Go(func() { s.Barrier(context.Background()) })
			callers.Go(func() {
				for range s.Events() {
				}
			})
			if err := s.Run(context.Background()); err == nil {
				t.Error("Run returns no reason")
			}
			callers.Wait()
			if err := s.Barrier(context.Background()); !errors.Is(err, ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
		}
	})
}
