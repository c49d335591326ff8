package openflow

import "net/netip"

// NAT is how CT translates addresses and ports (ovs-actions(7), nat). The zero NAT does
// with a packet what was decided when its connection was committed.
type NAT struct {
	// Direction, when a connection is committed, is the end that is translated.
	Direction NATDirection
	// First..Last, both included, are the addresses to choose from, of one family. Last
	// may be left out if there is one.
	First, Last netip.Addr
	// FirstPort..LastPort, both included, are the ports to choose from; 0 leaves the port
	// as it is, unless another connection has it. LastPort may be left out if there is one.
	FirstPort, LastPort uint16
}

// NATDirection is an end of a connection.
type NATDirection uint16

// The ends that can be translated.
const (
	// NATNone commits nothing.
	NATNone NATDirection = 0
	// NATSource translates the source of the connection's first packet.
	NATSource NATDirection = natSrc
	// NATDestination translates its destination.
	NATDestination NATDirection = natDst
)

// action returns the action as it is nested in CT; nothing if n is nil.
func (n *NAT) action() Actions {
	if n == nil {
		return nil
	}
	var present uint16
	var ranges []byte
	for i, a := range []netip.Addr{n.First, n.Last} {
		if !a.IsValid() || i == 1 && a == n.First {
			continue
		}
		bit := uint16(natIPv4Min)
		if a.Is6() {
			bit = natIPv6Min
		}
		present |= bit << i
		ranges = append(ranges, a.AsSlice()...)
	}
	for i, p := range []uint16{n.FirstPort, n.LastPort} {
		if p == 0 || i == 1 && p == n.FirstPort {
			continue
		}
		present |= natProtoMin << i
		ranges = be.AppendUint16(ranges, p)
	}
	length := 16 + len(ranges)
	a := Actions(nil).nicira(nxNAT, (length+7)/8*8)
	a = append(a, 0, 0)
	a = be.AppendUint16(a, uint16(n.Direction))
	a = be.AppendUint16(a, present)
	a = append(a, ranges...)
	for len(a)%8 != 0 {
		a = append(a, 0)
	}
	return a
}
