package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/openflow"
)

// nameCut is the length in bytes from which OpenFlow may give a name in part
// only: OFP_MAX_PORT_NAME_LEN without the NUL (OpenFlow 1.3.5, 7.2.1).
const nameCut = 15

// identitiesOf returns what bindings follow from: the interfaces that can be a
// port, and those whose names may begin as that of one does.
func identitiesOf(ifaces []*ovsdb.Interface) []binding.Interface {
	var out []binding.Interface
	for _, i := range ifaces {
		if !i.Bindable() && len(i.Name) < nameCut {
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

// numberOf returns the OpenFlow 1.3 number for the column ofport; 0 for one that
// no interface has.
func numberOf(ofport int64) uint32 {
	switch {
	case ofport == ovsdbLocal:
		return uint32(openflow.PortLocal)
	case ofport < 0 || ofport > int64(openflow.PortMax):
		return 0
	}
	return uint32(ofport)
}
