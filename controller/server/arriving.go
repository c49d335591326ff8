package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// errNoRoom is the error of reading a body that was dropped in favour of other clients'
// bodies.
var errNoRoom = errors.New("the body was dropped in favour of those of other clients")

// arriving is a body that is being received. Its whole declared size counts against the
// limit. At the limit, the client with the most bytes loses its oldest body, unless that is
// younger than bodySafe.
type arriving struct {
	r       io.Reader
	control *http.ResponseController
	// ctx ends with the request, or when the body is dropped.
	ctx   context.Context
	start time.Time
	got   int64
}

// arrive waits until the body of a request, of at most n bytes, fits into the limit. The
// caller must call leave at the end; after that the body is no longer dropped.
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
	// This check comes after SetReadDeadline, which may have overwritten the deadline that
	// wakes Read.
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
