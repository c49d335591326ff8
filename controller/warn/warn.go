// Package warn logs what is wrong with peers, but not as often as they give
// cause to: a flood of strangers does not flood the log.
package warn

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/crowd"
)

const (
	// Every is how long no second warning about a machine is logged.
	Every = 10 * time.Second
	// MaxMachines is how many machines are told apart; all others are as one.
	// With Every it bounds what is logged, to ten lines a second.
	MaxMachines = 100
)

// Limiter logs warnings about peers. It may be used concurrently.
type Limiter struct {
	log *slog.Logger

	mu sync.Mutex
	// machines has those warned of within Every, and perhaps some of before, by
	// crowd.Host; others is all there is no room for.
	machines map[string]*machine
	others   machine
}

// machine is what is known of one that was warned of.
type machine struct {
	until      time.Time // nothing is logged before
	suppressed int       // warnings since the one that was logged
}

// New makes a Limiter that logs to log.
func New(log *slog.Logger) *Limiter {
	return &Limiter{log: log, machines: map[string]*machine{}}
}

// Warn logs a warning about the peer at an address: the first of its machine at
// once, and then at most one in Every, with the number of those that were not
// logged meanwhile as "suppressed". The rest of args is as for slog. What
// was suppressed and is followed by no other warning is not told.
func (l *Limiter) Warn(from net.Addr, msg string, args ...any) {
	suppressed, ok := l.take(crowd.Host(from))
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args[:len(args):len(args)], "suppressed", suppressed)
	}
	l.log.Warn(msg, append([]any{"address", from.String()}, args...)...)
}

// take reports whether a warning about a machine is to be logged, and how many
// were not since the last.
func (l *Limiter) take(host string) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	m := l.machine(host, now)
	if now.Before(m.until) {
		m.suppressed++
		return 0, false
	}
	suppressed = m.suppressed
	*m = machine{until: now.Add(Every)}
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
