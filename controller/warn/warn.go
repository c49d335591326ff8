// Package warn logs warnings about peers at a limited rate, so that no peer can flood the
// log.
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
	// Every is the interval in which the same warning about a client is logged once.
	Every = 10 * time.Second
	// MaxLines is how many different warnings about a client are logged within Every, so
	// that whoever fixes one problem sees the next.
	MaxLines = 3
	// MaxMachines is how many clients are counted one by one. All others count as one. The
	// three constants bound the log to 30 lines per second.
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

// machine is the state of one client.
type machine struct {
	until      time.Time // the same is not logged before
	last       uint64    // what was logged last, hashed
	lines      int       // logged within Every
	suppressed int       // warnings since the last that was logged
}

// New returns a Limiter that logs to log.
func New(log *slog.Logger) *Limiter {
	return &Limiter{log: log, seed: maphash.MakeSeed(), machines: map[string]*machine{}}
}

// Warn logs a warning about the peer at an address, with args as in slog. The first warning
// about a client is logged at once. Within Every after that, at most MaxLines - 1 further
// ones are logged, if each differs from the one before. The next line that is logged has
// the number of warnings that were not, as "suppressed".
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

// take reports whether a warning, of which text is a hash, is to be logged, and how many
// were not logged since the last one.
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

// machine returns the state of a client. It drops the states that have expired if there are
// too many. The caller holds the lock.
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
