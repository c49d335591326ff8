package model

import (
	"fmt"
	"net/netip"
)

// Gateway is the address of a gateway. The zero Gateway means "not given".
type Gateway struct {
	netip.Addr
	// bits is one more than the prefix length that was given with the address; 0
	// if none was. Normal compares it with the range's and drops it.
	bits uint8
}

// GatewayOf returns the gateway with an address.
func GatewayOf(a netip.Addr) Gateway { return Gateway{Addr: a} }

// Equal reports whether two gateways are the same.
func (g Gateway) Equal(o Gateway) bool { return g == o }

// UnmarshalText reads an address. The prefix length of its range may follow it, as in
// the address of an interface: 10.0.0.1/24.
func (g *Gateway) UnmarshalText(b []byte) error {
	if p, err := netip.ParsePrefix(string(b)); err == nil {
		*g = Gateway{p.Addr(), uint8(p.Bits()) + 1}
		return nil
	}
	*g = Gateway{}
	return SetText(&g.Addr, string(b))
}

// normal checks a gateway and returns it, or the first address of its range where
// it is not given.
func (g Gateway) normal(in netip.Prefix, field string, bad Reporter) Gateway {
	if !g.IsValid() {
		return GatewayOf(FirstHost(in))
	}
	if bits := int(g.bits) - 1; g.bits != 0 && bits != in.Bits() {
		bad(Invalid, field, fmt.Sprintf("%s/%d has another prefix length than %s", g.Addr, bits, in), "give the address without it")
	}
	a := g.Unmap()
	if !isHost(in, a) {
		bad(Invalid, field, fmt.Sprintf("%s is not an address that a host in %s can have", a, in), fmt.Sprintf("give an address inside it, or leave it out for %s", FirstHost(in)))
		a = FirstHost(in)
	}
	return GatewayOf(a)
}
