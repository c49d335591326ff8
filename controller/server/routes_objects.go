package server

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

type listInput struct {
	Label string `query:"label" doc:"Label selector: terms such as app=web, app!=web, app, !app, separated by commas, all of which must hold" example:"app=web"`
}

type portListInput struct {
	Label   string `query:"label" doc:"Label selector: terms such as app=web, app!=web, app, !app, separated by commas, all of which must hold" example:"app=web"`
	Network string `query:"network" doc:"Only ports of this network" example:"blue"`
	Node    string `query:"node" doc:"Only ports pinned to or bound on this node" example:"node1"`
}

type nameInput struct {
	Name string `path:"name" doc:"Name of the object" example:"web1"`
}

// The parameters below are in no struct that others embed: huma overlooks
// embedded structs that are not exported.

type createInput struct {
	Author string `header:"X-Sdnctl-Author" doc:"Who makes the change, for the history; the user at the other end of the unix socket, or of the certificate or token, is recorded instead" example:"alice@laptop"`
	Wait   string `query:"wait" doc:"Answer when every node that the change concerns has confirmed it, at the latest after this time; at most 5m. The header X-Sdnctl-Pending says how many have not" example:"1s"`
}

type putInput struct {
	Name    string `path:"name" doc:"Name of the object" example:"web1"`
	Author  string `header:"X-Sdnctl-Author" doc:"Who makes the change, for the history; the user at the other end of the unix socket, or of the certificate or token, is recorded instead" example:"alice@laptop"`
	IfMatch string `header:"If-Match" doc:"Change the object only if this is its revision (meta.revision, or ETag); '*' only if it exists" example:"\"7\""`
	Wait    string `query:"wait" doc:"Answer when every node that the change concerns has confirmed it, at the latest after this time; at most 5m. The header X-Sdnctl-Pending says how many have not" example:"1s"`
}

type objectOutput[T any] struct {
	ETag string `header:"ETag" doc:"Revision that last changed the object, for If-Match" example:"\"7\""`
	Body *T
}

type putOutput[T any] struct {
	Pending string `header:"X-Sdnctl-Pending" doc:"How many nodes have yet to confirm the change; only if that was waited for" example:"0"`
	ETag    string `header:"ETag" doc:"Revision that last changed the object, for If-Match" example:"\"7\""`
	Body    *T
}

// objectRoutes registers list, create, get, put and delete of one kind.
func objectRoutes[T any](s *Server, kind api.Kind, example T) {
	one, many := kind.Lower(), kind.Plural()
	base := "/v1/" + many
	t := reflect.TypeFor[T]()
	op := func(method, path, id, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tagObjects}}
	}

	list := op(http.MethodGet, base, "list-"+many, "List "+many+", sorted by name")
	exampleList := api.List[T]{Items: []T{example}, Revision: 7}
	if kind == api.KindPort {
		register(s, list, exampleList, func(ctx context.Context, in *portListInput) (*output[long[api.List[T]]], error) {
			return listObjects[T](ctx, s, kind, in)
		})
	} else {
		register(s, list, exampleList, func(ctx context.Context, in *listInput) (*output[long[api.List[T]]], error) {
			return listObjects[T](ctx, s, kind, &portListInput{Label: in.Label})
		})
	}

	create := op(http.MethodPost, base, "create-"+one, "Create a "+one+"; it must not exist")
	create.DefaultStatus = http.StatusCreated
	s.takesBody(&create, t, declared(example), s.cfg.MaxBody)
	register(s, create, example, func(ctx context.Context, in *createInput) (*putOutput[T], error) {
		return putObject[T](ctx, s, topology.Create, kind, &putInput{Author: in.Author, Wait: in.Wait})
	})

	get := op(http.MethodGet, base+"/{name}", "get-"+one, "Show a "+one)
	register(s, get, example, func(ctx context.Context, in *nameInput) (*objectOutput[T], error) {
		return getObject[T](s.viewFor(ctx), refOf(kind, in.Name))
	})

	put := op(http.MethodPut, base+"/{name}", "put-"+one, "Create or replace a "+one)
	s.takesBody(&put, t, declared(example), s.cfg.MaxBody)
	register(s, put, example, func(ctx context.Context, in *putInput) (*putOutput[T], error) {
		return putObject[T](ctx, s, topology.Put, kind, in)
	})

	remove := op(http.MethodDelete, base+"/{name}", "delete-"+one, "Delete a "+one+"; nothing may refer to it any more")
	register(s, remove, api.DeleteResult{Revision: 8}, func(ctx context.Context, in *putInput) (*changeOutput[api.DeleteResult], error) {
		return removeObject(ctx, s, kind, in)
	})
}

func listObjects[T any](ctx context.Context, s *Server, kind api.Kind, in *portListInput) (*output[long[api.List[T]]], error) {
	sel, err := parseSelector(in.Label)
	if err != nil {
		return nil, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "label", Message: err.Error()}})
	}
	v := s.viewFor(ctx)
	picked := func(yield func(topology.Object) bool) {
		for o := range v.all(kindOf(kind), in.Network, in.Node) {
			if sel.matches(o.Metadata().Labels) && !yield(o) {
				return
			}
		}
	}
	return &output[long[api.List[T]]]{Body: long[api.List[T]]{
		rest: api.List[T]{Items: []T{}, Revision: api.Revision(v.snap.Revision())}, field: "items",
		items: each(picked, func(o topology.Object) (any, error) { return v.typed(o), nil }),
	}}, nil
}

func getObject[T any](v view, ref topology.Ref) (*objectOutput[T], error) {
	o, ok := v.snap.Object(ref)
	if !ok || !v.sees(o) {
		return nil, notFound(ref)
	}
	return &objectOutput[T]{ETag: etag(o), Body: v.typed(o).(*T)}, nil
}

func notFound(ref topology.Ref) *problem {
	return newProblem(http.StatusNotFound, api.CodeNotFound, "there is no %s %q", ref.Kind, ref.Name)
}

func etag(o topology.Object) string { return fmt.Sprintf("%q", fmt.Sprint(o.Metadata().Modified)) }

// putObject creates or replaces the object in the body; in.Name is that of the
// path, "" if it has none.
func putObject[T any](ctx context.Context, s *Server, verb topology.Verb, kind api.Kind, in *putInput) (*putOutput[T], error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	o, spec, mistakes := decodeOne(body(ctx), kind, in.Name)
	t := newTransaction(1)
	t.object(verb, o, spec, mistakes)
	ref := refOf(kind, o.Name)
	c, err := s.change(ctx, ref, in, t)
	if err != nil {
		return nil, err
	}
	out, err := getObject[T](s.viewOf(ctx, c.After), ref)
	if err != nil {
		return nil, err
	}
	// Not that of the commit, which may have changed nothing.
	now, _ := c.After.Object(ref)
	return &putOutput[T]{s.confirmed(ctx, now.Metadata().Modified, wait), out.ETag, out.Body}, nil
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

// change does a transaction on one object, if that is as in.IfMatch asks.
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
		return fail("If-Match asks for revision %s of %s, which does not exist", ifMatch, ref)
	}
	for tag := range strings.SplitSeq(ifMatch, ",") {
		tag = strings.Trim(strings.TrimSpace(tag), `"`)
		if tag == "*" || tag == strconv.FormatUint(uint64(o.Metadata().Modified), 10) {
			return nil
		}
	}
	return fail("%s was changed by revision %d since it was read (If-Match: %s): read it again and repeat the change", ref, o.Metadata().Modified, ifMatch)
}
