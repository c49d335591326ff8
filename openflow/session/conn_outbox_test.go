package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// What several goroutines put in comes out whole, in the order of each.
func TestOutboxKeepsMessagesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const writers, each = 8, 500
		o := newOutbox()
		here, there := net.Pipe()
		stop := make(chan struct{})
		flushed := make(chan error, 1)
		go func() {
			for {
				_, err := o.flush(here, time.Minute)
				select {
				case <-o.wake:
				case <-stop:
					if err == nil {
						_, err = o.flush(here, time.Minute)
					}
					here.Close()
					flushed <- err
					return
				}
			}
		}()
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					two := append(frame(8+w*100, openflow.Xid(w<<16|2*i)), frame(8, openflow.Xid(w<<16|(2*i+1)))...)
					if ok, err := o.put(t.Context(), nil, two); !ok {
						t.Errorf("put: %v", err)
					}
				}
			})
		}
		go func() { all.Wait(); close(stop) }()
		next := make([]int, writers)
		f := newFrameReader(there, openflow.MaxMessageLen)
		last := -1
		for {
			b, err := f.next()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			w, i := int(frameXid(b)>>16), int(frameXid(b)&0xffff)
			if i != next[w] || i%2 == 1 && last != w {
				t.Fatalf("writer %d: message %d after %d of writer %d", w, i, next[w], last)
			}
			next[w], last = i+1, w
		}
		for w, n := range next {
			if n != 2*each {
				t.Errorf("writer %d: %d messages", w, n)
			}
		}
		if err := <-flushed; err != nil {
			t.Error(err)
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		dead := make(chan struct{})
		for range outboxLimit / 1024 {
			if ok, err := o.put(t.Context(), dead, frame(1024, 0)); !ok {
				t.Fatal(err)
			}
		}
		// Bulk has to wait, a short message need not.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if ok, err := o.put(ctx, dead, frame(8, 0)); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("put: %v, %v", ok, err)
		}
		offered := 0
		for o.offer(frame(1024, 0)) {
			offered++
		}
		if offered != outboxLimit/1024 {
			t.Errorf("%d short messages went in", offered)
		}
		// A writer that takes what is there lets the waiting in.
		in := make(chan bool)
		go func() { ok, _ := o.put(t.Context(), dead, frame(8, 7)); in <- ok }()
		synctest.Wait()
		o.recycle(o.take())
		if !<-in || !bytes.Equal(o.take(), frame(8, 7)) {
			t.Error("put does not go on when there is room")
		}
		// So does death.
		for ok := true; ok; ok = o.offer(frame(1024, 0)) {
		}
		go func() { ok, _ := o.put(t.Context(), dead, frame(8, 7)); in <- ok }()
		synctest.Wait()
		close(dead)
		if <-in {
			t.Error("put goes on when the connection is dead")
		}
	})
}

func TestOutboxReusesBuffers(t *testing.T) {
	o := newOutbox()
	msg := frame(500, 0)
	for range 3 {
		o.offer(msg)
		o.flush(discardConn{}, time.Minute)
	}
	if n := testing.AllocsPerRun(100, func() {
		o.offer(msg)
		if _, err := o.flush(discardConn{}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // the channel that tells of room
		t.Errorf("%v allocations", n)
	}
}

func TestOutboxTrims(t *testing.T) {
	o := newOutbox()
	for range 2 { // both buffers
		for o.offer(frame(1000, 0)) {
		}
		if _, err := o.flush(discardConn{}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	o.offer(frame(1000, 0))
	large := cap(o.buf)
	if o.trim(); large <= outboxKeep || cap(o.buf) != large || cap(o.spare) > outboxKeep {
		t.Errorf("in use: %d bytes became %d, spare %d", large, cap(o.buf), cap(o.spare))
	}
	o.flush(discardConn{}, time.Minute)
	if o.trim(); cap(o.buf) > outboxKeep || cap(o.spare) > outboxKeep {
		t.Errorf("idle: %d and %d bytes", cap(o.buf), cap(o.spare))
	}
}

// discardConn takes everything.
type discardConn struct{ net.Conn }

func (discardConn) Write(b []byte) (int, error)      { return len(b), nil }
func (discardConn) SetWriteDeadline(time.Time) error { return nil }
