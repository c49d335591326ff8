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
	// smallBody is the size in bytes up to which a body is not counted. Any object that a
	// person writes is smaller.
	smallBody = 16 << 10
	// bodyWait is how long a large body waits for room.
	bodyWait = 10 * time.Second
	// bodySafe is how long the reception of a large body may take before the body may be
	// dropped in favour of clients that have fewer bytes.
	bodySafe = 5 * time.Second
)

// bodies limits the bytes of large bodies. The limit of those being received is shared
// fairly among the clients. Those being processed, which take several times their size in
// memory, have a limit for each client and one for all. Bodies on the unix socket have
// limits of their own.
type bodies struct {
	each, all                     int64               // limits in bytes, of a client and in total
	remote, local                 *semaphore.Weighted // bytes being processed
	remoteArriving, localArriving *connlimit.Limiter  // bytes being received

	mu      sync.Mutex             // guards clients
	clients map[string]*clientBody // by name, while a request uses or awaits one
}

// clientBody counts the bytes of one client's bodies that are being processed.
type clientBody struct {
	*semaphore.Weighted
	users int // requests that hold a part of it or wait for one
}

func newBodies(each, all int64, safe time.Duration) *bodies {
	all = max(each, all)
	return &bodies{
		each: each, all: all, remote: semaphore.NewWeighted(all), local: semaphore.NewWeighted(all),
		remoteArriving: connlimit.New(int(all), safe), localArriving: connlimit.New(int(all), safe),
		clients: map[string]*clientBody{},
	}
}

// full returns the problem of a body for which there was no room in time.
func (b *bodies) full() *problem {
	return newProblem(http.StatusServiceUnavailable, api.CodeUnavailable,
		"sdnd is processing %d MiB of other requests, which is the limit (--api-max-bodies): try again, or send less at a time", b.all>>20)
}

// acquire waits until a body of n bytes may be processed. The caller must call release
// afterwards.
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
			"sdnd is processing %d MiB of other requests of %s, which is the limit: wait for their responses first", b.each>>20, c.name)
	}
	// The total comes last, so that the waiting requests of one client do not block those of
	// others.
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

// of returns the counter of a client. The caller must call leave when it no longer uses it.
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
