package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

const (
	// defaultWait is the time limit of --wait without a value.
	defaultWait = 60 * time.Second
	// confirmWithin is how long the response to a change waits for confirmations. Most
	// changes are confirmed in this time.
	confirmWithin = 250 * time.Millisecond
	// reportAfter is the time after which waiting is reported.
	reportAfter = 500 * time.Millisecond
	// shownPending is the greatest number of nodes that are named while waiting.
	shownPending = 5
)

// waitFlag is --wait[=timeout] of the commands that change something.
type waitFlag struct {
	app     *app
	timeout time.Duration
	bound   bool
}

func (w *waitFlag) add(a *app, cmd *cobra.Command) {
	w.app = a
	cmd.Flags().DurationVar(&w.timeout, "wait", 0, "wait until every affected node has confirmed the change, at most this `time`")
	cmd.Flags().Lookup("wait").NoOptDefVal = defaultWait.String()
}

// addBound adds --wait-bound to a command that may create or change ports.
func (w *waitFlag) addBound(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.bound, "wait-bound", false, "wait also until the ports that were created or changed have their interface; implies --wait")
}

// before returns the client for the change. If --wait was given, the client's responses wait
// for confirmations for confirmWithin.
func (w *waitFlag) before(client *api.Client) *api.Client {
	w.implied()
	if w.timeout <= 0 {
		return client
	}
	return client.Confirming(min(confirmWithin, w.timeout))
}

// implied turns on --wait if --wait-bound is given.
func (w *waitFlag) implied() {
	if w.bound && w.timeout <= 0 {
		w.timeout = defaultWait
	}
}

// after waits for a revision if --wait was given, and with --wait-bound until the ports
// that the change created or changed are bound.
func (w *waitFlag) after(ctx context.Context, client *api.Client, rev api.Revision, objects ...api.Key) error {
	w.implied()
	if w.timeout <= 0 {
		return nil
	}
	started := w.app.env.Now()
	if err := w.app.wait(ctx, client, rev, w.timeout); err != nil || !w.bound {
		return err
	}
	ports := slices.DeleteFunc(objects, func(k api.Key) bool { return k.Kind != api.KindPort })
	if len(ports) == 0 {
		return nil
	}
	left := w.timeout - w.app.env.Now().Sub(started)
	return w.app.waitFor(ctx, client, forBound, ports, max(left, time.Millisecond))
}

type waitOptions struct {
	app     *app
	timeout time.Duration
	what    string // --for
}

func newWaitCmd(a *app) *cobra.Command {
	o := &waitOptions{app: a}
	cmd := &cobra.Command{
		Use:   "wait [REVISION | --for STATE OBJECT...]",
		Short: "Wait until every affected node has confirmed a revision, or for objects",
		Long: `Wait until the switch of every node that a revision affects has confirmed it, so
that packets are forwarded as it says. Without REVISION, wait for the newest.

Every command that changes something has the same as --wait[=TIME].

With --for it waits for objects instead: until a port is bound (has its
interface), a node is connected, or a node, network, service or port is ready (no
condition of it is an error). When the time is over it says what is missing.`,
		Example: `  sdnctl wait
  sdnctl wait 42 --timeout 5s
  sdnctl wait --for bound port/web port/db
  sdnctl wait --for ready node/node1`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().DurationVar(&o.timeout, "timeout", defaultWait, "give up after this `time`; 0 never")
	cmd.Flags().StringVar(&o.what, "for", "", "wait until objects have this `state`: ready, bound or connected")
	mustComplete(cmd, "for", forReady, forBound, forConnected)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func (o *waitOptions) run(ctx context.Context, args []string) error {
	var objects []api.Key
	switch {
	case o.what != "":
		var err error
		if objects, err = parseWaitFor(o.what, args); err != nil {
			return err
		}
	case len(args) > 1:
		return usageErrorf("want one revision; to wait for objects, give --for")
	}
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	if len(objects) > 0 {
		return o.app.waitFor(ctx, client, o.what, objects, o.timeout)
	}
	var rev api.Revision
	if len(args) == 1 {
		n, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil {
			return usageErrorf("%q is not a revision: want a number, as 'sdnctl history' shows it", args[0])
		}
		rev = api.Revision(n)
	} else {
		s, err := client.Status(ctx)
		if err != nil {
			return err
		}
		rev = s.Revision
	}
	return o.app.wait(ctx, client, rev, o.timeout)
}

// wait returns once a revision is confirmed, or an error with ExitTimeout that names the
// nodes which have not confirmed it. A timeout of 0 is no limit.
func (a *app) wait(ctx context.Context, client *api.Client, rev api.Revision, timeout time.Duration) error {
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	p := &progress{w: a.env.Err}
	late := time.AfterFunc(reportAfter, p.show)
	err := client.Wait(limited, rev, p.update)
	late.Stop()
	last := p.close()
	switch {
	case err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
		return err
	case len(last.Pending) == 0:
		return codedError{ExitTimeout, fmt.Errorf("sdnd did not answer within %v whether revision %d is confirmed", timeout, rev)}
	}
	return codedError{ExitTimeout, fmt.Errorf("revision %d is not confirmed after %v by %s\nit is stored and will be applied as soon as possible; see: sdnctl node show %s",
		rev, timeout, pendingText(last), last.Pending[0].Node)}
}

// progress reports the nodes that have yet to confirm, once waiting takes longer than
// reportAfter.
type progress struct {
	w io.Writer

	mu     sync.Mutex // guards what follows
	last   api.Acks
	line   string // the last line written
	shown  bool   // reportAfter has passed
	closed bool
}

// update records a response of the daemon.
func (p *progress) update(a api.Acks) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = a
	p.report()
}

// show makes the last and later responses visible.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	p.report()
}

// report prints the last response if the line for it has changed. The caller holds p.mu.
func (p *progress) report() {
	if !p.shown || p.closed || p.last.Revision == 0 && len(p.last.Pending) == 0 {
		return
	}
	line := fmt.Sprintf("waiting for revision %d: %s", p.last.Revision, pendingText(p.last))
	if p.last.Done {
		line = fmt.Sprintf("revision %d is confirmed by every node", p.last.Revision)
	}
	if line != p.line {
		fmt.Fprintln(p.w, line)
		p.line = line
	}
}

// close ends the reporting and returns the last response.
func (p *progress) close() api.Acks {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.last
}

// pendingText lists the nodes that have yet to confirm, with their reasons.
func pendingText(a api.Acks) string {
	var parts []string
	for i, n := range a.Pending {
		if i == shownPending {
			parts = append(parts, fmt.Sprintf("and %d more nodes", len(a.Pending)-i))
			break
		}
		reason := n.Reason
		switch {
		case reason != "":
		case !n.Connected:
			reason = "not connected"
		default:
			reason = fmt.Sprintf("has confirmed %d", n.Acknowledged)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", n.Node, reason))
	}
	return strings.Join(parts, ", ")
}
