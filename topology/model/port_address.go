package model

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PortAddress is what a port has beside its own addresses: a virtual address, the
// range of containers or of a network behind a virtual machine, or another MAC.
type PortAddress struct {
	// Prefix is stored only if it has several addresses; one alone is IP.
	IP     netip.Addr   `json:"ip,omitzero" doc:"An address" example:"10.0.0.100"`
	Prefix netip.Prefix `json:"prefix,omitzero" doc:"A range of addresses, instead of ip" example:"10.50.0.0/24"`
	MAC    MAC          `json:"mac,omitzero" doc:"MAC of these addresses; the port's when absent. Alone, a further MAC of the port's own addresses" example:"00:00:5e:00:01:0a"`
}

// PortSecurity says whether what a port sends is checked to come from its addresses.
type PortSecurity string

const (
	// PortSecurityStrict, as stored "", drops packets that do not.
	PortSecurityStrict PortSecurity = "strict"
	// PortSecurityOff lets the port send from any address.
	PortSecurityOff PortSecurity = "off"
)

// UnmarshalText reads it in any case.
func (p *PortSecurity) UnmarshalText(b []byte) error {
	*p = PortSecurity(strings.ToLower(string(b)))
	return nil
}

// MaxPortAddresses of one port, beside its own.
const MaxPortAddresses = 64

// Range returns the addresses as a prefix; ok is false if it is a MAC alone.
func (a PortAddress) Range() (p netip.Prefix, ok bool) {
	if a.IP.IsValid() {
		return netip.PrefixFrom(a.IP, a.IP.BitLen()), true
	}
	return a.Prefix, a.Prefix.IsValid()
}

// normalAddresses checks further addresses, and returns a copy of them.
func normalAddresses(all []PortAddress, bad Reporter) []PortAddress {
	all = cloned(all)
	if n := len(all); n > MaxPortAddresses {
		bad(Invalid, "spec.addresses", fmt.Sprintf("%d addresses, at most %d are allowed", n, MaxPortAddresses), "give ranges as prefixes")
		return nil
	}
	for i := range all {
		field := fmt.Sprintf("spec.addresses[%d]", i)
		normalAddress(&all[i], field, bad)
		r, ok := all[i].Range()
		for j, o := range all[:i] {
			if other, has := o.Range(); ok && has && r.Overlaps(other) || all[i] == o {
				bad(Invalid, field, fmt.Sprintf("has something in common with spec.addresses[%d]", j), "list each address once")
				break
			}
		}
	}
	return all
}

func normalAddress(a *PortAddress, field string, bad Reporter) {
	a.IP, a.Prefix = a.IP.Unmap(), a.Prefix.Masked()
	if a.Prefix.IsValid() && a.Prefix.IsSingleIP() && !a.IP.IsValid() {
		a.IP, a.Prefix = a.Prefix.Addr(), netip.Prefix{}
	}
	if a.MAC.IsMulticast() {
		bad(Invalid, field+".mac", a.MAC.String()+" is a multicast address (its first octet is odd)", "give a unicast MAC, or leave it out for the port's")
	}
	const private = "give an address that a host can have"
	switch {
	case a.IP.IsValid() && a.Prefix.IsValid():
		bad(Invalid, field, "has an ip and a prefix", "give one of the two")
	case a.IP.IsValid() && !zoned(a.IP, field+".ip", bad):
		if single := netip.PrefixFrom(a.IP, a.IP.BitLen()); !unicast(single) && !(a.IP.Is6() && a.IP.IsLinkLocalUnicast()) {
			bad(Invalid, field+".ip", a.IP.String()+" is not an address that a host can have", private)
		}
	case a.Prefix.IsValid():
		if shortest := [...]int{MinSubnetBits, MinSubnetBits6}[FamilyOf(a.Prefix.Addr())]; a.Prefix.Bits() < shortest {
			bad(Invalid, field+".prefix", fmt.Sprintf("a /%d is out of range", a.Prefix.Bits()), fmt.Sprintf("give a /%d or longer", shortest))
		} else if !unicast(a.Prefix) {
			bad(Invalid, field+".prefix", a.Prefix.String()+" has addresses that hosts cannot have", private)
		}
	case !a.IP.IsValid() && a.MAC.IsZero():
		bad(Invalid, field, "has neither an address nor a MAC", "give an ip, a prefix or a mac, or remove the entry")
	}
}

// MACs returns the further MACs of a port, each once.
func (s *PortSpec) MACs() (macs []MAC) {
	for _, a := range s.Addresses {
		if !a.MAC.IsZero() && !slices.Contains(macs, a.MAC) {
			macs = append(macs, a.MAC)
		}
	}
	return macs
}
