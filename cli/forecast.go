package cli

import (
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// forecastText describes the effect of a change on the flows of nodes; "" if it has none.
func forecastText(f *api.Forecast) string {
	if f == nil {
		return ""
	}
	var parts []string
	switch {
	case f.FlowMods == nil:
		parts = append(parts, "flows: too many to count")
	case *f.FlowMods > 0:
		parts = append(parts, fmt.Sprintf("flows: %s on %s would change", count(*f.FlowMods, "flow"), count(*f.Nodes, "node")))
	}
	if p := f.PolicyFlows; p != nil {
		text := fmt.Sprintf("policies: at most %s on a node (%s, %d now", count(p.After, "flow"), p.Node, p.Before)
		if p.Limit > 0 {
			text += fmt.Sprintf("; limit %d", p.Limit)
		}
		parts = append(parts, text+")")
	}
	return strings.Join(parts, "; ")
}

// noteForecast prints the effect of a change on flows.
func (a *app) noteForecast(f *api.Forecast) {
	if text := forecastText(f); text != "" {
		a.note("%s", text)
	}
}
