package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MaxNamedPorts is how many named ports a port may have.
const MaxNamedPorts = 32

// normalNamedPorts checks the named ports, and returns a copy of them in lower case.
func normalNamedPorts(named map[string]PolicyPort, bad Reporter) map[string]PolicyPort {
	if len(named) == 0 {
		return nil
	}
	if n := len(named); n > MaxNamedPorts {
		bad(Invalid, "spec.namedPorts", fmt.Sprintf("%d named ports, at most %d are allowed", n, MaxNamedPorts), "name those that rules use")
		return nil
	}
	all := make(map[string]PolicyPort, len(named))
	for _, name := range slices.Sorted(maps.Keys(named)) {
		at, p, lower := "spec.namedPorts."+name, named[name], strings.ToLower(name)
		var wrong *ValueError
		switch err := checkPortName(lower); {
		case errors.As(err, &wrong):
			bad(Invalid, at, wrong.Message, wrong.Fix)
		case !p.Protocol.HasPorts() || p.Any || p.Name != "" || p.First != p.Last:
			bad(Invalid, at, fmt.Sprintf("%q is not one port of a protocol", p), "write it as tcp/8080")
		case all[lower] != PolicyPort{}:
			bad(Invalid, at, "two named ports differ in upper and lower case only", "give them different names")
		default:
			all[lower] = p
		}
	}
	return all
}
