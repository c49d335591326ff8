package server

import (
	"sync"

	"golang.org/x/time/rate"
)

// maxClients is the greatest number of clients whose rates are kept. It limits the memory
// that a flood from many addresses can take. At the limit, all rates are reset.
const maxClients = 4096

// rates limits the requests per second of each client.
type rates struct {
	limit rate.Limit // requests per second, 0 for no limit

	mu      sync.Mutex // guards clients
	clients map[string]*rate.Limiter
}

func newRates(perSecond float64) *rates {
	return &rates{limit: rate.Limit(perSecond), clients: map[string]*rate.Limiter{}}
}

// allow reports whether a client may make one more request now. A client that was idle may
// make the requests of two seconds at once.
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
