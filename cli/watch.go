package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type watchOptions struct {
	app    *app
	from   uint64
	output output
}

func newWatchCmd(a *app) *cobra.Command {
	o := &watchOptions{app: a}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print changes of objects and of their status as they happen",
		Long: `Print a line for every change of the topology, and when a port's interface comes,
goes or moves, or the conditions of a node, network, service or port change, until
interrupted. With -o json each line is one event, as the API sends it; with -o yaml
each event is one document.`,
		Example: `  sdnctl watch
  sdnctl watch --from 42 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().Uint64Var(&o.from, "from", 0, "begin with the changes after this `revision` (default: now)")
	mustComplete(cmd, "from")
	o.output.flags(a, cmd)
	return cmd
}

func (o *watchOptions) run(ctx context.Context) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Watch(ctx, api.WatchOptions{From: api.Revision(o.from)}, o.event)
}

func (o *watchOptions) event(e api.Event) error {
	switch o.output.format {
	case formatJSON:
		return json.NewEncoder(o.output.w).Encode(e)
	case formatYAML:
		fmt.Fprintln(o.output.w, "---")
		return o.output.data(e)
	}
	switch e.Type {
	case api.EventReady:
		o.app.note("watching from revision %d; end with Ctrl-C", e.Revision)
		return nil
	case api.EventResync:
		o.app.note("some events were lost; the topology is at revision %d now", e.Revision)
		return nil
	}
	at := e.Time
	if at.IsZero() {
		at = o.app.env.Now()
	}
	_, err := fmt.Fprintf(o.output.w, "%s  %s\n", at.Local().Format(time.TimeOnly), eventText(e))
	return err
}

// eventText describes an event of a change or of a new status.
func eventText(e api.Event) string {
	switch {
	case e.Node != nil:
		return nodeText(e.Object, e.Node)
	case e.Port != nil:
		return portText(e.Object, e.Port)
	case e.Network != nil:
		return readyText(e.Object, e.Network.Ready, e.Network.Conditions)
	case e.Router != nil:
		return readyText(e.Object, e.Router.Ready, e.Router.Conditions)
	case e.Service != nil:
		return readyText(e.Object, e.Service.Ready, e.Service.Conditions)
	case e.FloatingIP != nil:
		return readyText(e.Object, e.FloatingIP.Ready, e.FloatingIP.Conditions)
	case e.EgressIP != nil:
		return readyText(e.Object, e.EgressIP.Ready, e.EgressIP.Conditions)
	}
	return fmt.Sprintf("%s, revision %d, by %s", changeText(api.Change{Object: e.Object, Verb: e.Verb}, false), e.Revision, e.Author)
}

// nodeText describes a new status of a node.
func nodeText(object string, s *api.NodeStatus) string {
	text := object + " is not connected"
	if s.Connected {
		text = fmt.Sprintf("%s has confirmed revision %d of %d, %d flows", object, s.AcknowledgedRevision, s.WantedRevision, s.Flows)
	}
	if s.LastError != "" {
		text += ": " + s.LastError
	}
	return text + wrongText(s.Conditions)
}

// readyText describes a new status of an object of which nothing but its conditions changes.
func readyText(object string, ready bool, all []api.Condition) string {
	if !ready {
		return object + " is not ready" + wrongText(all)
	}
	return object + " is ready" + wrongText(all)
}

// portText describes a new status of a port.
func portText(object string, s *api.PortStatus) string {
	if !s.Bound {
		return object + " is not bound: " + s.Message
	}
	return object + " is bound to " + s.Interface + " on " + s.Node + wrongText(s.Conditions)
}

// wrongText returns the reasons of conditions, to be appended to a status.
func wrongText(all []api.Condition) string {
	if len(all) == 0 {
		return ""
	}
	return "; " + conditionsText(all)
}
