package server

import (
	"sync"

	"golang.org/x/time/rate"
)

// maxClients bounds the number of clients whose rates are remembered, and so the cost of a
// flood from many addresses. Beyond it all rates are reset.
const maxClients = 4096

// rates limits the requests per second of each client.
type rates struct {
	limit rate.Limit // 0 for none

	mu      sync.Mutex // guards clients
	clients map[string]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	return &rates{limit: rate.Limit(perSecond), clients: map[string]*rate.Limiter{}}
}

// allow reports whether a client may make one more request now. An idle client may make the
// requests of two seconds at once.
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
