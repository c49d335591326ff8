package store

import (
	"net/netip"
	"time"
)

// Observations are what was observed on nodes. They belong to no revision, and let sdnd
// compile the same flows after a restart, before the switches have reported. They are
// those that were saved last; it is no error if there are none.
type Observations interface {
	// Bindings returns all bindings, by port. SaveBindings replaces those of the ports
	// that it names, all or none; the last one of a port counts. They are durable when
	// it returns nil. Its error wraps ErrNoSpace if there is no room.
	Bindings() ([]Binding, error)
	SaveBindings([]Binding) error
	// Locals and SaveLocals do the same for the addresses of tunnel ports, and the ports to uplinks, by
	// node.
	Locals() ([]Local, error)
	SaveLocals([]Local) error
	// Healths and SaveHealths do the same for what health checks found, by service and port.
	Healths() ([]Health, error)
	SaveHealths([]Health) error
	// Leavings and SaveLeavings do the same for what leaves services, by service, port and way.
	Leavings() ([]Leaving, error)
	SaveLeavings([]Leaving) error
	// Joins and SaveJoins do the same for which ports have joined multicast groups, by port and group.
	Joins() ([]Join, error)
	SaveJoins([]Join) error
}

// Leaving is since when a service with a draining time gives a backend no new connections.
type Leaving struct {
	Service string `json:"service"`
	Port    string `json:"port"`
	// Of is the port of the service and the number of the backend's, as in tcp/80:8080.
	Of    string    `json:"of"`
	Since time.Time `json:"since"`
	// Ended says that its connections are cut.
	Ended bool `json:"ended,omitempty"`
	// Gone in SaveLeavings forgets it. Leavings never returns it.
	Gone bool `json:"-"`
}

// Key is the service, the port, and by which port the one reaches the other.
func (l Leaving) Key() string { return l.Service + "\x00" + l.Port + "\x00" + l.Of }

// Health is what the last health checks of a service's backend found.
type Health struct {
	Service string `json:"service"`
	Port    string `json:"port"`
	// Healthy says that the backend gets new connections, and Why why not.
	Healthy bool   `json:"healthy,omitempty"`
	Why     string `json:"why,omitempty"`
	// Gone in SaveHealths forgets the backend. Healths never returns it.
	Gone bool `json:"-"`
}

// Key is the backend's: a service and a port.
func (h Health) Key() string { return h.Service + "\x00" + h.Port }

// Binding is where the interface of a port was last seen.
type Binding struct {
	Port      string `json:"-"`
	Node      string `json:"node"`
	Interface string `json:"interface"`
	// OFPort is the interface's OpenFlow number when it was seen there; 0 when
	// that was not noted.
	OFPort uint32 `json:"ofport,omitempty"`
	// LinkDown says that its link was down.
	LinkDown bool `json:"linkDown,omitempty"`
	// Gone in SaveBindings forgets the port. Bindings never returns it.
	Gone bool `json:"-"`
}

// Local is the address that a node's tunnel port was last seen to send from, its UDP port, and the
// node's ports to uplinks. SaveLocals forgets the node if all of them are empty.
type Local struct {
	Node string `json:"-"`
	// Addr is the zero Addr if the port sends from no fixed address, UDP 0 if its UDP port is
	// VXLAN's own.
	Addr netip.Addr `json:"addr,omitzero"`
	UDP  uint16     `json:"udp,omitempty"`
	// Uplinks are the OpenFlow numbers of the ports to bridges, by the bridge, and to the node's
	// kernel, under "".
	Uplinks map[string]uint32 `json:"uplinks,omitempty"`
}

// Notes are small things that the daemon has to remember beside the topology. They are
// of no revision, and a restore leaves them.
type Notes interface {
	// Note returns what SetNote kept under a key; nil for nothing. The caller owns it.
	Note(key string) ([]byte, error)
	// SetNote replaces what is kept under a key. It is durable when SetNote returns nil.
	SetNote(key string, value []byte) error
}

// Join says that a port has joined a multicast group.
type Join struct {
	Port  string     `json:"port"`
	Group netip.Addr `json:"group"`
	// Number is what distinguishes the group on switches.
	Number uint32 `json:"number"`
	// Gone in SaveJoins forgets it. Joins never returns it.
	Gone bool `json:"-"`
}

// Key is the port and the group.
func (j Join) Key() string { return j.Port + "\x00" + j.Group.String() }
