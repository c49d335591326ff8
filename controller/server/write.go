package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// transaction is the list of ops of a request, with the mistakes in the request.
type transaction struct {
	ops []topology.Op
	// index has the position in the request of each op in ops.
	index []int
	// requested counts the objects and deletions in the request, including those that have
	// mistakes and are not in ops.
	requested int
	mistakes  []api.Problem
	// broken are the objects with mistakes, with the fields of the mistakes.
	broken map[topology.Ref][]string
	// given has the position at which each object is first given, to detect objects that are
	// given twice.
	given map[topology.Ref]int
	// redacted hides the owner of an address or name that is in use from the caller.
	redacted bool
}

// refOf returns the reference of an object.
func refOf(k api.Kind, name string) topology.Ref { return topology.Ref{Kind: k.Model(), Name: name} }

func newTransaction(size int) *transaction {
	return &transaction{
		ops:    make([]topology.Op, 0, size),
		broken: map[topology.Ref][]string{},
		given:  make(map[topology.Ref]int, size),
	}
}

// object adds the creation or replacement of an object.
func (t *transaction) object(verb topology.Verb, o api.Object, spec model.Spec, mistakes []api.Problem) {
	t.op(topology.Op{Verb: verb, Ref: refOf(o.Kind, o.Name), Labels: o.Labels, Spec: spec}, mistakes)
}

// remove adds the deletion of an object.
func (t *transaction) remove(k api.Key) {
	kind, err := api.ParseKind(string(k.Kind))
	if err != nil {
		t.op(topology.Op{Verb: topology.Delete}, []api.Problem{{Object: k.Name, Field: "kind", Message: err.Error()}})
		return
	}
	t.op(topology.Op{Verb: topology.Delete, Ref: refOf(kind, k.Name)}, nil)
}

// op adds an op with its mistakes. An op without a valid kind or spec is left out of t.ops.
func (t *transaction) op(op topology.Op, mistakes []api.Problem) {
	index := t.requested
	t.requested++
	for _, p := range mistakes {
		p.Index = index
		if p.Object == "" {
			p.Object = op.Ref.String()
		}
		t.mistakes = append(t.mistakes, p)
		t.broken[op.Ref] = append(t.broken[op.Ref], p.Field)
	}
	if first, twice := t.given[op.Ref]; twice && op.Ref.Name != "" {
		t.broken[op.Ref] = append(t.broken[op.Ref], "")
		t.mistakes = append(t.mistakes, api.Problem{
			Index: index, Object: op.Ref.String(),
			Message: fmt.Sprintf("given twice: it is also object %d of the request", first+1),
			Fix:     "leave one of them out",
		})
	} else {
		t.given[op.Ref] = index
	}
	if op.Verb == topology.Delete && op.Ref.Kind != "" || op.Spec != nil && op.Spec.Kind() == op.Ref.Kind {
		t.ops = append(t.ops, op)
		t.index = append(t.index, index)
	}
}

// refusal returns a *problem with the mistakes found so far and those that the store found in
// the ops, so that the client gets all of them at once; nil if there are none.
func (t *transaction) refusal(found topology.Problems) error {
	mistakes := t.mistakes
	code := ""
	if len(mistakes) > 0 {
		code = api.CodeInvalid
	}
	for _, p := range found {
		if p.Op >= 0 && p.Op < len(t.ops) {
			if t.isConsequence(t.ops[p.Op], p) {
				continue
			}
			p.Op = t.index[p.Op]
		}
		if t.redacted {
			p = redact(p)
		}
		mistakes = append(mistakes, mistakeOf(p))
		switch c := codeOf(p); code {
		case "", c:
			code = c
		default:
			code = api.CodeInvalid
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	return refuse(statusOf(code), code, sorted(mistakes))
}

// commit commits the transaction. The error is a *problem. The caller holds s.writes, at
// least shared.
func (s *Server) commit(ctx context.Context, who string, t *transaction) (store.Commit, error) {
	if err := s.authorizeChange(ctx, t); err != nil {
		return store.Commit{}, err
	}
	if len(t.mistakes) > 0 {
		_, err := s.dryRun(s.cfg.Store.Snapshot(), t)
		return store.Commit{}, err
	}
	c, err := s.cfg.Store.Apply(ctx, who, t.ops, s.withinBudget(t))
	if err == nil && len(c.Changes) > 0 {
		s.log.Info("topology changed", "revision", c.Revision, "author", who, "objects", len(c.Changes))
	}
	return c, s.refused(t, err)
}

// dryRun returns what the transaction would change. The error is a *problem.
func (s *Server) dryRun(before *topology.Snapshot, t *transaction) (topology.Result, error) {
	r, err := topology.Plan(before, t.ops, s.cfg.Clock())
	if err == nil {
		err = s.withinBudget(t)(before, r)
	}
	if err == nil && len(t.mistakes) > 0 {
		return topology.Result{}, t.refusal(nil)
	}
	return r, s.refused(t, err)
}

// notSaved logs and returns the problem of a change that could not be written to disk.
func (s *Server) notSaved(err error) *problem {
	s.log.Error("change not saved", "err", err)
	switch {
	case errors.Is(err, store.ErrNoSpace):
		return newProblem(http.StatusInsufficientStorage, api.CodeNoSpace, "the change was not saved: %v", err)
	case errors.Is(err, store.ErrUnconfirmed):
		return internal(err)
	}
	return internal(fmt.Errorf("the change was not saved: %w", err))
}

// refused converts an error of the store to a *problem.
func (s *Server) refused(t *transaction, err error) error {
	var found topology.Problems
	switch {
	case err == nil:
		return nil
	case errors.As(err, &found):
		return t.refusal(found)
	case len(t.mistakes) > 0:
		return t.refusal(nil)
	case errors.Is(err, context.Canceled):
		return newProblem(http.StatusServiceUnavailable, api.CodeUnavailable, "the request was canceled: %v", err)
	}
	return s.notSaved(err)
}
