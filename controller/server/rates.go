package server

import (
	"sync"

	"golang.org/x/time/rate"
)

// maxClients bounds the clients whose rates are remembered; when there are
// more all begin anew, so that what a flood from many addresses costs is
// bounded, too.
const maxClients = 4096

// rates bounds how many requests a second each client may make.
type rates struct {
	limit rate.Limit // 0 for none

	mu      sync.Mutex // guards clients
	clients map[string]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	return &rates{limit: rate.Limit(perSecond), clients: map[string]*rate.Limiter{}}
}

// allow reports whether a client may make one more request now. After a pause
// it may make those of two seconds at once.
func (r *rates) allow(client string) bool {
	if r.limit <= 0 {
		return true
	}
	r.mu.Lock()
	l, ok := r.clients[client]
	if !ok {
		if len(r.clients) >= maxClients {
			clear(r.clients)
		}
		l = rate.NewLimiter(r.limit, max(1, int(2*r.limit)))
		r.clients[client] = l
	}
	r.mu.Unlock()
	return l.Allow()
}
