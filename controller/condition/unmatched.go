package condition

import (
	"fmt"
	"strings"
)

// MaxUnmatched is the largest number of unmatched interfaces that a node's condition names.
const MaxUnmatched = 4

// Unmatched lists the interfaces of a node's bridge that claim a port by an id that no port
// has.
type Unmatched struct {
	// First are the first of them by name, at most MaxUnmatched; Total is how many there are.
	First []UnmatchedInterface
	Total int
}

// UnmatchedInterface is an interface that claims a port by an id that no port has.
type UnmatchedInterface struct {
	Interface, ID string
	// ByContainer says that the id comes from external_ids:container_id and not from iface-id.
	ByContainer bool
}

func (s UnmatchedInterface) key() string {
	if s.ByContainer {
		return "container_id"
	}
	return "iface-id"
}

// unmatched adds the condition for interfaces that match no port.
func unmatched(l *list, f NodeFacts) {
	if len(f.Unmatched.First) == 0 {
		return
	}
	var named []string
	for _, s := range f.Unmatched.First {
		named = append(named, fmt.Sprintf("%s (%s=%s)", s.Interface, s.key(), s.ID))
	}
	if more := f.Unmatched.Total - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	first := f.Unmatched.First[0]
	l.add(UnknownInterfaceID,
		"no port has the id that these interfaces of "+f.Bridge+" carry in their external_ids: "+strings.Join(named, ", ")+"; their packets are dropped",
		fmt.Sprintf("declare the port: sdnctl port create NAME --network NETWORK --interface-id %s; or on %s take the id away: ovs-vsctl remove interface %s external_ids %s",
			first.ID, f.Name, first.Interface, first.key()))
}
