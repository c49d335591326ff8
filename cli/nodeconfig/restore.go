package nodeconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Undoing has the steps that restore a machine. Each step is done when Open vSwitch has finished
// the previous one: if a bridge lost its flows before its controller, sdnd would repair them.
type Undoing struct {
	Steps []Commands
	// Flows are added to the bridge as the last step.
	Flows []string
	// Notes say what is not restored.
	Notes []string
}

// Empty reports whether there is nothing to undo.
func (u Undoing) Empty() bool { return len(u.Steps) == 0 && len(u.Flows) == 0 }

// PortsInUseError says that a node cannot leave because ports were attached to its bridge since
// it joined.
type PortsInUseError struct {
	Bridge string
	Ports  []string
}

// Error names the ports.
func (e *PortsInUseError) Error() string {
	return fmt.Sprintf("bridge %s still has the ports %s; detach them first, or remove them with it, with --force", e.Bridge, strings.Join(shortened(e.Ports), ", "))
}

// OtherBridgeError says that the given bridge did not join, but other bridges did.
type OtherBridgeError struct {
	// Bridge did not join; Joined did.
	Bridge string
	Joined []string
}

// Error names the bridge that joined.
func (e *OtherBridgeError) Error() string {
	return fmt.Sprintf("bridge %s of this machine is no node's, but %s is: leave with --bridge %s", e.Bridge, e.Joined[0], ShellQuote(e.Joined[0]))
}

// Leave returns the steps that undo joining. Ports that were attached since are removed only with
// force. The error is a *PortsInUseError or an *OtherBridgeError if nothing may be undone.
func Leave(s State, bridge string, force bool) (Undoing, error) {
	if s.Bridge.Node() == "" && len(s.Others) > 0 {
		return Undoing{}, &OtherBridgeError{bridge, s.Others}
	}
	if s.Bridge.Node() == "" {
		// Somebody removed the bridge of the node; this is the rest.
		now := s
		now.Bridge = nil
		u := undoing(now, Snapshot{})
		u.removeOwn(s.Own, "")
		if s.Bridge != nil && u.Empty() {
			u.Notes = append(u.Notes, fmt.Sprintf("bridge %s is no node's: it stays", bridge))
		}
		return u, nil
	}
	was, known, err := s.recorded()
	if err != nil {
		return Undoing{}, err
	}
	since := s.Bridge.Ports
	if known {
		since = was.newPorts(s.Bridge)
	}
	if len(since) > 0 && !force {
		return Undoing{}, &PortsInUseError{bridge, since}
	}
	was.externalIDs, was.managers, was.ssl, was.kernelPorts = nil, nil, nil, nil
	if was.SSL != nil {
		was.ssl = &SSL{TLS: *was.SSL}
	}
	was.Ports = slices.DeleteFunc(slices.Clone(s.Bridge.Ports), func(p string) bool { return slices.Contains(since, p) })
	u := undoing(s, was)
	u.removeOwn(s.Own, s.Bridge.Node())
	if !known {
		u.Notes = append(u.Notes, fmt.Sprintf("bridge %s stays, for the sdnctl that joined it did not record whether it made it; if nobody else uses it: ovs-vsctl del-br %s", bridge, ShellQuote(bridge)))
	}
	if was.FlowsLost > 0 {
		u.Notes = append(u.Notes, fmt.Sprintf("%s that the bridge had: more than was recorded; put them back if you saved them", count(was.FlowsLost, "flow")))
	}
	return u, nil
}

// Undo returns the steps that restore the state before a join that failed.
func Undo(now, before State) Undoing {
	was := before.snapshot()
	return undoing(now, was)
}

// undoing returns the steps from one state of a machine back to another.
func undoing(now State, was Snapshot) Undoing {
	var stop, restore Commands
	connected := now.Bridge != nil && len(now.Bridge.Controllers) > 0 && !sameRows(controllers(now), was.Controllers)
	if connected {
		stop.add("clear", "bridge", now.Bridge.Name, "controller")
	}
	restoreManagers(&stop, &restore, now, was)
	if now.Bridge != nil {
		restoreBridge(&restore, now.Bridge, was, connected)
	}
	switch {
	case now.SSL == nil && was.ssl == nil, now.SSL != nil && was.ssl != nil && *now.SSL == *was.ssl:
	case now.SSL != nil && now.SSL.Node == "": // somebody else's by now
	case was.ssl == nil:
		restore.add("del-ssl")
	default:
		restore.add("set-ssl", was.ssl.Key, was.ssl.Cert, was.ssl.CA)
		if was.ssl.Node != "" {
			restore.add("set", "ssl", ".", "external_ids:"+KeyNode+"="+valueQuote(was.ssl.Node))
		}
	}
	var u Undoing
	for _, c := range []Commands{stop, restore} {
		if len(c) > 0 {
			u.Steps = append(u.Steps, c)
		}
	}
	if now.Bridge != nil && was.Exists && connected {
		u.Flows = was.Flows
	}
	return u
}

// removeOwn adds a step that removes rows of sdnd's own, once sdnd is not connected to the
// database any more and before the bridge changes.
func (u *Undoing) removeOwn(own []OwnRow, node string) {
	var c Commands
	u.Notes = append(u.Notes, removeOwn(&c, own, node)...)
	if len(c) > 0 {
		u.Steps = slices.Insert(u.Steps, min(1, len(u.Steps)), c)
	}
}

func controllers(s State) []map[string]string {
	var all []map[string]string
	for _, c := range s.Bridge.Controllers {
		all = append(all, c.Columns)
	}
	return all
}

func sameRows(a, b []map[string]string) bool {
	return slices.EqualFunc(a, b, func(x, y map[string]string) bool { return maps.Equal(x, y) })
}

// restoreManagers removes managers that joining added, and creates those again that it removed.
func restoreManagers(stop, restore *Commands, now State, was Snapshot) {
	old := slices.Clone(was.managers)
	for _, m := range now.Managers {
		if m.Node == "" {
			continue
		}
		if i := slices.IndexFunc(old, func(o map[string]string) bool { return maps.Equal(o, m.Columns) }); i >= 0 {
			old = slices.Delete(old, i, i+1)
			continue
		}
		stop.add("remove", "open_vswitch", ".", "manager_options", m.UUID)
	}
	for i, columns := range old {
		id := fmt.Sprintf("@manager%d", i)
		restore.add(create(id, "manager", columns)...)
		restore.add("add", "open_vswitch", ".", "manager_options", id)
	}
}

// create is the command that makes a row of columns.
func create(id, table string, columns map[string]string) []string {
	args := []string{"--id=" + id, "create", table}
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		args = append(args, column+"="+columns[column])
	}
	return args
}

// restoreBridge restores a bridge; stopped says that its controllers are removed already.
func restoreBridge(c *Commands, b *Bridge, was Snapshot, stopped bool) {
	if !was.Exists {
		c.add("del-br", b.Name)
		return
	}
	for _, p := range was.newPorts(b) {
		c.add("--if-exists", "del-port", b.Name, p)
	}
	for _, p := range b.KernelPorts {
		if !slices.Contains(was.kernelPorts, p) {
			c.add("--if-exists", "del-port", b.Name, p)
		}
	}
	switch {
	case was.Tunnel == nil && b.Tunnel != nil:
		c.add("--if-exists", "del-port", b.Name, TunnelPort)
	case was.Tunnel != nil && b.Tunnel != nil && (was.Tunnel.Type != b.Tunnel.Type || !maps.Equal(was.Tunnel.Options, b.Tunnel.Options)):
		c.add("clear", "interface", TunnelPort, "options")
		set := []string{"set", "interface", TunnelPort, "type=" + valueQuote(was.Tunnel.Type)}
		if options := dictValue(was.Tunnel.Options); options != "" {
			set = append(set, "options="+options)
		}
		c.add(set...)
	}
	if was.Tunnel != nil && b.Tunnel != nil {
		for _, key := range []string{KeyNode, KeyLocalIP, KeyDstPort} {
			restoreKey(c, "interface", TunnelPort, "external_ids", key, b.Tunnel.ExternalIDs, was.Tunnel.externalIDs)
		}
	}
	restoreColumn(c, b.Name, "fail_mode", b.FailMode, was.FailMode)
	restoreColumn(c, b.Name, "protocols", strings.Join(b.Protocols, ","), strings.Join(was.Protocols, ","))
	restoreColumn(c, b.Name, "datapath_type", b.DatapathType, was.DatapathType)
	for _, key := range joinedConfig {
		restoreKey(c, "bridge", b.Name, "other_config", key, b.OtherConfig, was.OtherConfig)
	}
	for _, key := range []string{KeyNode, KeyMade, KeyFound, KeyUnderlayMTU, KeyAccess} {
		restoreKey(c, "bridge", b.Name, "external_ids", key, b.ExternalIDs, was.externalIDs)
	}
	if !stopped || len(was.Controllers) == 0 {
		return
	}
	var ids []string
	for i, columns := range was.Controllers {
		id := fmt.Sprintf("@controller%d", i)
		c.add(create(id, "controller", columns)...)
		ids = append(ids, id)
	}
	c.add("set", "bridge", b.Name, "controller="+strings.Join(ids, ","))
}

func restoreColumn(c *Commands, bridge, column, now, was string) {
	switch {
	case now == was:
	case was == "" && column == "datapath_type": // not optional, but empty
		c.add("set", "bridge", bridge, `datapath_type=""`)
	case was == "":
		c.add("clear", "bridge", bridge, column)
	default:
		c.add("set", "bridge", bridge, column+"="+was)
	}
}

// restoreKey restores one key of a row's map.
func restoreKey(c *Commands, table, row, column, key string, now, was map[string]string) {
	n, has := now[key]
	w, had := was[key]
	switch {
	case has == had && n == w:
	case !had:
		c.add("remove", table, row, column, key)
	default:
		c.add("set", table, row, column+":"+key+"="+valueQuote(w))
	}
}

// Script returns the commands as a script for a POSIX shell.
func (u Undoing) Script(bridge string, globals []string) string {
	var b strings.Builder
	for _, step := range u.Steps {
		b.WriteString(step.Text(globals) + "\n")
	}
	if len(u.Flows) > 0 {
		fmt.Fprintf(&b, "ovs-ofctl -O OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15 --bundle add-flows %s - << 'END'\n%s\nEND\n", ShellQuote(bridge), strings.Join(u.Flows, "\n"))
	}
	return b.String()
}
