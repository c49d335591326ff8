package reconcile

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// refusedFor is how long after its last attempt a machine that was refused is
// shown. Open vSwitch tries again at least every 8 s unless it is set otherwise
// (ovs-vswitchd.conf.db(5), Controller, max_backoff).
const refusedFor = 2 * time.Minute

// maxRefused bounds the switches remembered that could not say who they are.
const maxRefused = 64

// refuse remembers, by machine, why a connection did not become a session, so
// that the user sees it beside the quarantined switches. Of those that did not
// speak OpenFlow at all nothing is worth showing.
func (b *board) refuse(from net.Addr, err error) {
	var version *session.VersionError
	if !errors.As(err, &version) {
		return
	}
	b.show(from, Switch{Reason: "switch offers " + version.Names() + ", but not OpenFlow 1.3"},
		"ovs-vsctl set bridge "+b.bridge+" protocols=OpenFlow13")
}

// unproven remembers, by machine, why a connection did not prove who it is. One
// that ended or said nothing was a look whether sdnd can be reached, as "sdnctl node
// join" takes one, and no switch.
func (b *board) unproven(from net.Addr, err error) {
	var network net.Error
	silent := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.As(err, &network) && network.Timeout()
	if !silent {
		b.show(from, Switch{Reason: err.Error()}, "")
	}
}

// refusal is a switch that was refused, the command that lets it in, "" for none,
// and when it last tried.
type refusal struct {
	Switch
	command string
	last    time.Time
}

// show remembers, by machine, that a switch was refused, and the command that lets
// it in when run there; where it is and since when is added. It is forgotten when
// the machine is let in, or has not tried for refusedFor.
func (b *board) show(from net.Addr, s Switch, command string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refused) >= maxRefused {
		clear(b.refused)
	}
	if command != "" {
		s.Action = "on that machine: " + command
	}
	host, now := connlimit.Host(from), b.now()
	was, again := b.refused[host]
	again = again && was.Reason == s.Reason
	if s.Address, s.Since = from.String(), now; again {
		s.Since = was.Since
	}
	b.refused[host] = refusal{s, command, now}
	if !again {
		b.assessAt(host)
	}
	b.signal()
}

// refusedAt returns why a switch was refused where a node is declared to be or was
// last; nil if none was. The caller holds the lock.
func (b *board) refusedAt(n *boardNode) *condition.Refused {
	for _, host := range n.mayBeAt() {
		if r, ok := b.refused[host]; ok {
			return &condition.Refused{Address: r.Address, Reason: r.Reason, Command: r.command}
		}
	}
	return nil
}

// mayBeAt returns the hosts where a node is declared to be or was last.
func (n *boardNode) mayBeAt() (hosts []string) {
	if ip := n.status.source.declared; ip.IsValid() {
		hosts = append(hosts, ip.String())
	}
	if n.host != "" {
		hosts = append(hosts, n.host)
	}
	return hosts
}

// assessAt evaluates the nodes again that may be at a host and are not connected.
// The caller holds the lock.
func (b *board) assessAt(host string) {
	for _, n := range b.nodes {
		if !n.status.Connected && slices.Contains(n.mayBeAt(), host) {
			b.evaluate(n)
			b.notify(nodeRef(n.status.Node))
		}
	}
}

// accept forgets why a machine was refused: it has been let in.
func (b *board) accept(from net.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	host := connlimit.Host(from)
	if _, ok := b.refused[host]; ok {
		delete(b.refused, host)
		b.assessAt(host)
	}
}
