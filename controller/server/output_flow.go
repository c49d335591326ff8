package server

import (
	"cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
)

// flowOf turns a flow into its form in the API.
func flowOf(v *reconcile.FlowView) api.Flow {
	out := api.Flow{
		Table:     int(v.Flow.Table),
		TableName: v.TableName,
		Priority:  int(v.Flow.Priority),
		Match:     v.Flow.Match.String(),
		Actions:   v.Flow.Instructions.String(),
		Cookie:    v.Flow.Cookie.String(),
		Why:       v.Why,
		Packets:   v.Packets,
		Bytes:     v.Bytes,
		Installed: api.FlowForeign,
	}
	if v.Owner != (topology.Ref{}) {
		out.Object = v.Owner.String()
	}
	switch {
	case v.Wanted && v.Installed:
		out.Installed = api.FlowInstalled
	case v.Wanted:
		out.Installed = api.FlowMissing
	}
	return out
}

// compareFlows orders flows as a packet meets them, then by match.
func compareFlows(a, b api.Flow) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(b.Priority, a.Priority), compareTexts(a.Match, b.Match, a.Cookie, b.Cookie))
}

// compareTexts compares pairs of texts, the first that differ decide.
func compareTexts(pairs ...string) int {
	for i := 0; i < len(pairs); i += 2 {
		if c := cmp.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}
