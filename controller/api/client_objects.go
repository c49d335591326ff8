package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// ListOptions filter a list. The zero value lists all objects.
type ListOptions struct {
	// Label is a label selector, such as "app=web,!test".
	Label string
	// Network selects the ports of a network. It is for lists of ports only, as are the
	// fields below.
	Network string
	// Node selects the ports that are pinned to or bound on a node.
	Node string
	// Group selects the members of a port group.
	Group string
	// Policy selects the ports that a policy applies to.
	Policy string
}

// query returns the options as query parameters.
func (o ListOptions) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"label": o.Label, "network": o.Network, "node": o.Node, "group": o.Group, "policy": o.Policy} {
		if v != "" {
			q.Set(k, v)
		}
	}
	return q
}

// Objects lists the objects of a kind, sorted by name, in their general form.
func (c *Client) Objects(ctx context.Context, kind Kind, o ListOptions) (List[Object], error) {
	return list[Object](ctx, c, kind, o)
}

// Nodes lists nodes, sorted by name.
func (c *Client) Nodes(ctx context.Context, o ListOptions) (List[Node], error) {
	return list[Node](ctx, c, KindNode, o)
}

// Networks lists networks, sorted by name.
func (c *Client) Networks(ctx context.Context, o ListOptions) (List[Network], error) {
	return list[Network](ctx, c, KindNetwork, o)
}

// Routers lists routers, sorted by name.
func (c *Client) Routers(ctx context.Context, o ListOptions) (List[Router], error) {
	return list[Router](ctx, c, KindRouter, o)
}

// Ports lists ports, sorted by name.
func (c *Client) Ports(ctx context.Context, o ListOptions) (List[Port], error) {
	return list[Port](ctx, c, KindPort, o)
}

// list lists the objects of a kind.
func list[T any](ctx context.Context, c *Client, kind Kind, o ListOptions) (List[T], error) {
	var l List[T]
	err := c.call(ctx, http.MethodGet, "/v1/"+kind.Plural(), o.query(), nil, nil, &l)
	return l, err
}

// objectPath returns the URL path of an object.
func objectPath(kind Kind, name string) string {
	return "/v1/" + kind.Plural() + "/" + url.PathEscape(name)
}

// Object reads one object in its general form. If it does not exist, the error is an *Error
// with CodeNotFound, here and in the methods for single kinds.
func (c *Client) Object(ctx context.Context, kind Kind, name string) (Object, error) {
	return get[Object](ctx, c, kind, name)
}

// Node reads one node.
func (c *Client) Node(ctx context.Context, name string) (Node, error) {
	return get[Node](ctx, c, KindNode, name)
}

// Network reads one network.
func (c *Client) Network(ctx context.Context, name string) (Network, error) {
	return get[Network](ctx, c, KindNetwork, name)
}

// Service reads one service.
func (c *Client) Service(ctx context.Context, name string) (Service, error) {
	return get[Service](ctx, c, KindService, name)
}

// Router reads one router.
func (c *Client) Router(ctx context.Context, name string) (Router, error) {
	return get[Router](ctx, c, KindRouter, name)
}

// Port reads one port.
func (c *Client) Port(ctx context.Context, name string) (Port, error) {
	return get[Port](ctx, c, KindPort, name)
}

// get reads one object.
func get[T any](ctx context.Context, c *Client, kind Kind, name string) (T, error) {
	var o T
	err := c.call(ctx, http.MethodGet, objectPath(kind, name), nil, nil, nil, &o)
	return o, err
}

// Create creates an object and returns it with its allocated values, such as addresses.
// Meta.Revision of the result is the revision to wait for. If the object exists, the error
// is an *Error with CodeExists.
func (c *Client) Create(ctx context.Context, o Object) (Object, error) {
	var out Object
	err := c.change(ctx, http.MethodPost, "/v1/"+o.Kind.Plural(), nil, o, &out, out.modified)
	return out, err
}

// Put creates or replaces an object. If ifRevision is not 0, it must equal the Meta.Revision
// of the present object; otherwise the error is an *Error with CodePrecondition.
func (c *Client) Put(ctx context.Context, o Object, ifRevision Revision) (Object, error) {
	var out Object
	err := c.change(ctx, http.MethodPut, objectPath(o.Kind, o.Name), ifMatch(ifRevision), o, &out, out.modified)
	return out, err
}

// Delete deletes an object and returns the revision of the deletion. ifRevision is as in
// Put.
func (c *Client) Delete(ctx context.Context, kind Kind, name string, ifRevision Revision) (Revision, error) {
	var out DeleteResult
	err := c.change(ctx, http.MethodDelete, objectPath(kind, name), ifMatch(ifRevision), nil, &out, func() Revision { return out.Revision })
	return out.Revision, err
}

// modified returns the revision that last changed the object, 0 if unknown.
func (o *Object) modified() Revision {
	if o.Meta == nil {
		return 0
	}
	return o.Meta.Revision
}

// ifMatch returns the If-Match header (RFC 9110, section 13.1.1) for a revision, nil for 0.
func ifMatch(r Revision) http.Header {
	if r == 0 {
		return nil
	}
	return http.Header{"If-Match": {fmt.Sprintf("%q", fmt.Sprint(r))}}
}
