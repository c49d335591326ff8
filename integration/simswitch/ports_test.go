package simswitch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestPorts compares what is said of ports that come, change and go. The
// simulator is given what Open vSwitch says of them.
func TestPorts(t *testing.T) {
	real := startOVS(t, 1)
	d := drive(t, real, 0)
	sim := simulate(t, simswitch.Config{Ports: portsOf(t, d)})
	simD := drive(t, sim, 0)
	status := func() *openflow.PortStatus {
		t.Helper()
		for {
			f := d.read()
			m, err := openflow.DecodeMessage(f)
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := m.(*openflow.PortStatus); ok {
				d.log = append(d.log, describe(t, f)...)
				return s
			}
		}
	}
	d.log = nil

	real.Vsctl("add-port", "br0", "p7", "--", "set", "interface", "p7", "type=dummy", "ofport_request=7")
	s := status()
	if s.Reason != openflow.PortAdded || s.Port.No != 7 {
		t.Fatalf("Open vSwitch says %+v", s)
	}
	if err := sim.AddPort(s.Port); err != nil {
		t.Fatal(err)
	}
	simD.await(1)

	for _, one := range []*driver{d, simD} {
		one.xid = 1000
		one.note("port-mods")
		mod := openflow.PortMod{No: 7, HWAddr: s.Port.HWAddr, Config: openflow.PortNoFwd, Mask: openflow.PortNoFwd}
		wrongNo, wrongAddr := mod, mod
		wrongNo.No, wrongAddr.HWAddr = 99, mac1
		one.send(encode(t, &mod), encode(t, &mod), encode(t, &wrongNo), encode(t, &wrongAddr), encode(t, openflow.PortDescRequest()))
	}

	real.Vsctl("del-port", "br0", "p7")
	if s := status(); s.Reason != openflow.PortDeleted || s.Port.No != 7 {
		t.Fatalf("Open vSwitch says %+v", s)
	}
	if !sim.RemovePort("p7") {
		t.Error("the simulator has no p7")
	}
	simD.await(1)
	if diff := cmp.Diff(changes(d.log), changes(simD.log)); diff != "" {
		t.Errorf("Open vSwitch (-) and the simulator (+) differ:\n%s", diff)
	}
}

// changes leaves out reports of a port that are no different from the one
// before: Open vSwitch reports that a port is live, which is left out of the
// comparison, when it gets to it.
func changes(log []string) string {
	var kept []string
	last := ""
	for _, line := range log {
		if words := strings.Fields(line); words[0] == "port_status" {
			const port = 2 * 16 // in hexadecimal digits; before it are header and reason
			if words[2][port:] == last && words[2][16:18] == "02" {
				continue
			}
			last = words[2][port:]
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

func TestAddPortErrors(t *testing.T) {
	s := simswitch.New(simswitch.Config{Ports: nodePorts()})
	for _, p := range []openflow.Port{
		{No: 0, Name: "x"}, {No: 0xff00, Name: "x"}, {No: openflow.PortAny, Name: "x"}, {No: 77},
		{No: 77, Name: "sixteen-bytes-xx"}, {No: 77, Name: "eth1"},
	} {
		if err := s.AddPort(p); err == nil {
			t.Errorf("port %v %q was taken", p.No, p.Name)
		}
	}
	if s.RemovePort("nobody") {
		t.Error("a port was removed that was not there")
	}
	if n := len(s.Ports()); n != len(nodePorts()) {
		t.Errorf("%d ports", n)
	}
}
