package session

import (
	"fmt"
	"strings"
)

// VersionError says that a switch does not speak OpenFlow 1.3.
type VersionError struct {
	// Offered are the wire versions that the switch offers, ascending: 1 is
	// OpenFlow 1.0, 4 is 1.3, 6 is 1.5.
	Offered []uint8
}

// Error names the versions and what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("switch offers %s but not OpenFlow 1.3: allow it, in Open vSwitch with 'ovs-vsctl set bridge BRIDGE protocols=OpenFlow13'", e.Names())
}

// Names returns the names of the versions that the switch offers, such as
// "OpenFlow 1.0, OpenFlow 1.1".
func (e *VersionError) Names() string {
	names := make([]string, len(e.Offered))
	for i, v := range e.Offered {
		names[i] = versionName(v)
	}
	offered := strings.Join(names, ", ")
	if offered == "" {
		offered = "no version"
	}
	return offered
}

// versionName returns the name of a wire version.
func versionName(v uint8) string {
	if v >= 1 && v <= 6 {
		return fmt.Sprintf("OpenFlow 1.%d", v-1)
	}
	return fmt.Sprintf("wire version 0x%02x", v)
}
