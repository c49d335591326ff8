package status

import "github.com/sdnctl/sdnctl/controller/condition"

// Bridge is the part of a node's status that comes from its bridge.
type Bridge struct {
	Name        string
	Standalone  bool
	Disabled    condition.Disabled // the tunnel port
	Tunnel      *condition.Tunnel  // nil while unknown
	OtherTunnel string
	Underlay    int // its MTU, 0 while unknown
	ReadOnly    bool
}

// UpdateBridge records the facts of a node's bridge.
func (b *Board) UpdateBridge(node string, f Bridge, usualDstPort string) {
	if f.Tunnel != nil {
		f.Tunnel.WantDstPort = usualDstPort
	}
	b.mu.Lock()
	n, ok := b.nodes[node]
	same := ok && n.bridge.equal(f)
	if ok {
		n.bridge = f
	}
	b.mu.Unlock()
	if ok && !same {
		b.Update(node, func(*Node) {})
	}
}

func (f Bridge) equal(o Bridge) bool {
	a, b := f.Tunnel, o.Tunnel
	f.Tunnel, o.Tunnel = nil, nil
	return f == o && (a == nil) == (b == nil) && (a == nil || *a == *b)
}
