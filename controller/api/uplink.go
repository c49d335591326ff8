package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindUplink is the kind of uplinks.
const KindUplink Kind = "Uplink"

// Uplink connects nodes to networks outside of sdnd's control.
type Uplink = Resource[model.UplinkSpec, UplinkStatus]

// UplinkStatus is the observed state of an uplink.
type UplinkStatus struct {
	Routers int `json:"routers" doc:"How many routers send traffic out by it" example:"1"`
}
