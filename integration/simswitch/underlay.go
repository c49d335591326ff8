package simswitch

import (
	"bytes"
	"context"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
)

// Underlay carries packets between the switches of a fleet: those that a controller has a switch send to the tunnel
// address of another one.
type Underlay struct {
	// Address returns the tunnel address of a switch, by its name and its index in the names of the fleet.
	Address func(name string, i int) netip.Addr
	// Arrive returns what a switch sends to its controllers when a packet comes to it; ok is false if
	// nothing. It must not keep the packet.
	Arrive func(s *Switch, packet []byte) (in openflow.PacketIn, ok bool)
}

// maxOnTheWay is how many packets are under way at a time. Others are lost, as on a link.
const maxOnTheWay = 1024

// onTheWay is a packet between two switches.
type onTheWay struct {
	to     *Switch
	packet []byte
}

// carry delivers what switches send to each other until ctx ends.
func (f *Fleet) carry(ctx context.Context) {
	for {
		select {
		case p := <-f.underlay:
			if in, ok := f.cfg.Underlay.Arrive(p.to, p.packet); ok {
				p.to.PacketIn(in)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tunnelled takes a packet that a switch sends to a tunnel address. It returns at once: the caller has the lock of
// the switch.
func (f *Fleet) tunnelled(to netip.Addr, packet []byte) {
	s := f.byAddress[to]
	if s == nil {
		return
	}
	select {
	case f.underlay <- onTheWay{s, bytes.Clone(packet)}:
	default:
	}
}

// tunnelDestination returns the tunnel address that actions set before they output to a port of the switch; the zero
// Addr if they do not.
func tunnelDestination(actions []byte) (to netip.Addr) {
	for len(actions) > 0 {
		switch be.Uint16(actions) {
		case actSetField:
			oxm := actions[4:]
			for o := range openflow.Match(oxm[:4+int(oxm[3])]).All() {
				if o.Field == openflow.FieldTunIPv4Dst || o.Field == openflow.FieldTunIPv6Dst {
					to, _ = netip.AddrFromSlice(o.Value)
				}
			}
		case actOutput:
			if openflow.PortNo(be.Uint32(actions[4:])) != openflow.PortController {
				return to
			}
		}
		actions = actions[be.Uint16(actions[2:]):]
	}
	return netip.Addr{}
}

// NumFlowsIn returns the number of flows in a table.
func (s *Switch) NumFlowsIn(table openflow.TableID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tables.perTable[uint8(table)]
}
