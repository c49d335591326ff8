package enroll

import (
	"net"
	"net/netip"
	"os"
	"slices"
)

// maxHosts bounds the addresses in sdnd's certificate. A machine that runs containers may
// have very many.
const maxHosts = 64

// Hosts returns the names and addresses of this machine: those of the loopback interface,
// its host name, and the addresses that others may reach it at. It leaves out what it
// cannot find out; sdnctl and nodes do not need it.
func Hosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && name != "" {
		hosts = append(hosts, name)
	}
	for _, a := range Addresses() {
		if len(hosts) == maxHosts {
			break
		}
		hosts = append(hosts, a.String())
	}
	return hosts
}

// Addresses returns the addresses at which others may reach this machine, beginning with
// those that it sends from.
func Addresses() []netip.Addr {
	var all []netip.Addr
	add := func(a netip.Addr) {
		if a = a.Unmap(); a.IsGlobalUnicast() && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	// The routing table knows; no packet is sent (RFC 5737 and 3849 addresses).
	for _, far := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		if conn, err := net.Dial("udp", far); err == nil {
			if local, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
				add(local.Addr())
			}
			conn.Close()
		}
	}
	found, err := net.InterfaceAddrs()
	if err != nil {
		return all // a sandbox without netlink
	}
	for _, f := range found {
		if n, ok := f.(*net.IPNet); ok {
			if a, ok := netip.AddrFromSlice(n.IP); ok {
				add(a)
			}
		}
	}
	return all
}
