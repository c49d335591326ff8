package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/connlimit"
)

const (
	// smallBody is the size in bytes up to which a body is not counted: it holds any object
	// that people write.
	smallBody = 16 << 10
	// bodyWait is how long a large body waits for those before it.
	bodyWait = 10 * time.Second
	// bodySafe is how long a large body may take to arrive before it may have to make room
	// for those of clients that have fewer.
	bodySafe = 5 * time.Second
)

// bodies limits large bodies, in bytes: those being received, whose limit is shared
// fairly by client, and those being processed, of each client and of all. Processing a
// body takes several times its size. Bodies on the unix socket have limits of their own.
type bodies struct {
	each, all                     int64
	remote, local                 *semaphore.Weighted // in work
	remoteArriving, localArriving *connlimit.Limiter

	mu      sync.Mutex             // guards clients
	clients map[string]*clientBody // those that have any or wait
}

// clientBody has the bodies of one client.
type clientBody struct {
	*semaphore.Weighted
	users int // requests that have it or wait
}

func newBodies(each, all int64, safe time.Duration) *bodies {
	all = max(each, all)
	return &bodies{
		each: each, all: all, remote: semaphore.NewWeighted(all), local: semaphore.NewWeighted(all),
		remoteArriving: connlimit.New(int(all), safe), localArriving: connlimit.New(int(all), safe),
		clients: map[string]*clientBody{},
	}
}

// full refuses a body that exceeds a limit.
func (b *bodies) full() *problem {
	return newProblem(http.StatusServiceUnavailable, api.CodeUnavailable,
		"sdnd works on %d MiB of other requests, which is the limit (--api-max-bodies): try again, or send less at a time", b.all>>20)
}

// acquire waits until a body of n bytes may be processed. release must be called in the
// end.
func (b *bodies) acquire(ctx context.Context, c client, n int64) (release func(), p *problem) {
	if n <= smallBody {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, bodyWait)
	defer cancel()
	if c.local {
		if b.local.Acquire(ctx, n) != nil {
			return nil, b.full()
		}
		return func() { b.local.Release(n) }, nil
	}
	own, leave := b.of(c)
	if own.Acquire(ctx, n) != nil {
		leave()
		return nil, newProblem(http.StatusTooManyRequests, api.CodeTooMany,
			"sdnd works on %d MiB of other requests of %s, which is the limit: wait for their answers first", b.each>>20, c.name)
	}
	// Last, so that one client's requests do not wait in line before others'.
	if b.remote.Acquire(ctx, n) != nil {
		own.Release(n)
		leave()
		return nil, b.full()
	}
	return func() {
		b.remote.Release(n)
		own.Release(n)
		leave()
	}, nil
}

// of returns the bodies of a client; leave must be called when they are no longer used.
func (b *bodies) of(c client) (own *clientBody, leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	own = b.clients[c.name]
	if own == nil {
		own = &clientBody{Weighted: semaphore.NewWeighted(b.each)}
		b.clients[c.name] = own
	}
	own.users++
	return own, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(b.clients, c.name)
		}
	}
}
