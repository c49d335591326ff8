package pipeline

import (
	"net/netip"
	"testing"
)

// TestKernelSourcePorts: on an uplink of the type host a router has the half of the source ports that the kernel has for
// it, in four parts that overlap.
func TestKernelSourcePorts(t *testing.T) {
	for _, x := range []struct {
		router      string
		part        uint16
		first, last uint16
	}{
		{"198.18.0.4", 0, 1024, 17151},
		{"198.18.0.5", 1, 6400, 22527},
		{"198.18.0.4", 3, 17152, 33279},
		{"198.18.0.6", 0, 33280, 49407},
		{"198.18.0.7", 2, 44032, 60159},
		{"fd73:646e:6374::6", 3, 49408, 65535},
	} {
		got := kernelSourcePorts(netip.MustParseAddr(x.router), x.part)
		if got.FirstPort != x.first || got.LastPort != x.last || got.First.String() != x.router {
			t.Errorf("part %d of %s: %s, %d-%d, want %d-%d", x.part, x.router, got.First, got.FirstPort, got.LastPort, x.first, x.last)
		}
	}
}
