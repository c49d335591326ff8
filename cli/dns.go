package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

func newDNSCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dns",
		Short:   "Export names of networks for other name servers",
		Example: "  sdnctl dns export blue",
		Args:    cobra.ArbitraryArgs,
		RunE:    runGroup,
	}
	cmd.AddCommand(newDNSExportCmd(a))
	return cmd
}

func newDNSExportCmd(a *app) *cobra.Command {
	o, zone := &output{}, api.ZoneOptions{}
	cmd := &cobra.Command{
		Use:   "export NETWORK",
		Short: "Print a network's names as a zone for other name servers",
		Long: `Print the domain of a network as a file of records (RFC 1035) that other name servers
can serve, such as CoreDNS, BIND, NSD or Knot: the names of ports and services, and
declared records, as sdnd answers the network's ports with. Names of other routing
domains are not among them, nor are the addresses of the gateway, because another server
is not the gateway.

The zone is that of the moment. Its serial number is the revision of the topology, so
servers that reload the file take each new one for newer. With --reverse, it is the zone
of the names of addresses.`,
		Example: `  sdnctl dns export blue > blue.example.zone
  sdnctl dns export blue --name-server ns1.example.com --name-server ns2.example.com
  sdnctl dns export blue --reverse 10.0.0.0/24`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return fetch(cmd.Context(), a, o, func(ctx context.Context, client *api.Client) (api.Zone, error) {
				return client.Zone(ctx, args[0], zone)
			}, func(z api.Zone) error {
				_, err := fmt.Fprint(a.env.Out, z.File)
				return err
			})
		},
		ValidArgsFunction: a.completeNames(api.KindNetwork, 1),
	}
	cmd.Flags().StringVar(&zone.Reverse, "reverse", "", "the names of the addresses in a `range` instead, such as 10.0.0.0/24: its length is a multiple of 8 bits, or of 4 for IPv6")
	cmd.Flags().StringArrayVar(&zone.NameServers, "name-server", nil, "`name` of a server that the zone names as its own; repeat it for more (default localhost)")
	mustComplete(cmd, "reverse")
	mustComplete(cmd, "name-server")
	o.flags(a, cmd)
	return cmd
}
