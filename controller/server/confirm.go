package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
)

// A change may ask for its response to be sent once the switches have confirmed it. That
// takes one request instead of two.

// maxWait is the longest time that a request may wait for confirmations.
const maxWait = 5 * time.Minute

// waitOf parses the time that a request asks to wait. The error is a *problem.
func waitOf(text string) (time.Duration, error) {
	wrong := func(format string, args ...any) error {
		return refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "wait", Message: fmt.Sprintf(format, args...)}})
	}
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d < 0:
		return 0, wrong("%q is not a time to wait: want one such as 30s", text)
	case d > maxWait:
		return 0, wrong("longer than 5m: wait in several requests instead")
	}
	return d, nil
}

// changeOutput is the response to a change.
type changeOutput[T any] struct {
	Pending string `header:"X-Sdnctl-Pending" doc:"How many nodes have yet to confirm the change; only with wait" example:"0"`
	Body    T
}

// confirmed waits until every node that a revision concerns has confirmed it, for at most
// wait, and returns how many nodes have not; "" if wait is 0.
func (s *Server) confirmed(ctx context.Context, rev topology.Revision, wait time.Duration) (pending string) {
	if wait == 0 {
		return ""
	}
	a := s.awaitAcks(ctx, s.cfg.Fabric.Acks(rev), wait, func(a status.Acks) bool { return len(a.Pending) == 0 })
	return strconv.Itoa(len(a.Pending))
}

// awaitAcks returns the nodes that have yet to confirm a revision, a or a later state of it:
// once enough accepts it, after wait, when the caller disconnects or loses its rights, or
// when the server stops.
func (s *Server) awaitAcks(ctx context.Context, a status.Acks, wait time.Duration, enough func(status.Acks) bool) status.Acks {
	if enough(a) {
		return a
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	proof := time.NewTicker(s.proofEvery)
	defer proof.Stop()
	who := clientOf(ctx)
	for {
		select {
		case <-a.Changed:
		case <-proof.C:
		case <-timer.C:
			return s.cfg.Fabric.Acks(a.Revision)
		case <-draining(ctx):
			return a
		case <-ctx.Done():
			return a
		}
		if s.reauthorize(who) != nil {
			return a
		}
		if a = s.cfg.Fabric.Acks(a.Revision); enough(a) {
			return a
		}
	}
}

// differs returns a function that reports whether b has other pending nodes than a.
func differs(a status.Acks) func(status.Acks) bool {
	return func(b status.Acks) bool { return !slices.Equal(a.Pending, b.Pending) }
}
