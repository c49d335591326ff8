package reconcile

import (
	"net"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// KnownAddress reports whether a node's switch is, or was last, connected from
// an address. It is for ovsdb.Config.
func (f *Fabric) KnownAddress(a net.Addr) bool {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	return f.board.hosts[connlimit.Host(a)] > 0
}

// moveHost notes that a node is at another host, "" for none. The caller holds
// the lock.
func (b *board) moveHost(n *boardNode, host string) {
	if n.host != "" {
		if b.hosts[n.host]--; b.hosts[n.host] == 0 {
			delete(b.hosts, n.host)
		}
	}
	if n.host = host; host != "" {
		b.hosts[host]++
	}
}
