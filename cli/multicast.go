package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

// groupsPage is how many groups are read at once.
const groupsPage = 500

type multicastOptions struct {
	app    *app
	limit  int
	output output
}

func newMulticastCmd(a *app) *cobra.Command {
	o := &multicastOptions{app: a}
	cmd := &cobra.Command{
		Use:   "multicast NETWORK",
		Short: "List the multicast groups that ports of a network have joined",
		Long: `List the multicast groups that have members in a network with 'multicast: snoop', and
the ports that have joined them, as hosts behind these ports have reported by IGMP or
MLD. A host that reports no more counts as a member for 260 s. Groups that go to all
ports, such as 224.0.0.251 of multicast DNS, are not listed.`,
		Example: `  sdnctl multicast blue
  sdnctl multicast blue --limit 10 -o yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: a.completeNames(api.KindNetwork, 1),
	}
	cmd.Flags().IntVar(&o.limit, "limit", 0, "list at most so many groups, `N` (default all)")
	mustComplete(cmd, "limit")
	o.output.flags(a, cmd)
	return cmd
}

func (o *multicastOptions) run(ctx context.Context, network string) error {
	if o.limit < 0 {
		return usageErrorf("--limit %d: give 1 or more, or leave it out for all", o.limit)
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	all := api.MulticastGroups{Network: network, Items: []api.MulticastGroup{}}
	for {
		page := groupsPage
		if o.limit > 0 {
			page = min(page, o.limit-len(all.Items))
		}
		groups, err := client.MulticastGroups(ctx, network, page, all.Continue)
		if err != nil {
			return err
		}
		all.Items, all.Continue = append(all.Items, groups.Items...), groups.Continue
		if all.Continue == "" || len(all.Items) == o.limit {
			break
		}
	}
	if !o.output.table() {
		return o.output.data(all)
	}
	if len(all.Items) == 0 {
		o.app.note("no port of the network has joined a group")
		return nil
	}
	if err := printTable(&o.output, []column[api.MulticastGroup]{
		{header: "GROUP", cell: func(g api.MulticastGroup) string { return g.Group }},
		{header: "MEMBERS", cell: func(g api.MulticastGroup) string { return strconv.Itoa(g.Count) }},
		{header: "PORTS", cell: memberPorts},
	}, all.Items); err != nil {
		return err
	}
	if all.Continue != "" {
		o.app.note("there are more groups after %s", all.Continue)
	}
	return nil
}

// memberPorts returns the first ports that have joined a group, each with its node.
func memberPorts(g api.MulticastGroup) string {
	const named = 8
	var ports []string
	for _, m := range g.Members[:min(named, len(g.Members))] {
		ports = append(ports, m.Port+" ("+m.Node+")")
	}
	if more := g.Count - len(ports); more > 0 {
		ports = append(ports, fmt.Sprintf("%d more", more))
	}
	return strings.Join(ports, ", ")
}
