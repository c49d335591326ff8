package server

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
)

const (
	watchPath = "/v1/watch"
	// maxReplay is the greatest number of revisions that a watch gets from the history. If
	// it has missed more, its client must read all objects again.
	maxReplay = 1000
	// keepAlive is the interval of the comments on an idle watch. They keep proxies and both
	// ends from closing the connection.
	keepAlive = 15 * time.Second
	// eventTimeout is the time after which a watch ends whose client does not read.
	eventTimeout = 10 * time.Second
	// proofEvery is the interval at which a watch, or a request that waits for
	// confirmations, checks whether its client may still read.
	proofEvery = 5 * time.Second
)

type watchInput struct {
	From        string `query:"from" doc:"Report the changes after this revision; if absent, after the present one" example:"7"`
	LastEventID string `header:"Last-Event-ID" doc:"Id of the last event received. It is a revision and overrides from" example:"7"`
}

func (s *Server) watchRoute() {
	op := huma.Operation{
		Method: http.MethodGet, Path: watchPath, OperationID: "watch", Tags: []string{tagChanges},
		Summary: "Watch changes, and the status of nodes, networks, services and ports, as server-sent events",
		Description: "Each event has the name of its type and an Event as data. The first event is ready. " +
			"The last change of each revision has the revision as its id, so that a client that " +
			"reconnects with Last-Event-ID misses nothing. If the events that it missed are no longer kept, " +
			"it gets the event resync and must read all objects again.",
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events",
			Content: map[string]*huma.MediaType{"text/event-stream": {
				Schema: &huma.Schema{
					Type:        huma.TypeString,
					Description: "Server-sent events (WHATWG HTML, section 9.2), each with an Event in JSON as data",
					Extensions:  map[string]any{"contentMediaType": "text/event-stream", "contentSchema": s.schema(reflect.TypeFor[api.Event]())},
				},
				Example: exampleEvents,
			}},
		}},
	}
	s.addProblem(&op)
	huma.Register(s.api, op, func(ctx context.Context, in *watchInput) (*huma.StreamResponse, error) {
		start := s.feed.now()
		if from := cmp.Or(in.LastEventID, in.From); from != "" {
			rev, err := strconv.ParseUint(from, 10, 64)
			if err != nil {
				return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "from", Message: strconv.Quote(from) + " is not a revision"}})
			}
			start.revision = topology.Revision(rev)
		}
		who := clientOf(ctx)
		release, why := s.watches.acquire(who)
		switch why {
		case ownBound:
			return nil, s.tooMany("%d watches of %s are open, which is the limit for one client: end some of them", s.cfg.MaxClientWatchers, who.name)
		case totalBound:
			return nil, newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "%d watches are open, which is the limit (--api-max-watchers)", s.cfg.MaxWatchers)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			s.metrics.watchers.Inc()
			defer s.metrics.watchers.Dec()
			defer release()
			_, w := humago.Unwrap(ctx)
			// An error means that the client is gone.
			_ = s.watch(ctx.Context(), newEventWriter(w), start)
		}}, nil
	})
}

// watch writes the events after at until the context ends, the server stops, or the client
// stops reading or loses its rights.
func (s *Server) watch(ctx context.Context, w *eventWriter, at cursor) error {
	if err := w.event(api.Event{Type: api.EventReady, Revision: api.Revision(at.revision)}, true); err != nil {
		return err
	}
	idle := time.NewTicker(keepAlive)
	defer idle.Stop()
	proof := time.NewTicker(s.proofEvery)
	defer proof.Stop()
	who := clientOf(ctx)
	for {
		if s.reauthorize(who) != nil {
			return nil
		}
		b := s.feed.after(at)
		if err := s.writeBatch(w, at, b); err != nil {
			return err
		}
		if err := w.flush(); err != nil {
			return err
		}
		at = b.next
		select {
		case <-b.news:
		case <-proof.C:
		case <-idle.C:
			if err := w.comment("keep-alive"); err != nil {
				return err
			}
		case <-draining(ctx):
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// writeBatch writes the events of a batch, which begins after at.
func (s *Server) writeBatch(w *eventWriter, at cursor, b batch) error {
	if b.missing {
		if err := s.replay(w, at.revision, b.next.revision); err != nil {
			return err
		}
	}
	v := s.view()
	for _, c := range b.commits {
		for i, change := range c.Changes {
			after, err := v.object(change.After)
			if err != nil {
				return err
			}
			e := api.Event{
				Type: api.EventChange, Revision: api.Revision(c.Revision), Time: c.Time.UTC(), Author: c.Author,
				Object: change.Ref.String(), Verb: verbOf(change), After: after,
			}
			if err := w.event(e, i == len(c.Changes)-1); err != nil {
				return err
			}
		}
	}
	for _, o := range b.status {
		e, ok := v.statusEvent(o)
		if !ok {
			continue
		}
		e.Revision, e.Object = api.Revision(b.next.revision), o.String()
		if err := w.event(e, false); err != nil {
			return err
		}
	}
	if b.lost {
		return w.event(api.Event{Type: api.EventResync, Revision: api.Revision(b.next.revision)}, false)
	}
	return nil
}

// replay writes the changes of the revisions after from, up to to, from the history. It writes
// a resync event if they are too many or the history no longer has them.
func (s *Server) replay(w *eventWriter, from, to topology.Revision) error {
	resync := api.Event{Type: api.EventResync, Revision: api.Revision(to)}
	if from > to || to-from > maxReplay {
		return w.event(resync, true)
	}
	entries, err := s.cfg.Store.History(to, int(to-from), nil)
	if err != nil {
		s.log.Warn("history not readable for a watch", "err", err)
		return w.event(resync, true)
	}
	if len(entries) == 0 || entries[len(entries)-1].Revision != from+1 {
		return w.event(resync, true)
	}
	for _, entry := range slices.Backward(entries) {
		e, err := historyEntry(entry)
		if err != nil {
			return err
		}
		for i, c := range e.Changes {
			ev := api.Event{
				Type: api.EventChange, Revision: e.Revision, Time: e.Time, Author: e.Author,
				Object: c.Object, Verb: c.Verb, After: c.After,
			}
			if err := w.event(ev, i == len(e.Changes)-1); err != nil {
				return err
			}
		}
	}
	return nil
}
