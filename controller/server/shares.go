package server

import "sync"

// shares limits how many of something clients have at a time: each client, and all
// together. Clients on the unix socket have a limit of their own.
type shares struct {
	each, all int

	mu     sync.Mutex     // guards what follows
	remote map[string]int // of each client that has any
	total  int            // of those in remote
	local  int
}

func newShares(each, all int) *shares {
	return &shares{each: each, all: all, remote: map[string]int{}}
}

// refusal says which limit is reached.
type refusal int

const (
	granted refusal = iota
	ownBound
	totalBound
)

// acquire adds one to what a client has. release must be called in the end; it is nil if
// the client is refused.
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
