package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type statusOptions struct {
	app    *app
	output output
}

func newStatusCmd(a *app) *cobra.Command {
	o := &statusOptions{app: a}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show at a glance whether all is well",
		Long:  `Show what is declared, and which nodes are connected and have everything.`,
		Example: `  sdnctl status
  sdnctl status -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.output.flags(cmd)
	return cmd
}

func (o *statusOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if !o.output.table() {
		return o.output.data(s)
	}
	w := o.output.w
	fmt.Fprintf(w, "sdnd %s, up %s, revision %d\n", s.Version, age(o.app.env.Now(), s.StartedAt), s.Revision)
	fmt.Fprintf(w, "%s, %s, %s, %s\n", count(s.Nodes, "node"), count(s.Networks, "network"), count(s.Routers, "router"), count(s.Ports, "port"))
	if s.NodesConnected == s.Nodes && s.NodesInSync == s.Nodes {
		fmt.Fprintln(w, "every node is connected and in sync")
	} else {
		fmt.Fprintf(w, "%s: %d connected, %d in sync\n", count(s.Nodes, "node"), s.NodesConnected, s.NodesInSync)
		if err := o.behind(ctx, client); err != nil {
			return err
		}
	}
	for _, text := range s.Insecure {
		fmt.Fprintf(w, "insecure: %s\n", text)
	}
	if s.Switches > 0 {
		fmt.Fprintf(w, "%s of no node; see: sdnctl switches\n", count(s.Switches, "connected switch"))
	}
	return nil
}

// count writes a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "h"):
		thing += "es"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// behind shows the nodes that are not as they should be.
func (o *statusOptions) behind(ctx context.Context, client *api.Client) error {
	list, err := client.Objects(ctx, api.KindNode, api.ListOptions{})
	if err != nil {
		return err
	}
	var behind []api.Object
	for _, object := range list.Items {
		var s api.NodeStatus
		if json.Unmarshal(object.Status, &s) != nil || !s.Connected || !s.InSync {
			behind = append(behind, object)
		}
	}
	fmt.Fprintln(o.output.w)
	return nodeKind().print(&o.output, o.app.env.Now(), behind)
}
