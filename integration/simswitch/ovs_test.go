package simswitch_test

import (
	"net"
	"testing"

	"github.com/sdnctl/sdnctl/integration/ovstest"
)

// ovs is an Open vSwitch of the test's own.
type ovs struct {
	*ovstest.OVS
	// listeners that its bridge connects to, one for each connection.
	listeners []*net.TCPListener
}

// startOVS starts an Open vSwitch whose bridge makes so many connections. It
// skips the test if Open vSwitch is not installed.
func startOVS(tb testing.TB, connections int) *ovs {
	tb.Helper()
	o := &ovs{OVS: ovstest.Start(tb)}
	var addrs []string
	for range connections {
		ln := o.Listen()
		o.listeners = append(o.listeners, ln)
		addrs = append(addrs, ln.Addr().String())
	}
	o.SetController("0", addrs...)
	return o
}

// connect returns the i-th connection, made again if there was one before.
func (o *ovs) connect(i int) net.Conn { return o.Accept(o.listeners[i]) }
