package ovsdb

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// Peers that begin large messages and do not end them hold up only other large
// messages, and only until they are given up.
func TestPoolSmallNodesPassLargeMessages(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		half := `{"id":"monitor","error":"` + strings.Repeat("x", 2*smallMessage)
		var hostile []*peer
		for i := range largeMessages + 3 {
			p := ln.dial(t, fmt.Sprint("hostile", i))
			p.expect("monitor_cond")
			go p.conn.Write([]byte(half))
			hostile = append(hostile, p)
		}
		synctest.Wait()
		small := ln.dial(t, "small")
		small.begin(smallNode)
		check(t, rec, "a1 connected small br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		go func() {
			for m := range small.got {
				if m.Method == "echo" {
					small.send(`{"id":"echo","result":[],"error":null}`)
				}
			}
		}()
		for _, p := range hostile {
			p.ended()
		}
		large := ln.dial(t, "large")
		large.begin(`{` + strings.Repeat(" ", 2*smallMessage) + strings.TrimPrefix(strings.ReplaceAll(smallNode, "a1", "a2"), "{"))
		check(t, rec, "a2 connected large br-int 3.1.0", "a2 interfaces veth1(web1,,)@1")
		// What was handled, or failed, counts no more.
		for range largeMessages + 1 {
			large.update(`{` + strings.Repeat(" ", 2*smallMessage) + `}`)
		}
		large.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":5}}}}`)
		check(t, rec, "a2 interfaces veth1(web1,,)@5")
	})
}

// The rows of all views together have a bound, and are given back.
func TestPoolBoundsAllViews(t *testing.T) {
	const limit = 4 * smallView
	p := newPool(limit)
	all := p.nodes.rows.Load()
	rows := largeRows(limit * 9 / 10)
	fill := func() (*view, error) {
		v := newView("br-int", limit, partOf(p))
		return v, v.apply([]byte(rows))
	}
	var views []*view
	for {
		v, err := fill()
		views = append(views, v)
		if err != nil {
			if !strings.Contains(err.Error(), "no more room") {
				t.Fatal(err)
			}
			break
		}
		if len(views) > 10*largeViews {
			t.Fatal("no bound")
		}
	}
	if len(views) < largeViews {
		t.Errorf("only %d views had room", len(views))
	}
	for _, v := range views {
		v.release()
	}
	if got := p.nodes.rows.Load(); got != all {
		t.Errorf("%d bytes given back, of %d", got, all)
	}
}

// A session that ends gives back what its view took.
func TestPoolSessionsGiveBack(t *testing.T) {
	p := newPool(1 << 20)
	all := p.nodes.rows.Load()
	sent := `{"id":"monitor","error":null,"result":` + largeRows(1<<20) + `}`
	if _, err := replay([]byte(sent), p); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("session ended with %v", err)
	}
	if got := p.nodes.rows.Load(); got != all {
		t.Errorf("%d bytes given back, of %d", got, all)
	}
}

// partOf returns a part of a pool, of a node.
func partOf(p *pool) *part {
	return &part{pool: p, from: addr("node"), known: func() bool { return true }, drop: func() {}}
}

// largeRows returns a <table-updates2> of about the given size.
func largeRows(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, `,"20000000-0000-4000-8000-%012d":{"initial":{"name":"%0100d"}}`, i, i)
	}
	return `{"Interface":{` + b.String()[1:] + `}}`
}
