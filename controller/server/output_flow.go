package server

import (
	"cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/worker"
)

// flowOf converts a flow to its form in the API.
func flowOf(v *worker.FlowView) api.Flow {
	return api.Flow{
		Table:     int(v.Flow.Table),
		TableName: v.TableName,
		Priority:  int(v.Flow.Priority),
		Match:     v.Flow.Match.String(),
		Actions:   v.Flow.Instructions.String(),
		Cookie:    v.Flow.Cookie.String(),
		Why:       v.Why,
		Packets:   v.Packets,
		Bytes:     v.Bytes,
		Installed: installed(v.Wanted, v.Installed),
		Object:    nameOf(v.Owner),
	}
}

// compareFlows orders flows as a packet passes them, then by match.
func compareFlows(a, b api.Flow) int {
	return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(b.Priority, a.Priority), compareTexts(a.Match, b.Match, a.Cookie, b.Cookie))
}

// compareTexts compares pairs of texts; the first pair that differs decides.
func compareTexts(pairs ...string) int {
	for i := 0; i < len(pairs); i += 2 {
		if c := cmp.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}
