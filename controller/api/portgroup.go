package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindPortGroup is the kind of port groups.
const KindPortGroup Kind = "PortGroup"

// PortGroup is a named set of ports.
type PortGroup = Resource[model.PortGroupSpec, PortGroupStatus]

// PortGroupStatus is the observed state of a port group: its members.
type PortGroupStatus struct {
	Count    int      `json:"count" doc:"How many ports are in the group" example:"2"`
	Ports    []string `json:"ports" doc:"Names of the first hundred, sorted; /v1/ports?group=NAME lists all of them" example:"[\"web1\",\"web2\"]"`
	Continue string   `json:"continue,omitempty" doc:"Name to continue after, with /v1/ports?group=NAME&continue=, if there are more" example:"web99"`
}

// MaxGroupPorts is the greatest number of ports in PortGroupStatus.
const MaxGroupPorts = 100
