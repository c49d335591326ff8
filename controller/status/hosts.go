package status

// KnownHost reports whether a node's switch is, or was last, connected from a host.
func (b *Board) KnownHost(host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hosts[host] > 0
}

// moveHost records the host of a node's connection, "" for none. The caller holds the lock.
func (b *Board) moveHost(n *boardNode, host string) {
	if n.host != "" {
		if b.hosts[n.host]--; b.hosts[n.host] == 0 {
			delete(b.hosts, n.host)
		}
	}
	if n.host = host; host != "" {
		b.hosts[host]++
	}
}
