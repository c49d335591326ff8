package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// errNoRoom ends the reading of a body that was dropped to make room for other clients'
// bodies.
var errNoRoom = errors.New("other clients need the room that this body takes")

// arriving is a body that is being read. Its whole size counts against the limit. At the
// limit, the client with the most bytes loses its oldest body that is older than
// bodySafe.
type arriving struct {
	r       io.Reader
	control *http.ResponseController
	// ctx ends with the request, or when the body has to make room.
	ctx   context.Context
	start time.Time
	got   int64
}

// arrive waits until the body of a request, of at most n bytes, fits into the limit. The
// caller must call leave in the end; after that the body is no longer dropped.
func (b *bodies) arrive(w http.ResponseWriter, r *http.Request, body io.Reader, n int64) (a *arriving, leave func(), p *problem) {
	ctx, cancel := context.WithCancelCause(r.Context())
	a = &arriving{r: body, control: http.NewResponseController(w), ctx: ctx}
	c := clientOf(r.Context())
	all := b.remoteArriving
	if c.local {
		all = b.localArriving
	}
	room := all.ReserveFor(c.name, func() {
		cancel(errNoRoom)
		// This wakes Read. If it fails, the time limits end the read.
		_ = a.control.SetReadDeadline(time.Unix(1, 0))
	})
	leave = func() {
		room.Release()
		cancel(nil)
	}
	if n > smallBody {
		wait, stop := context.WithTimeout(ctx, bodyWait)
		defer stop()
		if !room.Grow(wait, int(n)) {
			leave()
			return nil, nil, b.full()
		}
	}
	a.start = time.Now()
	return a, leave, nil
}

// Read reads a part of the body. It fails if the client sends too slowly, and with
// errNoRoom if the body was dropped.
func (a *arriving) Read(b []byte) (int, error) {
	allowed := min(bodyGrace+time.Duration(a.got)*time.Second/bodyRate, bodyTimeout)
	if err := a.control.SetReadDeadline(a.start.Add(allowed)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	// After the deadline, since ctx ends before it is set.
	if a.dropped() {
		return 0, errNoRoom
	}
	n, err := a.r.Read(b)
	a.got += int64(n)
	if err != nil && a.dropped() {
		err = errNoRoom
	}
	return n, err
}

// dropped reports whether the body was dropped in favour of others.
func (a *arriving) dropped() bool { return errors.Is(context.Cause(a.ctx), errNoRoom) }
