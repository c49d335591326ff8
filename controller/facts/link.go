package facts

import (
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/openflow"
)

// Link is the state of an OpenFlow port. The zero Link forwards and has a carrier.
type Link struct {
	Disabled condition.Disabled
	// Down says that it has no carrier.
	Down bool
}

// Forwards reports whether the port takes and sends packets.
func (l Link) Forwards() bool { return !l.Down && !l.Disabled.Down }

// Carries reports whether what is sent to the port arrives, and what comes back: it forwards, and
// no setting of the switch drops what passes there.
func (l Link) Carries() bool { return l.Forwards() && !l.Disabled.NoForward && !l.Disabled.NoReceive }

// Links has the state of a switch's ports by number, without those that have the zero Link.
type Links map[openflow.PortNo]Link

// LinkOf returns the state of a port (OpenFlow 1.3.5, 7.2.1).
func LinkOf(p *openflow.Port) Link {
	return Link{
		Disabled: condition.Disabled{
			Down:      p.Config&openflow.PortDown != 0,
			NoForward: p.Config&openflow.PortNoFwd != 0,
			NoReceive: p.Config&openflow.PortNoRecv != 0,
		},
		Down: p.State&openflow.StateLinkDown != 0,
	}
}

// Set sets the state of a port, and reports whether that is a change.
func (links Links) Set(n openflow.PortNo, l Link) bool {
	if links[n] == l {
		return false
	}
	if links[n] = l; l == (Link{}) {
		delete(links, n)
	}
	return true
}
