package api

import (
	"encoding/json"
	"fmt"

	"github.com/sdnctl/sdnctl/topology/model"
)

// Resource is a declared object whose spec is an S and whose status is a T.
type Resource[S, T any] struct {
	Kind   Kind              `json:"kind" doc:"Kind of the object"`
	Name   string            `json:"name" doc:"Name of the object"`
	Labels map[string]string `json:"labels,omitempty" doc:"Labels to select objects by" example:"{\"app\":\"web\"}"`
	Spec   S                 `json:"spec" doc:"Desired state"`
	Status *T                `json:"status,omitempty" doc:"Observed state; ignored on input" readOnly:"true"`
	Meta   *Meta             `json:"meta,omitempty" doc:"Set by sdnd; ignored on input" readOnly:"true"`
}

// The kinds of objects. Package model has their specs.
type (
	// Node is a machine whose Open vSwitch sdnd controls.
	Node = Resource[model.NodeSpec, NodeStatus]
	// Network is a virtual network: a VNI with its subnets.
	Network = Resource[model.NetworkSpec, NetworkStatus]
	// Router joins networks, so that each reaches the addresses of the others.
	Router = Resource[model.RouterSpec, RouterStatus]
	// Port attaches one interface of a container or VM to a network.
	Port = Resource[model.PortSpec, PortStatus]
)

// Shown is a Resource of any kind.
type Shown interface {
	// Object returns the resource in its general form.
	Object() (Object, error)
}

// Object returns the resource in its general form.
func (r *Resource[S, T]) Object() (Object, error) {
	o := Object{Kind: r.Kind, Name: r.Name, Labels: r.Labels, Meta: r.Meta}
	var err error
	if o.Spec, err = json.Marshal(r.Spec); err == nil {
		o.Status, err = json.Marshal(r.Status)
	}
	if err != nil {
		return Object{}, fmt.Errorf("encode %s: %w", o.Ref(), err)
	}
	return o, nil
}
