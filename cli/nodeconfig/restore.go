package nodeconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Undoing has the steps that restore a machine. Open vSwitch must have finished a step before
// the next one begins: if a bridge lost its flows while it is connected to sdnd, sdnd would
// install them again.
type Undoing struct {
	Steps []Commands
	// Flows are added to the bridge as the last step.
	Flows []string
	// Notes name the settings that are not restored.
	Notes []string
}

// Empty reports whether there is nothing to undo.
func (u Undoing) Empty() bool { return len(u.Steps) == 0 && len(u.Flows) == 0 }

// PortsInUseError is the error of leaving while ports are attached to the node's bridge that
// it did not have when it joined.
type PortsInUseError struct {
	Bridge string
	Ports  []string
}

// Error names the ports.
func (e *PortsInUseError) Error() string {
	return fmt.Sprintf("bridge %s still has the ports %s; detach them first, or remove them, too, with --force", e.Bridge, strings.Join(shortened(e.Ports), ", "))
}

// OtherBridgeError is the error of leaving with a bridge that did not join, while others did.
type OtherBridgeError struct {
	// Bridge is the given bridge, Joined those that joined.
	Bridge string
	Joined []string
}

// Error names the bridge that joined.
func (e *OtherBridgeError) Error() string {
	return fmt.Sprintf("bridge %s of this machine does not belong to a node, but %s does: leave with --bridge %s", e.Bridge, e.Joined[0], ShellQuote(e.Joined[0]))
}

// Leave returns the steps that undo joining. With force they also remove ports that were
// attached since; otherwise the error is a *PortsInUseError if there are any. The error is an
// *OtherBridgeError if another bridge joined.
func Leave(s State, bridge string, force bool) (Undoing, error) {
	if s.Bridge.Node() == "" && len(s.Others) > 0 {
		return Undoing{}, &OtherBridgeError{bridge, s.Others}
	}
	if s.Bridge.Node() == "" {
		// The bridge of the node was removed. The manager, the certificate and sdnd's rows
		// may remain.
		now := s
		now.Bridge = nil
		u := undoing(now, Snapshot{})
		u.removeOwn(s.Own, "")
		if s.Bridge != nil && u.Empty() {
			u.Notes = append(u.Notes, fmt.Sprintf("bridge %s does not belong to a node: it stays", bridge))
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
		u.Notes = append(u.Notes, fmt.Sprintf("bridge %s stays, because the sdnctl that joined it did not record whether it created it; if nothing else uses it: ovs-vsctl del-br %s", bridge, ShellQuote(bridge)))
	}
	if was.FlowsLost > 0 {
		u.Notes = append(u.Notes, fmt.Sprintf("%s of the bridge before it joined: too many to record; restore them if you saved them", count(was.FlowsLost, "flow")))
	}
	return u, nil
}

// Undo returns the steps that restore the state before a join that failed.
func Undo(now, before State) Undoing {
	was := before.snapshot()
	return undoing(now, was)
}

// undoing returns the steps from the present state of a machine to a former one.
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
	case now.SSL != nil && now.SSL.Node == "": // another program replaced it
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

// removeOwn adds a step that removes the rows that sdnd made. It comes after the step that
// disconnects sdnd from the database, and before the one that changes the bridge.
func (u *Undoing) removeOwn(own []OwnRow, node string) {
	var c Commands
	u.Notes = append(u.Notes, removeOwn(&c, own, node)...)
	if len(c) > 0 {
		u.Steps = slices.Insert(u.Steps, min(1, len(u.Steps)), c)
	}
}

// controllers returns the columns of the bridge's controllers.
func controllers(s State) []map[string]string {
	var all []map[string]string
	for _, c := range s.Bridge.Controllers {
		all = append(all, c.Columns)
	}
	return all
}

// sameRows reports whether two lists of rows are equal.
func sameRows(a, b []map[string]string) bool {
	return slices.EqualFunc(a, b, func(x, y map[string]string) bool { return maps.Equal(x, y) })
}

// restoreManagers removes managers that joining added, and recreates those that it removed.
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

// create returns the command that creates a row with columns.
func create(id, table string, columns map[string]string) []string {
	args := []string{"--id=" + id, "create", table}
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		args = append(args, column+"="+columns[column])
	}
	return args
}

// restoreBridge restores a bridge; stopped says that its controllers are removed already.
func restoreBridge(c *Commands, b *Bridge, was Snapshot, stopped bool) {
	for _, p := range b.KernelPorts {
		if to, ok := strings.CutPrefix(p, bridgePrefix); ok && !slices.Contains(was.kernelPorts, p) {
			c.add("--if-exists", "del-port", peerOf(to))
		}
	}
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

// restoreColumn restores a column of the bridge.
func restoreColumn(c *Commands, bridge, column, now, was string) {
	switch {
	case now == was:
	case was == "" && column == "datapath_type": // a required column cannot be cleared
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
