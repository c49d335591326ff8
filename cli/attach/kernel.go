package attach

import (
	"io"
	"net/netip"
)

// Namespace is an open network namespace. It stays the same one even if the process or the
// name by which it was found disappears.
type Namespace interface {
	io.Closer
	// Own reports whether it is the namespace that this process is in.
	Own() bool
}

// Device is a network interface as the kernel reports it.
type Device struct {
	// Index is its number in its namespace, Peer that of the other end of a veth
	// pair in the other end's; 0 for what is not a veth.
	Index, Peer int
	// Alias is the text that attach has put on it (see [Link]).
	Alias string
	MAC   string
	MTU   int
	Up    bool
	// Addresses are those of both families, IPv4 first, without link-local ones.
	Addresses []netip.Prefix
	// Gateways are those of the default routes by this device, IPv4 first.
	Gateways []netip.Addr
	// Offload reports whether it leaves checksums to be filled in by who takes
	// the packets.
	Offload bool
}

// Seen is the kernel's part of an attachment; a device that does not exist is nil.
type Seen struct {
	// Host is the device of that name on the machine, Inner that in the
	// namespace.
	Host, Inner *Device
	// OtherDefault is the name of another device of the namespace that has a
	// default route, "" if none has; of IPv4 and of IPv6.
	OtherDefault [2]string
}

// family is the place of an address' family in Seen.OtherDefault.
func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// paired reports whether the two devices are the ends of one veth pair.
func (s Seen) paired() bool {
	return s.Host != nil && s.Inner != nil && s.Host.Peer == s.Inner.Index && s.Inner.Peer == s.Host.Index && s.Host.Peer != 0
}

// Veth is an end of a veth pair on the machine that attach made.
type Veth struct {
	Name, Alias string
}

// Kernel is the network configuration of this machine.
type Kernel interface {
	// Open opens the namespace of a file such as /run/netns/NAME or /proc/PID/ns/net.
	Open(path string) (Namespace, error)
	// Look returns the devices that have the names of a link's two ends.
	Look(ns Namespace, host, inner string) (Seen, error)
	// Make makes the veth pair of a link, with its alias and MAC, and not up.
	Make(ns Namespace, l Link) error
	// Configure sets both ends of a veth pair as the link says, and changes nothing else in
	// the namespace. It is idempotent.
	Configure(ns Namespace, l Link) error
	// Remove removes a device of the machine, and so its other end. It is no error if the
	// device does not exist.
	Remove(host string) error
	// Veths returns the ends on the machine of which the alias has the prefix.
	Veths(aliasPrefix string) ([]Veth, error)
}
