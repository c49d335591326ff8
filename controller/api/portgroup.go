package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindPortGroup is the kind of port groups.
const KindPortGroup Kind = "PortGroup"

// PortGroup is a named set of ports.
type PortGroup = Resource[model.PortGroupSpec, PortGroupStatus]

// PortGroupStatus is which ports a group has.
type PortGroupStatus struct {
	Count    int      `json:"count" doc:"How many ports are in the group" example:"2"`
	Ports    []string `json:"ports" doc:"Their names in order, the first hundred; all of them are listed by /v1/ports?group=NAME" example:"[\"web1\",\"web2\"]"`
	Continue string   `json:"continue,omitempty" doc:"Name to continue after, with /v1/ports?group=NAME&continue=, if there are more" example:"web99"`
}

// MaxGroupPorts is how many ports PortGroupStatus names.
const MaxGroupPorts = 100
