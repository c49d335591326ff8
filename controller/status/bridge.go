package status

import "github.com/sdnctl/sdnctl/controller/condition"

// Bridge is the part of a node's status that comes from its bridge.
type Bridge struct {
	Name        string
	Standalone  bool               // its fail mode is standalone
	Disabled    condition.Disabled // how the tunnel port is kept from forwarding
	Tunnel      *condition.Tunnel  // nil while unknown
	OtherTunnel string             // a VXLAN port of the bridge with another name, "" for none
	Underlay    int                // MTU of the underlay in bytes, 0 while unknown
	ReadOnly    bool               // sdnd may not write to the node's database
}

// UpdateBridge records the facts of a node's bridge. usualDstPort is the default UDP port of
// VXLAN.
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

// equal reports whether f and o have the same facts.
func (f Bridge) equal(o Bridge) bool {
	a, b := f.Tunnel, o.Tunnel
	f.Tunnel, o.Tunnel = nil, nil
	return f == o && (a == nil) == (b == nil) && (a == nil || *a == *b)
}
