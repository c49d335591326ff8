package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindUplink is the kind of uplinks.
const KindUplink Kind = "Uplink"

// Uplink is a way from nodes to what is not sdnd's.
type Uplink = Resource[model.UplinkSpec, UplinkStatus]

// UplinkStatus is who uses an uplink.
type UplinkStatus struct {
	Routers int `json:"routers" doc:"How many routers leave by it" example:"1"`
}
