package membership

import (
	"context"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

// Leave is a request to undo a join on this machine.
type Leave struct {
	Host Host
	// Bridge is the bridge to restore; "" is the one that joined.
	Bridge string
	// DB is the connection method of Open vSwitch's database (ovs-vsctl(8)), "" for the
	// machine's own.
	DB string
	// Offline says that ovs-vswitchd is not running, so that changes are only written to the
	// database.
	Offline bool
	// Force also removes ports that were attached since the node joined.
	Force bool
}

// Leaving has the steps that undo a join.
type Leaving struct {
	// Node is the node's name, "" if it is unknown.
	Node string
	// Bridge is the bridge to restore.
	Bridge string
	// Notes name, for the user, the parts that stay or cannot be restored.
	Notes []string

	undo    nodeconfig.Undoing
	host    Host
	machine nodeconfig.Machine
}

// Plan reads the state of the machine and returns the steps that undo its join; it changes
// nothing. The error is a [nodeconfig.PortsInUseError] if ports were attached since, and a
// [nodeconfig.OtherBridgeError] if another bridge than the named one joined.
func (l Leave) Plan(ctx context.Context) (Leaving, error) {
	m := l.Host.machine(l.DB, l.Offline)
	named := l.Bridge != ""
	if !named {
		l.Bridge = DefaultBridge
	}
	now, err := m.Read(ctx, l.Bridge)
	if err != nil {
		return Leaving{}, err
	}
	if !named && now.Bridge.Node() == "" && len(now.Others) == 1 {
		l.Bridge = now.Others[0]
		if now, err = m.Read(ctx, l.Bridge); err != nil {
			return Leaving{}, err
		}
	}
	if now.Own, err = m.ReadOwn(ctx); err != nil {
		return Leaving{}, err
	}
	u, err := nodeconfig.Leave(now, l.Bridge, l.Force)
	return Leaving{Node: now.Bridge.Node(), Bridge: l.Bridge, Notes: u.Notes, undo: u, host: l.Host, machine: m}, err
}

// Empty reports whether there is nothing to undo because the machine is not a node.
func (l Leaving) Empty() bool { return l.undo.Empty() && len(l.host.made()) == 0 }

// Script returns a script for a POSIX shell that does what Run does, except that it does not
// remove the node's files.
func (l Leaving) Script() string {
	script := l.undo.Script(l.Bridge, l.machine.Globals())
	for _, k := range l.host.made() {
		script = nodeconfig.ShellQuote(l.host.file(k.name)) + " stop\n" + script
	}
	return script
}

// Run undoes the join, and removes node.yaml and a certificate from an invitation. The node
// stays declared.
func (l Leaving) Run(ctx context.Context) error {
	for _, k := range l.host.made() {
		if err := k.remove(ctx, l.host); err != nil {
			return err
		}
	}
	if err := undo(ctx, l.machine, l.Bridge, l.undo); err != nil {
		return err
	}
	return l.host.forget()
}

// undo does the steps that restore the machine.
func undo(ctx context.Context, m nodeconfig.Machine, bridge string, u nodeconfig.Undoing) error {
	for _, step := range u.Steps {
		if err := m.Apply(ctx, step); err != nil {
			return err
		}
	}
	if m.Offline {
		return nil
	}
	return m.AddFlows(ctx, bridge, u.Flows)
}
