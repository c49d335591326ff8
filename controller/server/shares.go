package server

import "sync"

// shares limits how many requests, or other uses of a resource, are open at a time: of each
// client, and in total. Clients on the unix socket have a limit of their own.
type shares struct {
	each, all int // limits of a client and in total

	mu     sync.Mutex     // guards what follows
	remote map[string]int // number of each client on TCP that has any
	total  int            // sum of remote
	local  int            // number on the unix socket
}

func newShares(each, all int) *shares {
	return &shares{each: each, all: all, remote: map[string]int{}}
}

// refusal is the limit that a client has reached.
type refusal int

const (
	granted    refusal = iota // none
	ownBound                  // that of the client
	totalBound                // that of all clients
)

// acquire adds one to the number of a client. The caller must call release at the end; it is
// nil if the client is refused.
func (s *shares) acquire(c client) (release func(), why refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.local {
		if s.local >= s.all {
			return nil, totalBound
		}
		s.local++
		return func() { s.mu.Lock(); s.local--; s.mu.Unlock() }, granted
	}
	if s.remote[c.name] >= s.each {
		return nil, ownBound
	}
	if s.total >= s.all {
		return nil, totalBound
	}
	s.remote[c.name]++
	s.total++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.remote[c.name]--; s.remote[c.name] == 0 {
			delete(s.remote, c.name)
		}
	}, granted
}
