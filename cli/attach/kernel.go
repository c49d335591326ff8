package attach

import (
	"io"
	"net/netip"
)

// Namespace is an open network namespace. It stays valid even if the process or the name by
// which it was found disappears.
type Namespace interface {
	io.Closer
	// Own reports whether it is the namespace of this process.
	Own() bool
}

// Device is a network interface as the kernel reports it.
type Device struct {
	// Index is its interface index in its namespace.
	Index int
	// Peer is the index of the other end of a veth pair, in the namespace of that end; 0 if
	// the device is not a veth.
	Peer int
	// Alias is the text that attach sets on it (see [Link]).
	Alias string
	MAC   string
	MTU   int // in bytes
	Up    bool
	// Addresses are those of both families, IPv4 first, without link-local IPv6 addresses.
	Addresses []netip.Prefix
	// Gateways are those of the default routes over this device, IPv4 first.
	Gateways []netip.Addr
	// Offload reports whether the device sends packets without checksums, for the receiver
	// to fill in (TX checksum offload).
	Offload bool
}

// Seen is the kernel's part of an attachment. A device that does not exist is nil.
type Seen struct {
	// Host is the device with the name of the outer end on the machine, Inner that with the
	// name of the inner end in the namespace.
	Host, Inner *Device
	// OtherDefault is the name of another device of the namespace that has a default route,
	// for IPv4 and for IPv6; "" if none has.
	OtherDefault [2]string
}

// family returns the index in Seen.OtherDefault of an address's family.
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

// Veth is the end on the machine of a veth pair that attach made.
type Veth struct {
	Name, Alias string
}

// Kernel is the network configuration of this machine.
type Kernel interface {
	// Open opens the namespace of a file such as /run/netns/NAME or /proc/PID/ns/net.
	Open(path string) (Namespace, error)
	// Look returns the devices that have the names of a link's two ends.
	Look(ns Namespace, host, inner string) (Seen, error)
	// Make creates the veth pair of a link, with its alias and MAC. The ends are down.
	Make(ns Namespace, l Link) error
	// Configure configures both ends of a veth pair as the link says, and changes nothing
	// else in the namespace. It is idempotent.
	Configure(ns Namespace, l Link) error
	// Remove removes a device of the machine, and with it the other end of its veth pair. It
	// is no error if the device does not exist.
	Remove(host string) error
	// Veths returns the veth ends on the machine whose alias has the prefix.
	Veths(aliasPrefix string) ([]Veth, error)
}
