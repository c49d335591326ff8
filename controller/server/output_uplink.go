package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// uplink shows an uplink.
func (v view) uplink(u *topology.Uplink) *api.Uplink {
	st := &api.UplinkStatus{}
	for range v.snap.RoutersBy(u.Name) {
		st.Routers++
	}
	return &api.Uplink{Kind: api.KindUplink, Name: u.Name, Labels: u.Labels, Spec: u.Spec, Status: st, Meta: metaOf(&u.Meta)}
}

func exampleUplink() api.Uplink {
	return api.Uplink{
		Kind: api.KindUplink, Name: "wan",
		Spec:   model.UplinkSpec{Type: model.UplinkHost, Ranges: model.DefaultUplinkRanges()},
		Status: &api.UplinkStatus{Routers: 1},
		Meta:   exampleMeta(),
	}
}
