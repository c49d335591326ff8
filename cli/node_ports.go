package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// nodePorts are the ports on nodes.
type nodePorts struct {
	// pinned are the ports that are pinned to the nodes, bound those that are bound on
	// one of the nodes and may move elsewhere.
	pinned, bound []api.Port
}

// portsOnNodes finds the ports on nodes, each of which must exist.
func portsOnNodes(ctx context.Context, client *api.Client, nodes []string) (nodePorts, error) {
	var found nodePorts
	for _, node := range nodes {
		if _, err := client.Node(ctx, node); err != nil {
			return found, err
		}
		list, err := client.Ports(ctx, api.ListOptions{Node: node})
		if err != nil {
			return found, err
		}
		for _, p := range list.Items {
			switch {
			case p.Spec.Node == node:
				found.pinned = append(found.pinned, p)
			case bound(p):
				found.bound = append(found.bound, p)
			}
		}
	}
	return found, nil
}

func bound(p api.Port) bool { return p.Status != nil && p.Status.Bound }

// refuse returns an error that names the bound ports among some, which would be
// disconnected, unless force permits that.
func refuse(ports []api.Port, force bool) error {
	var names []string
	for _, p := range ports {
		if bound(p) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 || force {
		return nil
	}
	shown := strings.Join(names[:min(len(names), shownPending)], ", ")
	if more := len(names) - shownPending; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return codedError{ExitConflict, fmt.Errorf("these ports are bound, and their containers would lose their network: %s\nnothing was changed; stop or move the containers first, or disconnect them with --force", shown)}
}

// printNodePorts prints what happens to each port.
func (a *app) printNodePorts(o *output, found nodePorts) error {
	type line struct {
		api.Port
		fate string
	}
	var lines []line
	for _, p := range found.pinned {
		lines = append(lines, line{p, "to be deleted"})
	}
	for _, p := range found.bound {
		lines = append(lines, line{p, "stays declared"})
	}
	if !o.table() {
		return o.data(append(found.pinned, found.bound...))
	}
	if len(lines) == 0 {
		a.note("there are no ports")
		return nil
	}
	slices.SortFunc(lines, func(x, y line) int { return strings.Compare(x.Name, y.Name) })
	return printTable(o, []column[line]{
		{header: "PORT", cell: func(l line) string { return l.Name }},
		{header: "NETWORK", cell: func(l line) string { return l.Spec.Network }},
		{header: "BOUND", cell: func(l line) string { return yesNo(bound(l.Port)) }},
		{header: "WHAT", cell: func(l line) string { return l.fate }},
	}, lines)
}
