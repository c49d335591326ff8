package reconcile

import (
	"net"
	"net/netip"
)

// addrOf returns the IP address of a net.Addr; the zero Addr for a unix socket.
func addrOf(a net.Addr) netip.Addr { return addrIn(a.String()) }

func addrIn(hostport string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
