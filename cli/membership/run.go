package membership

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

// Joined is a machine that has joined as a node.
type Joined struct {
	// Join is the request with all defaults filled in.
	Join Join

	config nodeconfig.Join
	daemon *daemon // nil if sdnd is not asked
}

// Run makes this machine the node, in one transaction of Open vSwitch's database. Running it
// again changes nothing and keeps the connections. If joining would interrupt existing traffic,
// Run changes nothing and returns an [Error] with Conflict. If Open vSwitch cannot apply the
// changes, Run undoes them. An invitation is redeemed only when all checks have succeeded.
//
// The node need not be connected to sdnd yet, see [Joined.Await]; without an
// invitation it must also be declared, see [Joined.Declared]. On success the caller
// must close the result.
func (j Join) Run(ctx context.Context) (*Joined, error) {
	if err := j.complete(false); err != nil {
		return nil, err
	}
	if err := j.checkUplink(ctx); err != nil {
		return nil, err
	}
	if err := j.checkHostAccess(ctx); err != nil {
		return nil, err
	}
	d := &Joined{config: j.config()}
	if err := d.run(ctx, j); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// run does what Join.Run does, for a complete join.
func (d *Joined) run(ctx context.Context, j Join) error {
	m := j.machine()
	before, err := m.Read(ctx, j.Bridge)
	if err != nil {
		return err
	}
	if len(j.UplinkBridges) > 0 {
		if before.Addresses, err = m.ReadAddresses(ctx); err != nil {
			before.AddressesUnknown = err.Error()
		}
	}
	if j.Invitation == nil { // otherwise the invitation provides the credentials
		if d.daemon, err = j.findDaemon(); err != nil {
			return err
		}
	}
	if err := j.look(ctx, d.config, before, d.daemon); err != nil {
		return err
	}
	commands, err := d.config.Plan(before)
	if err != nil {
		return err
	}
	if err := j.enroll(ctx); err != nil {
		return err
	}
	if d.daemon == nil {
		if d.daemon, err = j.findDaemon(); err != nil {
			return err
		}
	}
	d.Join = j
	j.Host.note("%s", commands.Text(m.Globals()))
	if err := j.endLinks(ctx); err != nil {
		return err
	}
	if err := apply(ctx, m, j.Bridge, commands, before); err != nil {
		return err
	}
	if err := j.setLinks(ctx); err != nil {
		return err
	}
	j.Host.note("%s of this machine is node %s, datapath id %s", j.Bridge, j.Node, j.ID())
	return nil
}

// Close releases the connections to sdnd. The node stays.
func (d *Joined) Close() { d.daemon.close() }

// Declared reports whether the node is known to be declared, because the join redeemed an
// invitation or because sdnd reports it.
func (d *Joined) Declared(ctx context.Context) bool {
	return d.Join.Invitation != nil || d.daemon.declared(ctx, d.Join.Node)
}

// enroll redeems the invitation, if there is one, and writes node.yaml. It does not change Open
// vSwitch.
func (j *Join) enroll(ctx context.Context) error {
	if j.Invitation != nil {
		if err := j.redeem(ctx); err != nil {
			return fmt.Errorf("%w\nnothing was changed", err)
		}
		j.Host.note("this machine has the certificate of node %s", j.Node)
		return nil
	}
	if !j.secure() {
		return nil
	}
	return j.Host.WriteConfig(j.nodeConfig())
}

// look notes what joining takes over. It returns an error if joining is impossible, or would
// take over settings that are in use without TakeOver.
func (j Join) look(ctx context.Context, config nodeconfig.Join, before nodeconfig.State, d *daemon) error {
	found := config.Check(before)
	for _, note := range found.Notes {
		j.Host.note("note: %s", note)
	}
	takes := strings.Join(found.Takes, "\n  ")
	switch {
	case found.Blocked != "":
		return fault(Conflict, "%s\nnothing was changed", found.Blocked)
	case takes != "" && !j.TakeOver:
		return fault(Conflict, "this Open vSwitch is in use:\n  %s\nnothing was changed; take it over with --take-over ('sdnctl node leave' restores the former settings), or use another bridge with --bridge", takes)
	case takes != "" && !j.Blind && !j.Offline:
		// Traffic must not be interrupted for a controller that cannot be reached.
		if err := j.dial(ctx); err != nil {
			return fmt.Errorf("%w\nnothing was changed", err)
		}
	}
	if takes != "" {
		j.Host.note("taking over:\n  %s", takes)
	}
	return d.admits(ctx, config, before)
}

// apply makes the changes, and undoes them if Open vSwitch cannot apply them.
func apply(ctx context.Context, m nodeconfig.Machine, bridge string, c nodeconfig.Commands, before nodeconfig.State) error {
	err := m.Apply(ctx, c)
	if err == nil && m.Offline {
		return nil
	}
	now, readErr := m.Read(ctx, bridge)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if err == nil {
		if err = nodeconfig.Verify(now, bridge); err == nil {
			return nil
		}
	} else {
		m.Offline = true // ovs-vswitchd did not apply the changes, so do not wait for it again
	}
	if undoErr := undo(ctx, m, bridge, nodeconfig.Undo(now, before)); undoErr != nil {
		return fmt.Errorf("%w\nand it could not be undone: %w", err, undoErr)
	}
	return fmt.Errorf("%w\neverything is undone", err)
}
