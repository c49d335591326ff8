package connlimit

import "net"

// Host returns the client of an address: the IP address, or the whole address if it has
// no port.
func Host(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
