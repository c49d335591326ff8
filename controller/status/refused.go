package status

import (
	"net"
	"slices"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// refusedFor is how long a refused switch is listed after its last attempt to connect. Open
// vSwitch tries at least every 8 s unless it is configured otherwise
// (ovs-vswitchd.conf.db(5), Controller, max_backoff).
const refusedFor = 2 * time.Minute

// maxRefused is the greatest number of refused switches that are listed.
const maxRefused = 64

// refusal is a switch that was refused.
type refusal struct {
	Switch
	command string    // the command that makes sdnd accept it, "" for none
	last    time.Time // its last attempt to connect
}

// Show lists a switch that was refused at its address, with the time and the command that
// makes sdnd accept it when run on its machine. The entry stays until a switch from the same
// machine is accepted, or for refusedFor after the last attempt.
func (b *Board) Show(from net.Addr, s Switch, command string) {
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

// refusedAt returns why a switch was refused at a node's declared or last address; nil if
// none was. The caller holds the lock.
func (b *Board) refusedAt(n *boardNode) *condition.Refused {
	for _, host := range n.mayBeAt() {
		if r, ok := b.refused[host]; ok {
			return &condition.Refused{Address: r.Address, Reason: r.Reason, Command: r.command}
		}
	}
	return nil
}

// mayBeAt returns a node's declared and last addresses.
func (n *boardNode) mayBeAt() (hosts []string) {
	if ip := n.status.Source.Declared; ip.IsValid() {
		hosts = append(hosts, ip.String())
	}
	if n.host != "" {
		hosts = append(hosts, n.host)
	}
	return hosts
}

// assessAt evaluates again the nodes that may be at a host and are not connected. The caller
// holds the lock.
func (b *Board) assessAt(host string) {
	for _, n := range b.nodes {
		if !n.status.Connected && slices.Contains(n.mayBeAt(), host) {
			b.evaluate(n)
			b.notify(nodeRef(n.status.Node))
		}
	}
}

// Accept removes the entry of a refused switch whose machine was accepted.
func (b *Board) Accept(from net.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	host := connlimit.Host(from)
	if _, ok := b.refused[host]; ok {
		delete(b.refused, host)
		b.assessAt(host)
	}
}
