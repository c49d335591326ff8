package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/controller/api"
)

type attachOptions struct {
	app     *app
	on      plugFlags
	request attach.Request
	labels  labelFlag
	wait    confirmFlag
	gc      bool
	again   bool
	output  output
}

func newAttachCmd(a *app) *cobra.Command {
	o := &attachOptions{app: a, wait: confirmFlag(defaultWait)}
	cmd := &cobra.Command{
		Use:   "attach NAME --network NETWORK",
		Short: "Attach a container on this machine to a network (run on the node, as root)",
		Long: `Give a running Docker container an interface on a network. NAME is the name or id
of the container. The command declares a port that is pinned to this node, creates
a veth pair, sets address, default route, MTU and MAC in the container, adds the
other end to the node's bridge, and waits until every affected switch has confirmed
the port.

With --netns the interface goes to a network namespace, and with --pid to that of a
process; NAME is then the name of the port. If a port of that name is declared
already, it is used as it is.

Running the command again changes nothing, or restores what a restart of the
container removed. 'sdnctl attach --again' does so for all containers of this
machine; cron or a systemd timer may run it. If the command fails, it undoes what it
did. It sets the default route if the network has a gateway that answers and the
container has no other default route.

'sdnctl detach' undoes the command. 'sdnctl attach --gc' cleans up after containers
that were stopped or removed without detach: it removes stale interfaces of the
bridge, and the ports of containers that no longer exist.`,
		Example: `  docker run --detach --network none --name web nginx
  sudo sdnctl attach web --network blue
  sudo sdnctl attach web --network green --interface eth1 --no-default-route
  sudo sdnctl attach db --netns db-ns --network blue --ip 10.0.0.9 --label tier=db
  sudo sdnctl attach --again
  sudo sdnctl attach --gc`,
		Args: func(_ *cobra.Command, args []string) error { return o.args(args) },
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.on.add(a, cmd)
	f, r := cmd.Flags(), &o.request
	f.StringVar(&r.Network, "network", "", "`network` of the port, to declare it (default: the port is declared already)")
	f.StringVar(&r.Netns, "netns", "", "attach to this network `namespace`: its name, as 'ip netns' lists it, or its path")
	f.IntVar(&r.PID, "pid", 0, "attach to the network namespace of this `process`")
	f.StringVar(&r.IP, "ip", "", "`address` of the port (default: allocated)")
	f.StringVar(&r.MAC, "mac", "", "`MAC` address of the port (default: derived from the address and the VNI)")
	f.BoolVar(&r.NoDefaultRoute, "no-default-route", false, "do not set a default route")
	f.BoolVar(&o.again, "again", false, "attach all containers of this machine again that were restarted and have lost their interface")
	f.BoolVar(&o.gc, "gc", false, "only remove what is left of containers and namespaces that are gone")
	f.Var(&o.wait, "wait", "wait until every switch concerned has confirmed it, at most this `time`; false not to wait")
	f.Lookup("wait").NoOptDefVal = defaultWait.String()
	mustCompleteFunc(cmd, "network", a.completeNames(api.KindNetwork, 0))
	mustCompleteFunc(cmd, "netns", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return attach.Namespaces(), cobra.ShellCompDirectiveNoFileComp
	})
	for _, flag := range []string{"ip", "mac", "pid"} {
		mustComplete(cmd, flag)
	}
	o.labels.add(cmd, "label of the port, if it is declared by this, as `key=value`; may be repeated, or several separated by commas")
	o.output.flags(a, cmd)
	cmd.MarkFlagsMutuallyExclusive("netns", "pid", "gc", "again")
	return cmd
}

func (o *attachOptions) args(args []string) error {
	switch {
	case (o.gc || o.again) && len(args) > 0:
		return usageErrorf("--gc and --again take no name: they check all attachments of this machine")
	case !o.gc && !o.again && len(args) != 1:
		return usageErrorf("give one container, or with --netns or --pid one port")
	}
	return nil
}

func (o *attachOptions) run(ctx context.Context, args []string) error {
	client, node, err := o.on.node()
	if err != nil {
		return err
	}
	defer client.Close()
	if o.gc {
		return o.collect(ctx, node)
	}
	if o.again {
		return o.reattach(ctx, node)
	}
	o.request.Name = args[0]
	o.request.Port, o.request.Interface = o.on.port, o.on.iface
	o.request.Labels = o.labels.apply(nil)
	r, err := node.Attach(ctx, o.request)
	if err != nil {
		return err
	}
	o.report(r)
	if o.wait > 0 {
		if err := o.confirm(ctx, node, r); err != nil {
			return err
		}
	}
	if err := o.warn(ctx, client, r.Port.Spec.Network); err != nil {
		return err
	}
	port, err := client.Object(ctx, api.KindPort, r.Port.Name)
	if err != nil {
		return err
	}
	if !o.output.table() {
		return o.output.data(port)
	}
	return portKind().print(&o.output, o.app.env.Now(), []api.Object{port})
}

// report prints what was done.
func (o *attachOptions) report(r attach.Result) {
	if r.Declared {
		o.app.note("port/%s declared on network %s, pinned to node %s", r.Port.Name, r.Port.Spec.Network, r.Node)
	}
	l := r.Link
	route := "no default route"
	switch {
	case len(l.Gateways) > 0:
		route = "default route by " + joined(l.Gateways)
	case r.OtherDefault != "":
		route = "default route left to " + r.OtherDefault
	}
	unchanged := ""
	if len(r.Done) == 0 {
		unchanged = " (unchanged)"
	}
	o.app.note("%s: %s has address %s, MTU %d, MAC %s, %s%s", r.Whose, l.Inner, joined(l.Addresses), l.MTU, l.MAC, route, unchanged)
}

// joined returns addresses on one line.
func joined[T fmt.Stringer](all []T) string {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	return strings.Join(texts, " and ")
}

// warn prints the conditions of a network that the container has just joined.
func (o *attachOptions) warn(ctx context.Context, client *api.Client, network string) error {
	object, err := client.Object(ctx, api.KindNetwork, network)
	if err != nil {
		return err
	}
	var s struct{ Conditions []api.Condition }
	if err := json.Unmarshal(object.Status, &s); err != nil {
		return fmt.Errorf("%s: decode its status: %w", object.Ref(), err)
	}
	for _, c := range s.Conditions {
		o.app.note("%s: network/%s: %s; fix: %s", c.Severity, network, c.Message, c.Action)
	}
	return nil
}

// confirm waits until packets flow, and reports it.
func (o *attachOptions) confirm(ctx context.Context, node attach.Node, r attach.Result) error {
	limited, cancel := context.WithTimeout(ctx, time.Duration(o.wait))
	defer cancel()
	p := &progress{w: o.app.env.Err}
	late := time.AfterFunc(reportAfter, p.show)
	_, err := node.Wait(limited, r, p.update)
	late.Stop()
	last := p.close()
	switch {
	case err == nil:
		o.app.note("port/%s is bound on node %s, and every affected switch has confirmed it", r.Port.Name, r.Node)
		return nil
	case ctx.Err() == nil && limited.Err() != nil && len(last.Pending) > 0:
		return codedError{ExitTimeout, fmt.Errorf("the port is attached, but not confirmed after %v by %s\nit will be confirmed as soon as possible; see: sdnctl node show %s",
			time.Duration(o.wait), pendingText(last), last.Pending[0].Node)}
	}
	return err
}

// reattach attaches again the containers that have lost their interface.
func (o *attachOptions) reattach(ctx context.Context, node attach.Node) error {
	done, err := node.Again(ctx)
	failed := []error{err}
	for _, r := range done {
		o.report(r)
		if o.wait > 0 {
			failed = append(failed, o.confirm(ctx, node, r))
		}
	}
	if err == nil && len(done) == 0 {
		o.app.note("every container that runs and was attached has its interface")
	}
	return errors.Join(failed...)
}

func (o *attachOptions) collect(ctx context.Context, node attach.Node) error {
	removed, err := node.Collect(ctx)
	for _, r := range removed {
		o.app.note("%s: %s", removedText(r), r.Why)
	}
	if err == nil && len(removed) == 0 {
		o.app.note("nothing to clean up: no attachment of a removed container or namespace is left")
	}
	return err
}

// removedText lists the parts of an attachment that were removed.
func removedText(r attach.Removed) string {
	var parts []string
	if r.Interface != "" {
		parts = append(parts, "interface "+r.Interface+" removed")
	}
	switch {
	case r.Deleted:
		parts = append(parts, "port/"+r.Port+" deleted")
	case r.Port != "":
		parts = append(parts, "port/"+r.Port+" stays declared")
	}
	return strings.Join(parts, ", ")
}

// confirmFlag is a time to wait, on by default: "false" is 0.
type confirmFlag time.Duration

// String returns the time.
func (f *confirmFlag) String() string { return time.Duration(*f).String() }

// Type names the value in usage texts that have no name of their own for it.
func (f *confirmFlag) Type() string { return "duration" }

// Set takes a time, "true" or "false".
func (f *confirmFlag) Set(text string) error {
	if on, err := strconv.ParseBool(text); err == nil {
		*f = 0
		if on {
			*f = confirmFlag(defaultWait)
		}
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("want a time such as 30s, or false")
	}
	*f = confirmFlag(d)
	return nil
}
