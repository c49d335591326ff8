package crowd

import "net"

// Host returns the machine of an address: its IP address, or the whole of one
// that has no port.
func Host(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
