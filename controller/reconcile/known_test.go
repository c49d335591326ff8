package reconcile

import (
	"net"
	"testing"
	"time"
)

// TestKnownHosts: an address is a node's from its connection until the node is
// at another, or is no node any more.
func TestKnownHosts(t *testing.T) {
	f := &Fabric{board: newBoard(time.Now, "br-int")}
	at := func(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 7} }
	known := func(host string, want bool) {
		t.Helper()
		if got := f.KnownAddress(at(host)); got != want {
			t.Errorf("%s is known: %v", host, got)
		}
	}
	one, two := &boardNode{}, &boardNode{}
	f.board.moveHost(one, "192.0.2.1")
	f.board.moveHost(two, "192.0.2.1")
	known("192.0.2.1", true)
	known("192.0.2.2", false)
	f.board.moveHost(one, "192.0.2.2")
	known("192.0.2.1", true)
	known("192.0.2.2", true)
	f.board.moveHost(two, "")
	f.board.moveHost(one, "")
	known("192.0.2.1", false)
	if len(f.board.hosts) != 0 {
		t.Errorf("%v is left", f.board.hosts)
	}
}
