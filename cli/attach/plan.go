package attach

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// aliasPrefix is the prefix of the alias (ip-link(8)) of the devices that attach makes.
const aliasPrefix = "sdnctl attach "

// Link is the veth pair of an attachment.
type Link struct {
	// Host is the name of the end on the machine, Inner that of the end in the namespace.
	Host, Inner string
	// Target is the owner of the namespace of the inner end.
	Target Target
	MAC    string // of the inner end
	MTU    int    // in bytes
	// Addresses has one of each family at most, IPv4 first.
	Addresses []netip.Prefix
	// Gateways are those of the default routes, one of each family at most.
	Gateways []netip.Addr
	// Checksums turns checksum offload off, so that the kernel fills in the checksums of the
	// namespace's packets. The userspace datapath of Open vSwitch (datapath_type netdev)
	// would forward them without checksums.
	Checksums bool
}

// hasIPv6 reports whether the link has an IPv6 address.
func (l Link) hasIPv6() bool {
	return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// Alias returns the alias of the end on the machine.
func (l Link) Alias() string { return aliasPrefix + l.Target.String() }

// HostName returns the name of the end on the machine for a port. It is a function of the
// port's name and has 15 characters, the limit of the kernel and of OpenFlow 1.3.5, 7.2.1.
func HostName(port string) string {
	sum := sha256.Sum256([]byte(port))
	return "sdn" + hex.EncodeToString(sum[:6])
}

// Want is the desired state of an attachment on the machine.
type Want struct {
	Link Link
	// Port is the name of the port.
	Port string
	// ID is the value of external_ids:iface-id by which sdnd binds the interface to the port.
	ID     string
	Bridge string
	// NoDefaultRoute says that no default route is requested.
	NoDefaultRoute bool
}

// externalIDs returns the external_ids of the interface on the bridge. attached-mac is the key
// that OVN and libvirt use for the MAC of the other end.
func (w Want) externalIDs() map[string]string {
	route := "default"
	if w.NoDefaultRoute {
		route = "none"
	}
	return map[string]string{
		"iface-id": w.ID, "attached-mac": w.Link.MAC,
		PortKey: w.Port, TargetKey: w.Link.Target.String(), InnerKey: w.Link.Inner, RouteKey: route,
	}
}

// Found is the present state of an attachment on the machine.
type Found struct {
	Seen
	// Interface is the row of the link's host end in the Interface table of OVSDB; nil if
	// there is none.
	Interface *Interface
}

// Action is one step of making an attachment. The interface is sealed: only this package
// implements it.
type Action interface{ action() }

// The steps, in the order in which Plan returns them.
type (
	// RemoveInterface removes an interface from its bridge: its device is gone, or the wrong
	// one, or it is on another bridge.
	RemoveInterface struct{ Host string }
	// RemoveLink removes a veth pair whose inner end is not in the namespace.
	RemoveLink struct{ Host string }
	// MakeLink creates the veth pair.
	MakeLink struct{ Link Link }
	// ConfigureLink sets addresses, routes, MTU and MAC.
	ConfigureLink struct{ Link Link }
	// AddInterface adds the end on the machine to the bridge.
	AddInterface struct{ Want Want }
	// SetIDs sets the external_ids of the interface on the bridge.
	SetIDs struct{ Want Want }
)

func (RemoveInterface) action() {}
func (RemoveLink) action()      {}
func (MakeLink) action()        {}
func (ConfigureLink) action()   {}
func (AddInterface) action()    {}
func (SetIDs) action()          {}

// Plan returns the steps that turn the present state into the desired one; none if they are
// equal. It returns an *Error with Conflict if a name that the attachment needs is in use.
func Plan(w Want, f Found) ([]Action, error) {
	if err := obstacle(w, f); err != nil {
		return nil, err
	}
	var plan []Action
	paired, plugged := f.paired(), f.Interface != nil
	if plugged && (!paired || f.Interface.Bridge != w.Bridge || f.Interface.OFPort <= 0) {
		plan, plugged = append(plan, RemoveInterface{w.Link.Host}), false
	}
	if f.Host != nil && !paired {
		plan = append(plan, RemoveLink{w.Link.Host})
	}
	if !paired {
		plan = append(plan, MakeLink{w.Link}, ConfigureLink{w.Link})
	} else if !configured(w.Link, f.Seen) {
		plan = append(plan, ConfigureLink{w.Link})
	}
	if !plugged {
		plan = append(plan, AddInterface{w})
	} else if !includes(f.Interface.IDs, w.externalIDs()) {
		plan = append(plan, SetIDs{w})
	}
	return plan, nil
}

// obstacle returns an *Error with Conflict if an object that attach did not make, or that
// belongs to another target, has a name that the attachment needs.
func obstacle(w Want, f Found) error {
	l := w.Link
	if i := f.Interface; i != nil && i.IDs[TargetKey] == "" {
		return fault(Conflict, "remove it with: ovs-vsctl del-port "+l.Host,
			"the bridge %s has an interface %s that sdnctl attach did not make", i.Bridge, l.Host)
	}
	if f.Host != nil && !strings.HasPrefix(f.Host.Alias, aliasPrefix) {
		return fault(Conflict, "rename or remove it", "this machine has a device %s that sdnctl attach did not make", l.Host)
	}
	if f.Host != nil && f.Host.Alias != l.Alias() {
		other := strings.TrimPrefix(f.Host.Alias, aliasPrefix)
		if t, err := ParseTarget(other); err == nil {
			other = t.Describe()
		}
		return fault(Conflict, "detach it first with: sdnctl detach "+w.Port+" (or attach under another name with --port)",
			"port %s is attached to %s", w.Port, other)
	}
	if f.Inner != nil && !f.paired() {
		return fault(Conflict, "start the container with --network none, or give the new interface another name with --interface",
			"%s already has an interface %s", l.Target.Describe(), l.Inner)
	}
	return nil
}

// configured reports whether a veth pair is configured as the link says.
func configured(l Link, s Seen) bool {
	in := s.Inner
	return s.Host.Up && in.Up && s.Host.MTU == l.MTU && in.MTU == l.MTU && in.MAC == l.MAC &&
		slices.Equal(in.Addresses, l.Addresses) && slices.Equal(in.Gateways, l.Gateways) && in.Offload != l.Checksums
}

// includes reports whether all has the entries of part.
func includes(all, part map[string]string) bool {
	for k := range maps.Keys(part) {
		if all[k] != part[k] {
			return false
		}
	}
	return true
}
