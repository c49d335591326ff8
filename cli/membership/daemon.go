package membership

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// daemon reads the status of a node that joins from sdnd. A nil daemon, and one without a
// client, return no status.
type daemon struct {
	host   Host
	client *api.Client
	// ours says that close must close client.
	ours bool
	// from is the source address of the machine's connections to sdnd.
	from netip.Addr
}

// findDaemon returns the daemon for a join; nil if the address of sdnd's API is unknown.
func (j Join) findDaemon() (*daemon, error) {
	if j.Blind || j.Offline {
		return nil, nil
	}
	d := &daemon{host: j.Host, client: j.Client, from: j.Host.LocalAddr(j.Controller)}
	if d.client != nil {
		return d, nil
	}
	c, err := j.Host.Config()
	switch {
	case err == nil && c.Node == j.Node:
		d.client, err = j.Host.clientOf(c)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		j.Host.note("note: %v", err)
		fallthrough
	default:
		d.client, err = j.Host.local()
	}
	if d.client == nil || err != nil {
		return nil, err
	}
	d.ours = true
	return d, nil
}

// close closes the client, unless the caller of the join gave it.
func (d *daemon) close() {
	if d != nil && d.client != nil && d.ours {
		d.client.Close()
	}
}

// admits returns why sdnd would not accept the machine as the node, nil if it would or cannot
// be asked. It is called before anything is changed.
func (d *daemon) admits(ctx context.Context, j nodeconfig.Join, before nodeconfig.State) error {
	if d == nil {
		return nil
	}
	status, err := d.client.Status(ctx)
	if err != nil {
		d.host.note("note: sdnd does not answer, so nothing was checked with it: %v", err)
		d.close()
		d.client = nil
		return nil
	}
	conflict := func(format string, args ...any) error {
		return fault(Conflict, format+"\nnothing was changed", args...)
	}
	if status.Bridge != "" && status.Bridge != j.Bridge {
		return conflict("sdnd uses the bridge %s of nodes, so it would bind no ports on %s: join with --bridge %s, or start sdnd with --bridge %s", status.Bridge, j.Bridge, status.Bridge, j.Bridge)
	}
	nodes, err := d.client.Nodes(ctx, api.ListOptions{})
	if err != nil {
		return nil // a node may not list the other nodes
	}
	for _, n := range nodes.Items {
		if n.Name != j.Node && n.Status != nil && n.Status.DatapathID == j.DatapathID {
			return conflict("the datapath id %s is that of node %s: join with another --datapath-id", j.DatapathID, n.Name)
		}
	}
	node, err := d.client.Node(ctx, j.Node)
	if err != nil || node.Status == nil {
		return nil // the node is not declared; Await reports that
	}
	if node.Status.DatapathID != j.DatapathID {
		return conflict("node %s is declared with datapath id %s: join with --datapath-id %s", j.Node, node.Status.DatapathID, node.Status.DatapathID)
	}
	if ours := before.Bridge != nil && strings.EqualFold(before.Bridge.DatapathID, j.DatapathID); !ours && node.Status.Connected {
		return conflict("another machine is connected as node %s, from %s: join under another name, or remove the node there with 'sdnctl node leave'", j.Node, node.Status.Address)
	}
	return nil
}

// declared reports whether the node is declared; false if sdnd cannot be asked.
func (d *daemon) declared(ctx context.Context, name string) bool {
	if d == nil || d.client == nil {
		return false
	}
	_, err := d.client.Node(ctx, name)
	return err == nil
}

// status returns the status of the node from sdnd; nil if sdnd cannot be asked.
func (d *daemon) status(ctx context.Context, name string, id model.DatapathID) *nodeconfig.Daemon {
	if d == nil || d.client == nil {
		return nil
	}
	var w nodeconfig.Daemon
	node, err := d.client.Node(ctx, name)
	var refused *api.Error
	switch {
	case err == nil && node.Status != nil:
		s := node.Status
		w = nodeconfig.Daemon{Declared: true, DatapathID: s.DatapathID, Connected: s.Connected, Address: s.Address, Here: addressed(s.Address, d.from), TunnelPort: s.TunnelPort, OVSDB: s.OVSDB}
		for _, c := range s.Conditions {
			if c.Severity == api.SeverityError {
				w.Wrong = append(w.Wrong, c.Message+": "+c.Action)
			}
		}
	case errors.As(err, &refused) && refused.Code == api.CodeNotFound:
	default:
		return nil
	}
	switches, err := d.client.Switches(ctx)
	if err != nil {
		return &w
	}
	for _, sw := range switches.Items {
		if sw.DatapathID == id.String() && w.Declared || nameless(sw) && addressed(sw.Address, d.from) && !w.Connected {
			w.Refused = sw.Reason
		}
	}
	return &w
}

// nameless reports whether a switch was refused before its datapath id was known.
func nameless(sw api.Switch) bool { return strings.Trim(sw.DatapathID, "0") == "" }

// addressed reports whether a remote address of a connection has the IP address from.
func addressed(remote string, from netip.Addr) bool {
	a, err := netip.ParseAddrPort(remote)
	return err == nil && a.Addr().Unmap() == from
}
