package reconcile

import (
	"sync"
)

// connected are the switches of nodes that are connected. The dispatcher writes them, anyone
// reads them.
type connected struct {
	mu     sync.Mutex
	byNode map[string]*peer
}

// connect records which switch, or none, is a node's.
func (f *Fabric) connect(node string, p *peer) {
	f.connected.mu.Lock()
	defer f.connected.mu.Unlock()
	if p == nil {
		delete(f.connected.byNode, node)
		f.board.Connect(node, nil)
		return
	}
	f.connected.byNode[node] = p
	f.board.Connect(node, p.sess)
}

// peerOf returns a node's switch, or nil while it is not connected.
func (f *Fabric) peerOf(node string) *peer {
	f.connected.mu.Lock()
	defer f.connected.mu.Unlock()
	return f.connected.byNode[node]
}
