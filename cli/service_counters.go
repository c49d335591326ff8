package cli

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
)

// showServiceCounters prints, below the details of a service, the number of connections to each
// backend.
func showServiceCounters(ctx context.Context, a *app, client *api.Client, o *output, service string) error {
	c, err := client.ServiceCounters(ctx, service)
	if err != nil || len(c.Backends) == 0 || len(c.Nodes) == 0 {
		return err
	}
	fmt.Fprintln(o.w)
	columns := []column[api.ServiceBackendCounters]{
		{header: "BACKEND", cell: func(b api.ServiceBackendCounters) string { return b.Port }},
		{header: "CONNECTIONS", cell: func(b api.ServiceBackendCounters) string { return fmt.Sprint(b.Connections) }},
	}
	if err := printTable(o, columns, c.Backends); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if !n.Counted {
			a.note("connections from %s are not counted: %s", n.Node, n.Reason)
		}
	}
	return nil
}
