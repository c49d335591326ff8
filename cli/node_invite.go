package cli

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
)

type inviteOptions struct {
	app      *app
	address  string
	tunnelIP string
	ttl      time.Duration
	output   output
}

func newNodeInviteCmd(a *app) *cobra.Command {
	o := &inviteOptions{app: a}
	cmd := &cobra.Command{
		Use:   "invite NAME",
		Short: "Print the line by which a machine joins as a node (run it on the controller)",
		Long: `Print one command line. Run on another machine, it makes that machine the node NAME.
It contains the address of this sdnd and a token, which works once, within an hour.
The token contains the fingerprint of sdnd's certificate authority (CA), by which
the machine verifies sdnd. The machine then gets the certificate of the node, and
the node is declared unless it is declared already.

Treat the line like a password: whoever has it can become the node. Inviting NAME
again revokes the earlier line.`,
		Example: `  sudo sdnctl node invite node1
  sudo sdnctl node invite node1 --address 192.168.50.10 --ttl 10m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },

		ValidArgsFunction: a.completeNames(api.KindNode, 1),
	}
	cmd.Flags().StringVar(&o.address, "address", "", "`address` of sdnd's machine that the node can reach (default: the one by which this machine reaches others)")
	cmd.Flags().StringVar(&o.tunnelIP, "tunnel-ip", "", "`address` of the node's VXLAN endpoint (default: what the node says)")
	cmd.Flags().DurationVar(&o.ttl, "ttl", time.Hour, "`time` for which the line is valid, at most 24h")
	for _, flag := range []string{"address", "tunnel-ip", "ttl"} {
		mustComplete(cmd, flag)
	}
	o.output.flags(a, cmd)
	return cmd
}

func (o *inviteOptions) run(ctx context.Context, node string) error {
	for flag, text := range map[string]string{"address": o.address, "tunnel-ip": o.tunnelIP} {
		if _, err := netip.ParseAddr(text); text != "" && err != nil {
			return usageErrorf("--%s %s: want an IP address", flag, text)
		}
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	i, err := client.Invite(ctx, node, api.InvitationRequest{TTL: o.ttl.String(), TunnelIP: o.tunnelIP})
	if err != nil {
		return err
	}
	address := o.choose(i, client.Host())
	if !o.output.table() {
		return o.output.data(i)
	}
	o.app.note("Run this on the machine that is to be %s, once, within %v:", node, o.ttl)
	_, err = fmt.Fprintln(o.app.env.Out, joinLine(i, address))
	return err
}

// choose returns the address of sdnd for the node.
func (o *inviteOptions) choose(i api.Invitation, host string) string {
	if o.address != "" {
		return o.address
	}
	if u, err := url.Parse(host); err == nil && u.Scheme == "https" {
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && !a.IsLoopback() {
			return a.String() // it works from here
		}
	}
	if len(i.Addresses) > 1 {
		o.app.note("note: sdnd's machine also has the addresses %s; choose with --address", strings.Join(i.Addresses[1:], ", "))
	}
	return i.Addresses[0]
}

// joinLine is the command that redeems an invitation.
func joinLine(i api.Invitation, address string) string {
	words := []string{"sudo", "sdnctl", "node", "join", nodeconfig.ShellQuote(i.Node), "--controller", address}
	for _, f := range []struct {
		flag           string
		value, assumed uint16
	}{{"--api-port", i.APIPort, membership.DefaultAPIPort}, {"--openflow-port", i.OpenFlowPort, membership.DefaultOpenFlowPort}, {"--ovsdb-port", i.OVSDBPort, membership.DefaultOVSDBPort}} {
		if f.value != f.assumed {
			words = append(words, f.flag, fmt.Sprint(f.value))
		}
	}
	if i.Bridge != "br-int" {
		words = append(words, "--bridge", nodeconfig.ShellQuote(i.Bridge))
	}
	return strings.Join(append(words, "--token", i.Token), " ")
}
