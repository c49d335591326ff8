package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type answersOptions struct {
	app    *app
	cause  string
	output output
}

func newAnswersCmd(a *app) *cobra.Command {
	o := &answersOptions{app: a}
	cmd := &cobra.Command{
		Use:   "answers [PORT]",
		Short: "List what sdnd answered to ports: addresses by DHCP, names by DNS",
		Long: `List what ports asked sdnd by DHCP, DHCPv6, router solicitations and DNS, and what it
answered, newest first; also the packets that policies reject, that services refuse and that
routers cannot forward, the answers to health checks and to probes of the tunnels, and what
hosts report of multicast groups. sdnd remembers the newest 512 of each cause since it
started.`,
		Example: `  sdnctl answers
  sdnctl answers web1 --cause dns`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			port := ""
			if len(args) > 0 {
				port = args[0]
			}
			return o.run(cmd.Context(), port)
		},

		ValidArgsFunction: a.completeNames(api.KindPort, 1),
	}
	cmd.Flags().StringVar(&o.cause, "cause", "", "only those of a `cause`, such as dhcp, dhcpv6, router-solicitation or dns")
	mustComplete(cmd, "cause", answerCauses()...)
	o.output.flags(a, cmd)
	return cmd
}

// answerCauses are the causes of answers, for completion.
func answerCauses() []string {
	return []string{"dhcp", "dhcpv6", "dns", "group-report", "health-check", "health-port", "next-hop", "no-neighbour", "no-route", "node-port-taken", "refuse", "reject", "router-solicitation", "stale-udp", "too-big", "too-large", "ttl-expired", "tunnel-probe"}
}

func (o *answersOptions) run(ctx context.Context, port string) error {
	return fetch(ctx, o.app, &o.output, func(ctx context.Context, client *api.Client) (api.Answers, error) {
		return client.Answers(ctx, port, o.cause)
	}, o.print)
}

func (o *answersOptions) print(answers api.Answers) error {
	if len(answers.Items) == 0 {
		o.app.note("nothing was asked since sdnd started")
		return nil
	}
	now := o.app.env.Now()
	return printTable(&o.output, []column[api.Answer]{
		{header: "AGE", cell: func(d api.Answer) string { return age(now, d.Time) }},
		{header: "CAUSE", cell: func(d api.Answer) string { return d.Cause }},
		{header: "NODE", wide: true, cell: func(d api.Answer) string { return d.Node }},
		{header: "PORT", cell: func(d api.Answer) string { return d.Port }},
		{header: "ANSWERED", cell: func(d api.Answer) string { return yesNo(d.Answered) }},
		{header: "WHAT", cell: func(d api.Answer) string { return d.What }},
	}, answers.Items)
}
