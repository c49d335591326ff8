package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/digitalocean/go-openvswitch/ovs"
)

// vsctlTimeout is how many seconds ovs-vsctl waits for ovs-vswitchd to have
// done what the database asks.
const vsctlTimeout = 10

// A vsctl collects changes to this machine's Open vSwitch and makes them with
// one ovs-vsctl command, which is one OVSDB transaction (RFC 7047, 4.1.3): a
// node is never left half joined, and a bridge never exists for a moment
// without its fail mode.
type vsctl struct {
	exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// globals precede the commands: --db, --timeout, --no-wait.
	globals []string
	// parts are the commands collected so far, to be joined by "--".
	parts [][]string
}

// newVsctl talks to the database at db (a connection method of ovs-vsctl(8),
// "" for the machine's own). With noWait it does not wait for ovs-vswitchd.
func newVsctl(env Env, db string, noWait bool) *vsctl {
	v := &vsctl{exec: env.Exec}
	if db != "" {
		v.globals = append(v.globals, "--db="+db)
	}
	if noWait {
		v.globals = append(v.globals, "--no-wait")
	}
	v.globals = append(v.globals, fmt.Sprintf("--timeout=%d", vsctlTimeout))
	return v
}

// switchService is go-openvswitch's view of ovs-vsctl; what is called on it is
// collected instead of run.
func (v *vsctl) switchService() *ovs.VSwitchService {
	return ovs.New(ovs.Exec(func(_ string, args ...string) ([]byte, error) {
		v.add(args...)
		return nil, nil
	})).VSwitch
}

// add collects one command that go-openvswitch has no words for.
func (v *vsctl) add(args ...string) {
	v.parts = append(v.parts, append([]string(nil), args...))
}

// command returns the arguments of the one ovs-vsctl command.
func (v *vsctl) command() []string {
	args := append([]string(nil), v.globals...)
	for i, p := range v.parts {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, p...)
	}
	return args
}

// text returns the one command as a person would type it, a part per line.
func (v *vsctl) text() string {
	var b strings.Builder
	b.WriteString("ovs-vsctl")
	for _, g := range v.globals {
		b.WriteString(" " + shellQuote(g))
	}
	for i, p := range v.parts {
		b.WriteString(" \\\n   ")
		if i > 0 {
			b.WriteString(" --")
		}
		for _, a := range p {
			b.WriteString(" " + shellQuote(a))
		}
	}
	return b.String()
}

// line returns the one command on one line.
func (v *vsctl) line() string {
	words := []string{"ovs-vsctl"}
	for _, a := range v.command() {
		words = append(words, shellQuote(a))
	}
	return strings.Join(words, " ")
}

// run makes the collected changes.
func (v *vsctl) run(ctx context.Context) error {
	_, err := v.call(ctx, v.command())
	return err
}

// read runs one command at once and returns its output without the final
// newline.
func (v *vsctl) read(ctx context.Context, args ...string) (string, error) {
	return v.call(ctx, append(append([]string(nil), v.globals...), args...))
}

func (v *vsctl) call(ctx context.Context, args []string) (string, error) {
	out, err := v.exec(ctx, "ovs-vsctl", args...)
	if err != nil {
		return "", vsctlError(out, err)
	}
	return string(bytes.TrimSpace(out)), nil
}

// vsctlError says what to do about the ways in which ovs-vsctl usually fails.
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
		return fmt.Errorf("ovs-vswitchd did not follow within %d s; is it running? start it with: systemctl start openvswitch-switch (or pass --no-wait to only write the database)", vsctlTimeout)
	case text == "":
		return fmt.Errorf("ovs-vsctl: %w", err)
	}
	return fmt.Errorf("ovs-vsctl: %s (%w)", text, err)
}

// lastLine returns the last line of a program's output, where its error is.
func lastLine(out []byte) string {
	s := strings.TrimSpace(string(out))
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// shellQuote returns s so that a POSIX shell reads it as one word.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
