// Package warn logs what is wrong with peers, but not as often as they give
// cause to: a flood of strangers does not flood the log.
package warn

import (
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

const (
	// Every is how long the same warning about a machine is not logged again.
	Every = 10 * time.Second
	// MaxLines is how many different ones are within Every: whoever mends one
	// thing is to see what is wrong next.
	MaxLines = 3
	// MaxMachines is how many machines are told apart; all others are as one.
	// The three bound what is logged, to 30 lines a second.
	MaxMachines = 100
)

// Limiter logs warnings about peers. It may be used concurrently.
type Limiter struct {
	log  *slog.Logger
	seed maphash.Seed

	mu sync.Mutex
	// machines has those warned of within Every, and perhaps some of before, by
	// connlimit.Host; others is all there is no room for.
	machines map[string]*machine
	others   machine
}

// machine is what is known of one that was warned of.
type machine struct {
	until      time.Time // the same is not logged before
	last       uint64    // what was logged last, hashed
	lines      int       // logged within Every
	suppressed int       // warnings since the last that was logged
}

// New makes a Limiter that logs to log.
func New(log *slog.Logger) *Limiter {
	return &Limiter{log: log, seed: maphash.MakeSeed(), machines: map[string]*machine{}}
}

// Warn logs a warning about the peer at an address, with args as for slog: the
// first of its machine at once, and within Every after that only MaxLines - 1
// more, each other than the last. How many were not logged since is said as
// "suppressed" with the next; if there is none, it is not.
func (l *Limiter) Warn(from net.Addr, msg string, args ...any) {
	suppressed, ok := l.take(connlimit.Host(from), maphash.String(l.seed, msg+fmt.Sprint(args...)))
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args[:len(args):len(args)], "suppressed", suppressed)
	}
	l.log.Warn(msg, append([]any{"address", from.String()}, args...)...)
}

// take reports whether a warning about a machine, here its hash, is to be logged,
// and how many were not since the last.
func (l *Limiter) take(host string, text uint64) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	m := l.machine(host, now)
	switch {
	case !now.Before(m.until):
		m.until, m.lines = now.Add(Every), 0
	case text == m.last || m.lines == MaxLines:
		m.suppressed++
		return 0, false
	}
	suppressed, m.suppressed = m.suppressed, 0
	m.last = text
	m.lines++
	return suppressed, true
}

// machine returns what is known of a machine. Those of which nothing has to be
// known any more make room. The caller holds the lock.
func (l *Limiter) machine(host string, now time.Time) *machine {
	if m := l.machines[host]; m != nil {
		return m
	}
	if len(l.machines) >= MaxMachines {
		for h, m := range l.machines {
			if !now.Before(m.until) {
				l.others.suppressed += m.suppressed
				delete(l.machines, h)
			}
		}
	}
	if len(l.machines) >= MaxMachines {
		return &l.others
	}
	m := &machine{}
	l.machines[host] = m
	return m
}
