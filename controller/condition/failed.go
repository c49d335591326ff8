package condition

import "strings"

// Failed is an interface whose device Open vSwitch cannot open.
type Failed struct {
	Place
	// Error is the value of OVSDB's column error.
	Error string
	// Target is what "sdnctl attach" gave the interface to, such as "docker/3fa9"
	// (external_ids:sdnctl-attach); "" if attach did not create the interface.
	Target string
	// Container is the id or name in external_ids:container_id; "" without one.
	Container string
}

// failed adds the condition of a port whose interface has lost its device.
func failed(l *list, f PortFacts) {
	l.add(InterfaceFailed, "its interface "+f.Failed.String()+" has no device: "+f.Failed.Error,
		"on "+f.Failed.Node+", when what the interface is for runs: "+f.Failed.again(f.Name, f.Bridge))
}

// again returns the command that attaches the interface again.
func (x Failed) again(port, bridge string) string {
	switch kind, id, _ := strings.Cut(x.Target, "/"); {
	case kind == "docker":
		return "sdnctl attach --again"
	case kind == "netns", kind == "pid":
		return "sdnctl attach " + port + " --" + kind + " " + id
	case x.Container != "":
		return "ovs-vsctl del-port " + bridge + " " + x.Interface + ", and ovs-docker add-port " + bridge + " DEVICE " + x.Container + " with its options again"
	}
	return "make the device " + x.Interface + " again, or remove the interface: ovs-vsctl del-port " + bridge + " " + x.Interface
}
