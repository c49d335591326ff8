package ovsdb

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// largeOf is a first message that is larger than small ones are, of a node whose
// bridge has an id.
func largeOf(id string) string {
	return `{` + strings.Repeat(" ", 2*smallMessage) + strings.TrimPrefix(strings.ReplaceAll(smallNode, "a1", id), "{")
}

// Whatever unproven peers do with large messages, those of nodes are read at once, and
// one of an honest unknown peer as soon as theirs have had their time.
func TestUnprovenHalfMessages(t *testing.T) {
	known := func(a net.Addr) bool { return strings.HasPrefix(a.String(), "node") }
	bed(t, Config{Known: known}, func(t *testing.T, ln *pipes, rec *recorder) {
		half := `{"id":"monitor","error":"` + strings.Repeat("x", 2*smallMessage)
		for range 100 {
			p := ln.dial(t, "unknown")
			p.expect("monitor_cond")
			go p.conn.Write([]byte(half))
		}
		synctest.Wait()
		start := time.Now()
		ln.dial(t, "node").begin(largeOf("a1"))
		check(t, rec, "a1 connected node br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		if took := time.Since(start); took != 0 {
			t.Errorf("a node was read after %v", took)
		}
		ln.dial(t, "honest").begin(largeOf("a2"))
		for !rec.called() {
			time.Sleep(10 * time.Millisecond)
		}
		check(t, rec, "a2 connected honest br-int 3.1.0", "a2 interfaces veth1(web1,,)@1")
		if took := time.Since(start); took > 2*unprovenGrace {
			t.Errorf("an honest unknown peer was read after %v", took)
		}
	})
}

// Strings without end of unproven peers are read at a rate that leaves the processors
// to others, however many there are.
func TestUnprovenEndlessStrings(t *testing.T) {
	bed(t, Config{Known: func(net.Addr) bool { return false }}, func(t *testing.T, ln *pipes, _ *recorder) {
		read := make(chan int)
		const unproven, long = 40, 3 * time.Second
		end := time.Now().Add(long)
		for i := range unproven {
			p := ln.dial(t, fmt.Sprint("unknown", i))
			p.expect("monitor_cond")
			go func() {
				n := 0
				block := []byte(strings.Repeat("x", 64<<10))
				if _, err := p.conn.Write([]byte(`{"id":"`)); err != nil {
					t.Error(err)
				}
				if err := p.conn.SetWriteDeadline(end); err != nil {
					t.Error(err)
				}
				for {
					m, err := p.conn.Write(block)
					n += m
					if err != nil {
						break
					}
				}
				read <- n
			}()
		}
		sum := 0
		for range unproven {
			sum += <-read
		}
		if most := unproven*(smallMessage+8<<10) + unprovenBytesOnce + int(long.Seconds())*unprovenBytes; sum > most {
			t.Errorf("%d KiB of unproven peers were read in %v, want %d at most", sum>>10, long, most>>10)
		}
	})
}

// called reports whether the handler got a call that the test has not taken.
func (r *recorder) called() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines) > 0
}
