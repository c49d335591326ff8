package facts

import (
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// bridge is the reported state of one bridge.
type bridge struct {
	// name and links come from OpenFlow.
	name  string
	links Links
	// bridge is OVSDB's report of the bridge, nil while there is none; ifaces are its
	// interfaces sorted by name, and numbered those that have a port number.
	bridge   *ovsdb.Bridge
	ifaces   []*ovsdb.Interface
	numbered map[openflow.PortNo]*ovsdb.Interface
}

// iface returns the interface with a name, nil if OVSDB has reported none.
func (b *bridge) iface(name string) *ovsdb.Interface {
	at, found := slices.BinarySearchFunc(b.ifaces, name, func(i *ovsdb.Interface, name string) int { return strings.Compare(i.Name, name) })
	if !found {
		return nil
	}
	return b.ifaces[at]
}

// candidates returns the interfaces that the port with an OpenFlow number and name may be: the
// one with that number in OVSDB or, while OVSDB has none with the number, those with that name
// or whose name is truncated to it.
func (b *bridge) candidates(number openflow.PortNo, name string) (all []*ovsdb.Interface) {
	if i := b.numbered[number]; i != nil {
		return []*ovsdb.Interface{i}
	}
	if len(name) < MaxPortName {
		if i := b.iface(name); i != nil {
			all = append(all, i)
		}
		return all
	}
	at, _ := slices.BinarySearchFunc(b.ifaces, name, func(i *ovsdb.Interface, name string) int { return strings.Compare(i.Name, name) })
	for at < len(b.ifaces) && strings.HasPrefix(b.ifaces[at].Name, name) {
		all = append(all, b.ifaces[at])
		at++
	}
	return all
}

// otherTunnel returns the name of a VXLAN interface that is not the tunnel port, "" if there
// is none.
func (b *bridge) otherTunnel() string {
	for _, i := range b.ifaces {
		if i.Type == "vxlan" && i.Name != pipeline.TunnelPort {
			return i.Name
		}
	}
	return ""
}

// owns reports whether sdnd sets the options of an interface of the bridge.
func (b *bridge) owns(i *ovsdb.Interface, node string) bool {
	return i != nil && i.Joined != nil && i.Joined.Node == node && !b.bridge.ReadOnly
}
