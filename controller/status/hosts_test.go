package status

import (
	"testing"
	"time"
)

// TestKnownHosts: an address is a node's from its connection until the node connects from
// another, or is deleted.
func TestKnownHosts(t *testing.T) {
	b := New(time.Now, "br-int", false)
	known := func(host string, want bool) {
		t.Helper()
		if got := b.KnownHost(host); got != want {
			t.Errorf("%s is known: %v", host, got)
		}
	}
	one, two := &boardNode{}, &boardNode{}
	b.moveHost(one, "192.0.2.1")
	b.moveHost(two, "192.0.2.1")
	known("192.0.2.1", true)
	known("192.0.2.2", false)
	b.moveHost(one, "192.0.2.2")
	known("192.0.2.1", true)
	known("192.0.2.2", true)
	b.moveHost(two, "")
	b.moveHost(one, "")
	known("192.0.2.1", false)
	if len(b.hosts) != 0 {
		t.Errorf("%v is left", b.hosts)
	}
}
