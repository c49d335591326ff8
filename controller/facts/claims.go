package facts

import (
	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/openflow"
)

// MaxPortName is the length of the longest interface name in OpenFlow, in bytes; longer ones
// are truncated: OFP_MAX_PORT_NAME_LEN without the NUL (OpenFlow 1.3.5, 7.2.1).
const MaxPortName = 15

// Claims returns the part of OVSDB's report from which bindings follow: the interfaces that
// can be a port, and those whose truncated name may equal that of one.
func Claims(ifaces []*ovsdb.Interface) []binding.Interface {
	var out []binding.Interface
	for _, i := range ifaces {
		if !i.Bindable() && len(i.Name) < MaxPortName {
			continue
		}
		out = append(out, binding.Interface{
			Name: i.Name, OFPort: numberOf(i.OFPort),
			IfaceID: i.IfaceID, ContainerID: i.ContainerID, ContainerIface: i.ContainerIface,
			Inactive: i.IfaceStatus == "inactive",
		})
	}
	return out
}

// ovsdbLocal is OFPP_LOCAL as OVSDB gives it, in the 16 bits of OpenFlow 1.0.
const ovsdbLocal = 0xfffe

// numberOf returns the OpenFlow 1.3 number for the column ofport, and 0 for a number that no
// interface has.
func numberOf(ofport int64) uint32 {
	switch {
	case ofport == ovsdbLocal:
		return uint32(openflow.PortLocal)
	case ofport < 0 || ofport > int64(openflow.PortMax):
		return 0
	}
	return uint32(ofport)
}
