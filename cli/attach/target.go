package attach

import (
	"fmt"
	"strconv"
	"strings"
)

// The keys under which an attachment is recorded: a label of the port, and external_ids of
// the interface on the bridge.
const (
	// TargetLabel is the label of a port that attach declared. Its value is a Target.
	TargetLabel = "node/attach"
	// TargetKey is the key of the Target in external_ids.
	TargetKey = "sdnctl-attach"
	// PortKey is the key of the port's name in external_ids.
	PortKey = "sdnctl-port"
	// InnerKey is the key of the name of the interface in the namespace.
	InnerKey = "sdnctl-interface"
	// RouteKey has the value "default", or "none" if no default route was requested.
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

// Target identifies the container, namespace or process of an attachment. A container keeps
// its Target when it restarts.
type Target struct {
	Kind Kind
	ID   string
}

// String returns the form in which the target is recorded, such as "docker/3fa9…".
func (t Target) String() string { return string(t.Kind) + "/" + t.ID }

// ParseTarget parses the result of String.
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
	return Target{}, fmt.Errorf("%q is not a container, namespace or process", text)
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
