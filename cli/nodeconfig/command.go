package nodeconfig

import "strings"

// Commands are changes to a database in one transaction (RFC 7047, 4.1.3): a node is never half
// joined, and a bridge never exists without its fail mode. Each is a command of ovs-vsctl(8) with
// its arguments.
type Commands [][]string

// add appends a command.
func (c *Commands) add(args ...string) { *c = append(*c, args) }

// args returns the arguments of one call of ovs-vsctl.
func (c Commands) args(globals []string) []string {
	args := append([]string(nil), globals...)
	for i, part := range c {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, part...)
	}
	return args
}

// Text returns the call of ovs-vsctl as a shell command, with one command of ovs-vsctl on each
// line. globals are the options before the commands, such as --db.
func (c Commands) Text(globals []string) string {
	var b strings.Builder
	b.WriteString("ovs-vsctl")
	for _, g := range globals {
		b.WriteString(" " + ShellQuote(g))
	}
	for i, part := range c {
		b.WriteString(" \\\n   ")
		if i > 0 {
			b.WriteString(" --")
		}
		for _, a := range part {
			b.WriteString(" " + ShellQuote(a))
		}
	}
	return b.String()
}

// line returns the call of ovs-vsctl as a shell command on one line.
func (c Commands) line(globals []string) string {
	words := []string{"ovs-vsctl"}
	for _, a := range c.args(globals) {
		words = append(words, ShellQuote(a))
	}
	return strings.Join(words, " ")
}
