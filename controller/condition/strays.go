package condition

import (
	"fmt"
	"strings"
)

// MaxStrays is how many interfaces without a port a node's condition names.
const MaxStrays = 4

// Strays are interfaces of a node's bridge that claim a port by an id that no
// port has.
type Strays struct {
	// First are at most MaxStrays of them, by name; Total is how many there are.
	First []Stray
	Total int
}

// Stray is an interface that claims a port by an id that no port has.
type Stray struct {
	Interface, ID string
	// ByContainer says that external_ids:container_id has the id, else iface-id.
	ByContainer bool
}

func (s Stray) key() string {
	if s.ByContainer {
		return "container_id"
	}
	return "iface-id"
}

// strays adds that interfaces of the bridge are no port.
func strays(l *list, f NodeFacts) {
	if len(f.Strays.First) == 0 {
		return
	}
	var named []string
	for _, s := range f.Strays.First {
		named = append(named, fmt.Sprintf("%s (%s=%s)", s.Interface, s.key(), s.ID))
	}
	if more := f.Strays.Total - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	first := f.Strays.First[0]
	l.add(UnknownInterfaceID,
		"no port has the id that these interfaces of "+f.Bridge+" carry in their external_ids: "+strings.Join(named, ", ")+"; their packets are dropped",
		fmt.Sprintf("declare the port: sdnctl port create NAME --network NETWORK --interface-id %s; or on %s take the id away: ovs-vsctl remove interface %s external_ids %s",
			first.ID, f.Name, first.Interface, first.key()))
}
