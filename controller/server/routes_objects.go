package server

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

type listInput struct {
	Label    string `query:"label" doc:"Label selector: terms such as app=web, app!=web, app, !app, separated by commas, all of which must hold" example:"app=web"`
	Limit    int    `query:"limit" doc:"Greatest number of objects to return; all if absent" minimum:"1" maximum:"10000" example:"500"`
	Continue string `query:"continue" doc:"Only objects after this name: the value of continue in the previous page" example:"web500"`
}

type portListInput struct {
	Label   string `query:"label" doc:"Label selector: terms such as app=web, app!=web, app, !app, separated by commas, all of which must hold" example:"app=web"`
	Network string `query:"network" doc:"Only ports of this network" example:"blue"`
	Node    string `query:"node" doc:"Only ports pinned to or bound on this node" example:"node1"`
	Group   string `query:"group" doc:"Only ports of this port group" example:"web"`
	Policy  string `query:"policy" doc:"Only ports that this policy applies to" example:"web"`

	Limit    int    `query:"limit" doc:"Greatest number of objects to return; all if absent" minimum:"1" maximum:"10000" example:"500"`
	Continue string `query:"continue" doc:"Only objects after this name: the value of continue in the previous page" example:"web500"`
}

type nameInput struct {
	Name string `path:"name" doc:"Name of the object" example:"web1"`
}

type getInput struct {
	Name        string `path:"name" doc:"Name of the object" example:"web1"`
	IfNoneMatch string `header:"If-None-Match" doc:"ETag of an earlier response: the response is 304, without a body, if neither the object nor its status has changed since" example:"\"7-2f0c1b9a64e5d8c3\""`
}

// The structs below repeat some parameters, because huma ignores embedded structs that
// are not exported.

type createInput struct {
	Author string `header:"X-Sdnctl-Author" doc:"Author of the change, for the history. It is ignored if the user is known: from the unix socket, a certificate or a token" example:"alice@laptop"`
	Wait   string `query:"wait" doc:"Respond once every affected node has confirmed the change, at the latest after this time; at most 5m. The header X-Sdnctl-Pending has the number of nodes that have not" example:"1s"`
}

type putInput struct {
	Name    string `path:"name" doc:"Name of the object" example:"web1"`
	Author  string `header:"X-Sdnctl-Author" doc:"Author of the change, for the history. It is ignored if the user is known: from the unix socket, a certificate or a token" example:"alice@laptop"`
	IfMatch string `header:"If-Match" doc:"Change the object only if this is its revision (meta.revision, or ETag); with '*', only if it exists" example:"\"7\""`

	IfNoneMatch string `header:"If-None-Match" doc:"'*': change the object only if it does not exist" example:"*"`

	Wait string `query:"wait" doc:"Respond once every affected node has confirmed the change, at the latest after this time; at most 5m. The header X-Sdnctl-Pending has the number of nodes that have not" example:"1s"`
}

type objectOutput[T any] struct {
	Status int
	ETag   string `header:"ETag" doc:"Revision that last changed the object, and a digest of the object with its status. If-Match compares the revision, If-None-Match both" example:"\"7-2f0c1b9a64e5d8c3\""`
	Body   *T
}

type listOutput[T any] struct {
	Link string `header:"Link" doc:"URL of the next page, with rel=next; only with limit, and if there is a next page" example:"</v1/ports?continue=web500&limit=500>; rel=\"next\""`
	Body long[api.List[T]]
}

type putOutput[T any] struct {
	Pending string `header:"X-Sdnctl-Pending" doc:"How many nodes have yet to confirm the change; only with wait" example:"0"`
	ETag    string `header:"ETag" doc:"As in the response to a GET" example:"\"7-2f0c1b9a64e5d8c3\""`
	Body    *T
}

// objectRoutes registers list, create, get, put, patch and delete of one kind.
func objectRoutes[S, St any](s *Server, kind api.Kind, example api.Resource[S, St]) {
	type T = api.Resource[S, St]
	one, many := kind.Lower(), kind.Plural()
	base := "/v1/" + many
	t := reflect.TypeFor[T]()
	op := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tagObjects}}
	}

	list := op(http.MethodGet, base, "list-"+many, "List "+many+", sorted by name")
	exampleList := api.List[T]{Items: []T{example}, Revision: 7}
	if kind == api.KindPort {
		register(s, list, exampleList, func(ctx context.Context, in *portListInput) (*listOutput[T], error) {
			return listObjects[T](ctx, s, kind, in)
		})
	} else {
		register(s, list, exampleList, func(ctx context.Context, in *listInput) (*listOutput[T], error) {
			return listObjects[T](ctx, s, kind, &portListInput{Label: in.Label, Limit: in.Limit, Continue: in.Continue})
		})
	}

	create := op(http.MethodPost, base, "create-"+one, "Create a "+one+"; it must not exist")
	create.DefaultStatus = http.StatusCreated
	s.takesBody(&create, t, declared(example), s.cfg.MaxBody)
	register(s, create, example, func(ctx context.Context, in *createInput) (*putOutput[T], error) {
		return putObject[T](ctx, s, topology.Create, kind, &putInput{Author: in.Author, Wait: in.Wait})
	})

	get := op(http.MethodGet, base+"/{name}", "get-"+one, "Show a "+one)
	register(s, get, example, func(ctx context.Context, in *getInput) (*objectOutput[T], error) {
		out, err := getObject[T](s.viewFor(ctx), refOf(kind, in.Name))
		if err == nil && anyTag(in.IfNoneMatch, func(tag string) bool { return tag == "*" || tag == strings.Trim(out.ETag, `"`) }) {
			out.Status, out.Body = http.StatusNotModified, nil
		}
		return out, err
	})

	put := op(http.MethodPut, base+"/{name}", "put-"+one, "Create or replace a "+one)
	s.takesBody(&put, t, declared(example), s.cfg.MaxBody)
	register(s, put, example, func(ctx context.Context, in *putInput) (*putOutput[T], error) {
		return putObject[T](ctx, s, topology.Put, kind, in)
	})

	patch := op(http.MethodPatch, base+"/{name}", "patch-"+one, "Change fields of a "+one)
	patch.Description = "The body is a JSON merge patch (RFC 7396): its fields replace those of the object, null removes a field, and lists are replaced as a whole. Status and meta are ignored."
	s.takesPatch(&patch, example)
	register(s, patch, example, func(ctx context.Context, in *putInput) (*putOutput[T], error) {
		return patchObject[T](ctx, s, kind, in)
	})

	remove := op(http.MethodDelete, base+"/{name}", "delete-"+one, "Delete a "+one+"; nothing may refer to it any more")
	register(s, remove, api.DeleteResult{Revision: 8}, func(ctx context.Context, in *putInput) (*changeOutput[api.DeleteResult], error) {
		return removeObject(ctx, s, kind, in)
	})
}

// listObjects lists the objects of a kind that match the request.
func listObjects[T any](ctx context.Context, s *Server, kind api.Kind, in *portListInput) (*listOutput[T], error) {
	sel, err := model.ParseSelector(in.Label)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "label", Message: err.Error()}})
	}
	v := s.viewFor(ctx)
	all := v.all(kind.Model(), in.Network, in.Node)
	switch {
	case in.Group != "" && in.Policy != "":
		return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "policy", Message: "cannot be combined with group", Fix: "give only one of the two"}})
	case in.Group != "":
		if all, err = v.members(in.Group, in.Network, in.Node); err != nil {
			return nil, err
		}
	case in.Policy != "":
		if all, err = v.subjects(in.Policy, in.Network, in.Node); err != nil {
			return nil, err
		}
	}
	picked := func(yield func(topology.Object) bool) {
		for o := range all {
			if o.Ref().Name > in.Continue && sel.Matches(o.Metadata().Labels) && !yield(o) {
				return
			}
		}
	}
	out := &listOutput[T]{}
	rest := api.List[T]{Items: []T{}, Revision: api.Revision(v.snap.Revision())}
	if in.Limit > 0 {
		page, more := firstOf(picked, in.Limit)
		if more {
			rest.Continue = page[len(page)-1].Ref().Name
			out.Link = nextPage(kind, in, rest.Continue)
		}
		picked = slices.Values(page)
	}
	out.Body = long[api.List[T]]{
		rest: rest, field: "items",
		items: each(picked, func(o topology.Object) (any, error) { return v.show(o), nil }),
	}
	return out, nil
}

// firstOf returns the first objects, up to limit, and whether there are more.
func firstOf(all iter.Seq[topology.Object], limit int) (first []topology.Object, more bool) {
	for o := range all {
		if len(first) == limit {
			return first, true
		}
		first = append(first, o)
	}
	return first, false
}

// nextPage returns the Link to the page that begins after a name (RFC 8288).
func nextPage(kind api.Kind, in *portListInput, after string) string {
	q := url.Values{"limit": {strconv.Itoa(in.Limit)}, "continue": {after}}
	for k, v := range map[string]string{"label": in.Label, "network": in.Network, "node": in.Node, "group": in.Group, "policy": in.Policy} {
		if v != "" {
			q.Set(k, v)
		}
	}
	return fmt.Sprintf("</v1/%s?%s>; rel=\"next\"", kind.Plural(), q.Encode())
}

// getObject returns the response with one object. The error is a *problem.
func getObject[T any](v view, ref topology.Ref) (*objectOutput[T], error) {
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	body := v.show(o).(any).(*T)
	tag, err := etag(o, body)
	if err != nil {
		return nil, internal(err)
	}
	return &objectOutput[T]{Status: http.StatusOK, ETag: tag, Body: body}, nil
}

// notFound returns the problem of an object that does not exist, or that the caller may not
// see.
func notFound(ref topology.Ref) *problem {
	return newProblem(http.StatusNotFound, api.CodeNotFound, "there is no %s %q", ref.Kind, ref.Name)
}

// etag returns the entity tag (RFC 9110, section 8.8.3) of an object: the revision that
// last changed it and a digest of the response, since the status changes without a
// revision.
func etag(o topology.Object, shown any) (string, error) {
	b, err := json.Marshal(shown)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("\"%d-%016x\"", o.Metadata().Modified, xxhash.Sum64(b)), nil
}

// anyTag reports whether f is true for a tag of If-Match or If-None-Match.
func anyTag(header string, f func(tag string) bool) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag != "" && f(strings.Trim(tag, `"`)) {
			return true
		}
	}
	return false
}

// putObject creates or replaces the object in the body. in.Name is the name in the path, ""
// if the path has none.
func putObject[T any](ctx context.Context, s *Server, verb topology.Verb, kind api.Kind, in *putInput) (*putOutput[T], error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	switch in.IfNoneMatch {
	case "":
	case "*":
		verb = topology.Create
	default:
		return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{
			Index: -1, Field: "If-None-Match", Message: "a change accepts only *, which requires that the object does not exist", Fix: "use If-Match to change an existing object",
		}})
	}
	o, spec, mistakes := decodeOne(takeBody(ctx), kind, in.Name)
	t := newTransaction(1)
	t.object(verb, o, spec, mistakes)
	ref := refOf(kind, o.Name)
	c, err := s.change(ctx, ref, in, t)
	if err != nil {
		return nil, err
	}
	return answerChange[T](ctx, s, ref, c, wait)
}

// answerChange answers a change of one object with the object, once the change is confirmed
// or the wait is over.
func answerChange[T any](ctx context.Context, s *Server, ref topology.Ref, c store.Commit, wait time.Duration) (*putOutput[T], error) {
	// The commit's revision would be wrong if it changed nothing.
	now, _ := c.After.Object(ref)
	pending := s.confirmed(ctx, now.Metadata().Modified, wait)
	out, err := getObject[T](s.viewOf(ctx, c.After), ref)
	if err != nil {
		return nil, err
	}
	return &putOutput[T]{pending, out.ETag, out.Body}, nil
}

// removeObject deletes the object in.Name.
func removeObject(ctx context.Context, s *Server, kind api.Kind, in *putInput) (*changeOutput[api.DeleteResult], error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	t := newTransaction(1)
	t.remove(api.Key{Kind: kind, Name: in.Name})
	c, err := s.change(ctx, refOf(kind, in.Name), in, t)
	if err != nil {
		return nil, err
	}
	return &changeOutput[api.DeleteResult]{s.confirmed(ctx, c.Revision, wait), api.DeleteResult{Revision: api.Revision(c.Revision)}}, nil
}

// change commits a transaction on one object, if in.IfMatch allows it.
func (s *Server) change(ctx context.Context, ref topology.Ref, in *putInput, t *transaction) (store.Commit, error) {
	defer s.lockWrites(ctx, in.IfMatch != "")()
	if in.IfMatch != "" {
		if p := precondition(s.viewFor(ctx), ref, in.IfMatch); p != nil {
			return store.Commit{}, p
		}
	}
	return s.commit(ctx, author(ctx, in.Author), t)
}

// precondition checks If-Match (RFC 9110, section 13.1.1).
func precondition(v view, ref topology.Ref, ifMatch string) *problem {
	fail := func(format string, args ...any) *problem {
		return newProblem(http.StatusPreconditionFailed, api.CodePrecondition, format, args...)
	}
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return fail("If-Match requires revision %s of %s, which does not exist", ifMatch, ref)
	}
	if anyTag(ifMatch, func(tag string) bool {
		revision, _, _ := strings.Cut(tag, "-")
		return tag == "*" || revision == strconv.FormatUint(uint64(o.Metadata().Modified), 10)
	}) {
		return nil
	}
	return fail("%s was changed by revision %d since it was read (If-Match: %s): read it again and repeat the change", ref, o.Metadata().Modified, ifMatch)
}
