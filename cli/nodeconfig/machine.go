package nodeconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// vsctlTimeout is how many seconds ovs-vsctl waits for ovs-vswitchd to apply a change of the
// database.
const vsctlTimeout = 10

// Machine is the Open vSwitch of a machine, accessed with ovs-vsctl(8) and ovs-ofctl(8).
type Machine struct {
	// Exec runs a program and returns its standard output and error together.
	Exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// DB is the connection method of the database (ovs-vsctl(8)), "" for the
	// machine's own.
	DB string
	// Offline says that ovs-vswitchd is not running, so that changes are only written to the
	// database.
	Offline bool
}

// Globals returns the options that come first in each call of ovs-vsctl.
func (m Machine) Globals() []string {
	var g []string
	if m.DB != "" {
		g = append(g, "--db="+m.DB)
	}
	if m.Offline {
		g = append(g, "--no-wait")
	}
	return append(g, fmt.Sprintf("--timeout=%d", vsctlTimeout))
}

// Apply makes changes in one transaction and, unless the machine is offline, waits until
// ovs-vswitchd has processed them. That does not mean that ovs-vswitchd succeeded: see Verify.
func (m Machine) Apply(ctx context.Context, c Commands) error {
	if len(c) == 0 {
		return nil
	}
	_, err := m.vsctl(ctx, c.args(m.Globals()))
	return err
}

// Run runs ovs-vsctl with arguments and returns its output.
func (m Machine) Run(ctx context.Context, args ...string) (string, error) {
	out, err := m.vsctl(ctx, append(m.Globals(), args...))
	return string(bytes.TrimSpace(out)), err
}

func (m Machine) vsctl(ctx context.Context, args []string) ([]byte, error) {
	out, err := m.Exec(ctx, "ovs-vsctl", args...)
	if err != nil {
		return nil, vsctlError(out, err)
	}
	return out, nil
}

// Read reads the part of the configuration that concerns a bridge.
func (m Machine) Read(ctx context.Context, bridge string) (State, error) {
	read, err := m.list(ctx,
		"--columns=_uuid,name,datapath_id,datapath_type,fail_mode,protocols,other_config,external_ids,controller,ports list bridge",
		"--columns=_uuid,name,interfaces list port",
		"--columns=_uuid,name,type,options,ofport,error list interface",
		"list controller",
		"list manager",
		"list ssl",
	)
	if err != nil {
		return State{}, err
	}
	s := state(bridge, read[0], read[1], read[2], read[3], read[4], read[5])
	if b := s.Bridge; b != nil && !m.Offline && b.Node() == "" {
		b.Flows, b.FlowsUnknown = m.flows(ctx, b)
	}
	return s, nil
}

// list runs commands that list tables, in one transaction, and returns the rows of each.
func (m Machine) list(ctx context.Context, commands ...string) ([][]row, error) {
	var tables Commands
	for _, c := range commands {
		tables.add(strings.Fields(c)...)
	}
	globals := append(Machine{DB: m.DB, Offline: true}.Globals(), "--format=json") // reading need not wait for ovs-vswitchd
	out, err := m.vsctl(ctx, tables.args(globals))
	if err != nil {
		return nil, err
	}
	read := make([][]row, len(tables))
	dec := json.NewDecoder(bytes.NewReader(out))
	for i := range read {
		var t table
		if err := dec.Decode(&t); err != nil {
			return nil, fmt.Errorf("the output of ovs-vsctl is not JSON: %w: %.200s", err, out)
		}
		if read[i], err = t.rows(); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// flows reads the flows of a bridge; unknown says why they cannot be read.
func (m Machine) flows(ctx context.Context, b *Bridge) (flows []string, unknown string) {
	out, err := m.ofctl(ctx, b.Name, "--no-stats", "dump-flows")
	if err != nil {
		return nil, err.Error()
	}
	return ownFlows(string(out), b), ""
}

// CountFlows returns how many flows a bridge has.
func (m Machine) CountFlows(ctx context.Context, bridge string) (int, error) {
	out, err := m.ofctl(ctx, bridge, "--no-stats", "dump-flows")
	return strings.Count(string(out), "actions="), err
}

// AddFlows adds flows, as ovs-ofctl prints them, all or none.
func (m Machine) AddFlows(ctx context.Context, bridge string, flows []string) (err error) {
	if len(flows) == 0 {
		return nil
	}
	file, err := os.CreateTemp("", "sdnctl-flows-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = io.WriteString(file, strings.Join(flows, "\n")+"\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = m.ofctl(ctx, bridge, "--bundle", "add-flows", file.Name())
	return err
}

// ofctl runs one command of ovs-ofctl(8) on a bridge. The bridge is named after
// the command, and args after the bridge; options begin with "-".
func (m Machine) ofctl(ctx context.Context, bridge string, args ...string) ([]byte, error) {
	target := bridge
	switch socket, unix := strings.CutPrefix(m.DB, "unix:"); {
	case unix:
		// The sockets of ovs-vswitchd are in the folder of the database's socket.
		target = "unix:" + filepath.Join(filepath.Dir(socket), bridge+".mgmt")
	case m.DB != "":
		return nil, fmt.Errorf("ovs-ofctl cannot reach the bridges of the database %s", m.DB)
	}
	command := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	all := append([]string{fmt.Sprintf("--timeout=%d", vsctlTimeout), "-O", "OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15"}, args[:command+1]...)
	all = append(append(all, target), args[command+1:]...)
	out, err := m.Exec(ctx, "ovs-ofctl", all...)
	if err != nil {
		return nil, fmt.Errorf("ovs-ofctl: %s (%w)", lastLine(out), err)
	}
	return out, nil
}

// vsctlError returns an error of ovs-vsctl, with a remedy for the usual ones.
func vsctlError(out []byte, err error) error {
	text := strings.TrimPrefix(lastLine(out), "ovs-vsctl: ")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("ovs-vsctl is not installed on this machine; install Open vSwitch first, for example: apt install openvswitch-switch")
	case strings.Contains(text, "Permission denied"):
		return fmt.Errorf("%s; run this as root, for example with sudo", text)
	case strings.Contains(text, "database connection failed"):
		return fmt.Errorf("%s; is ovsdb-server running? start it with: systemctl start openvswitch-switch (or name another database with --db)", text)
	case strings.Contains(string(out), "Alarm clock"), strings.Contains(err.Error(), "alarm clock"):
		return fmt.Errorf("ovs-vswitchd did not apply the change within %d s; is it running? start it with: systemctl start openvswitch-switch (or pass --offline to only write the database)", vsctlTimeout)
	case text == "":
		return fmt.Errorf("ovs-vsctl: %w", err)
	}
	return fmt.Errorf("ovs-vsctl: %s (%w)", text, err)
}

// lastLine returns the last line of a program's output, which has its error.
func lastLine(out []byte) string {
	s := strings.TrimSpace(string(out))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
