package attach

import (
	"fmt"
	"strconv"
	"strings"
)

// The keys under which an attachment is recorded.
const (
	// TargetLabel is the label of a declared port that attach made. Its value is
	// a Target.
	TargetLabel = "node/attach"
	// TargetKey and PortKey are in external_ids of an interface of the bridge
	// that attach made: the Target, and the name of the port.
	TargetKey = "sdnctl-attach"
	PortKey   = "sdnctl-port"
	// InnerKey is the name of the interface in the namespace, and RouteKey says
	// whether its default route is set: "default", or "none" where that was not
	// wanted.
	InnerKey = "sdnctl-interface"
	RouteKey = "sdnctl-route"
)

// Kind is the kind of a Target.
type Kind string

// The kinds of targets.
const (
	// Docker is a Docker container, by its full id.
	Docker Kind = "docker"
	// Netns is a network namespace by its name, as "ip netns" lists it, or by the path
	// of its file.
	Netns Kind = "netns"
	// PID is the network namespace of a process.
	PID Kind = "pid"
)

// Target identifies the container, namespace or process that has an interface. A container
// keeps its Target over a restart.
type Target struct {
	Kind Kind
	ID   string
}

// String returns the form in which it is recorded, such as "docker/3fa9…".
func (t Target) String() string { return string(t.Kind) + "/" + t.ID }

// ParseTarget reads what String wrote.
func ParseTarget(text string) (Target, error) {
	kind, id, _ := strings.Cut(text, "/")
	t := Target{Kind(kind), id}
	switch {
	case id == "":
	case t.Kind == Docker, t.Kind == Netns:
		return t, nil
	case t.Kind == PID:
		if _, err := strconv.Atoi(id); err == nil {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("%q names no container, namespace or process", text)
}

// Describe returns the target in words.
func (t Target) Describe() string {
	switch t.Kind {
	case Docker:
		return "container " + t.ID[:min(len(t.ID), 12)]
	case Netns:
		return "network namespace " + t.ID
	}
	return "process " + t.ID
}
