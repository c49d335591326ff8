package server

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

type historyInput struct {
	From   uint64 `query:"from" doc:"Newest revision to return; if absent, the newest that exists" example:"7"`
	Limit  int    `query:"limit" doc:"Greatest number of revisions to return" minimum:"1" maximum:"1000" default:"50" example:"50"`
	Object string `query:"object" doc:"Only revisions that changed this object" example:"port/web1"`
	Author string `query:"author" doc:"Only revisions of this author" example:"alice"`
}

func (s *Server) changeRoutes() {
	apply := huma.Operation{
		Method: http.MethodPost, Path: "/v1/apply", OperationID: "apply", Tags: []string{tagChanges},
		Summary: "Create, replace and delete objects in one transaction",
		Description: "Either all changes are made, as one revision, or none, and the response lists every mistake. " +
			"Objects may be in any order. The same request again changes nothing and makes no revision.",
	}
	s.takesBody(&apply, reflect.TypeFor[api.ApplyRequest](), exampleApply(), s.cfg.MaxApply)
	register(s, apply, exampleApplied(), s.apply)

	history := huma.Operation{
		Method: http.MethodGet, Path: "/v1/history", OperationID: "history", Tags: []string{tagChanges},
		Summary: "List revisions with their authors and changes, newest first",
	}
	register(s, history, exampleHistory(), s.history)
}

func (s *Server) apply(ctx context.Context, in *createInput) (*changeOutput[long[api.ApplyResult]], error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	r, err := s.applyAll(ctx, in.Author)
	if err != nil {
		return nil, err
	}
	if r.rest.DryRun {
		wait = 0
	}
	return &changeOutput[long[api.ApplyResult]]{s.confirmed(ctx, topology.Revision(r.rest.Revision), wait), *r}, nil
}

// applyAll does what apply does, without waiting for confirmations.
func (s *Server) applyAll(ctx context.Context, header string) (*long[api.ApplyResult], error) {
	b, sel, t := decodeApply(takeBody(ctx))
	defer s.lockWrites(ctx, b.Prune != "")()
	if b.Prune != "" {
		if node := nodeOfRequest(ctx); node != "" {
			return nil, newProblem(http.StatusForbidden, api.CodeForbidden, "node/%s is a node, which may not prune: list the objects to delete", node)
		}
		t.prune(s.cfg.Store.Snapshot(), sel)
	}
	if b.DryRun {
		if err := s.authorizeDryRun(ctx, t); err != nil {
			return nil, err
		}
		before := s.viewFor(ctx)
		r, err := s.dryRun(before.snap, t)
		if err != nil {
			return nil, err
		}
		out := applied(before.snap.Revision(), true, s.viewOf(ctx, r.Next).changes(before, r.Changes))
		if r.Next != before.snap {
			out.rest.Forecast = s.forecastOf(s.cfg.Fabric.Forecast(before.snap, r, true))
		}
		return out, nil
	}
	c, err := s.commit(ctx, author(ctx, header), t)
	if err != nil {
		return nil, err
	}
	return applied(c.Revision, false, s.viewOf(ctx, c.After).changes(s.viewOf(ctx, c.Before), c.Changes)), nil
}

// applied returns the response to an apply.
func applied(rev topology.Revision, dryRun bool, changes iter.Seq2[any, error]) *long[api.ApplyResult] {
	return &long[api.ApplyResult]{
		rest:  api.ApplyResult{Revision: api.Revision(rev), DryRun: dryRun, Changes: []api.Change{}},
		field: "changes", items: changes,
	}
}

// prune adds the deletion of every object that the selector matches and that the transaction
// does not contain.
func (t *transaction) prune(snap *topology.Snapshot, sel model.Selector) {
	v := view{snap: snap}
	for _, kind := range api.Kinds() {
		for o := range v.all(kind.Model(), "", "") {
			labels := o.Metadata().Labels
			if _, named := t.given[o.Ref()]; named || labels[madeBy] != "" && !sel.NamesPrefix(nodeLabels) {
				continue // ports that nodes created are pruned only by a selector with a nodeLabels key
			}
			if sel.Matches(labels) {
				t.op(topology.Op{Verb: topology.Delete, Ref: o.Ref()}, nil)
			}
		}
	}
}

// history returns the newest revisions that match the request.
func (s *Server) history(_ context.Context, in *historyInput) (*output[long[api.History]], error) {
	var of topology.Ref
	if in.Object != "" {
		kind, name, _ := strings.Cut(in.Object, "/")
		k, err := api.ParseKind(kind)
		if err != nil || name == "" {
			return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{
				Index: -1, Field: "object", Message: fmt.Sprintf("%q is not the reference of an object", in.Object), Fix: "write it as port/web1",
			}})
		}
		of = refOf(k, name)
	}
	match := func(e *store.Entry) bool {
		return (in.Author == "" || e.Author == in.Author) &&
			(in.Object == "" || slices.ContainsFunc(e.Changes, func(c store.EntryChange) bool { return c.Ref == of }))
	}
	// A revision may have a hundred thousand changes, so only one is in memory at a time.
	found, err := s.cfg.Store.History(topology.Revision(in.From), 1, match)
	if err != nil {
		return nil, internal(err)
	}
	entries := func(yield func(any, error) bool) {
		for left := in.Limit; left > 0 && len(found) > 0; left-- {
			rev := found[0].Revision
			if !yield(historyEntry(found[0])) || rev <= 1 {
				return
			}
			if found, err = s.cfg.Store.History(rev-1, 1, match); err != nil {
				yield(nil, err)
				return
			}
		}
	}
	return &output[long[api.History]]{Body: long[api.History]{
		rest: api.History{Entries: []api.HistoryEntry{}}, field: "entries", items: entries,
	}}, nil
}
