package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultHost is where sdnd listens unless told otherwise.
const DefaultHost = "unix:///run/sdnctl/sdnd.sock"

// AuthorHeader names who makes a change, for the history. On a unix socket
// sdnd goes by the credentials of the peer instead.
const AuthorHeader = "X-Sdnctl-Author"

// maxReply bounds how much of a reply is read into memory, in bytes.
const maxReply = 1 << 30

// expectOver is the size in bytes above which a body is only sent once sdnd
// has said that it takes it; one that is refused while it is sent would be
// seen as a broken connection.
const expectOver = 1 << 20

// Client calls the API of one sdnd. It is safe for concurrent use.
type Client struct {
	host   string
	base   string
	http   *http.Client
	author string
}

// ClientOptions are the choices of NewClient.
type ClientOptions struct {
	// Author is recorded with every change, such as "alice@laptop".
	Author string
	// Transport replaces the way requests are sent, for tests. Nil dials host.
	Transport http.RoundTripper
}

// NewClient makes a client of the sdnd at host, which is "unix:///path" or
// "http://host:port"; the empty string is DefaultHost. It does not connect yet.
func NewClient(host string, opts ClientOptions) (*Client, error) {
	if host == "" {
		host = DefaultHost
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, fmt.Errorf("host %q: want unix:///path or http://host:port", host)
	}
	c := &Client{host: host, author: opts.Author}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		c.base = "http://sdnd"
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", u.Path)
		}
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		c.base = strings.TrimSuffix(host, "/")
	default:
		return nil, fmt.Errorf("host %q: want unix:///path or http://host:port", host)
	}
	c.http = &http.Client{Transport: transport}
	if opts.Transport != nil {
		c.http.Transport = opts.Transport
	}
	return c, nil
}

// Host returns where the client connects to.
func (c *Client) Host() string { return c.host }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// UnreachableError says that no sdnd answers.
type UnreachableError struct {
	// Host is where one was looked for, as given to NewClient.
	Host string
	// Err is why the connection failed.
	Err error
}

// Error says where nothing answered, why, and what to look at.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach sdnd at %s: %v; is it running, and may you use the socket?", e.Host, e.Err)
}

// Unwrap returns why the connection failed.
func (e *UnreachableError) Unwrap() error { return e.Err }

// call sends one request and decodes the reply into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, header http.Header, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	resp, err := c.send(ctx, method, path, query, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(out); err != nil {
		return fmt.Errorf("%s %s: decode the reply: %w", method, path, err)
	}
	return nil
}

// send sends one request; an answer that is not a success becomes an *Error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.ContentLength > expectOver {
		req.Header.Set("Expect", "100-continue")
	}
	if c.author != "" {
		req.Header.Set(AuthorHeader, c.author)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, &UnreachableError{Host: c.host, Err: err}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readError(resp)
}

// readError turns a reply that is not a success into an *Error.
func readError(resp *http.Response) *Error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	var e Error
	if json.Unmarshal(b, &e) != nil || e.Message == "" {
		e = Error{Message: strings.TrimSpace(string(b)), Code: CodeInternal}
		if e.Message == "" || len(e.Message) > 500 {
			e.Message = "sdnd answered " + resp.Status
		}
	}
	e.Status = resp.StatusCode
	return &e
}

// ListOptions narrow a list. The zero value lists all.
type ListOptions struct {
	// Label is a selector, such as "app=web,!test".
	Label string
	// Network and Node narrow a list of ports: to those of the network, and to
	// those pinned to or bound on the node.
	Network, Node string
}

func (o ListOptions) query() url.Values {
	q := url.Values{}
	for k, v := range map[string]string{"label": o.Label, "network": o.Network, "node": o.Node} {
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

func list[T any](ctx context.Context, c *Client, kind Kind, o ListOptions) (List[T], error) {
	var l List[T]
	err := c.call(ctx, http.MethodGet, "/v1/"+kind.Plural(), o.query(), nil, nil, &l)
	return l, err
}

func objectPath(kind Kind, name string) string {
	return "/v1/" + kind.Plural() + "/" + url.PathEscape(name)
}

// Object reads one object in its general form. An object that does not exist
// is an *Error with CodeNotFound.
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

// Router reads one router.
func (c *Client) Router(ctx context.Context, name string) (Router, error) {
	return get[Router](ctx, c, KindRouter, name)
}

// Port reads one port.
func (c *Client) Port(ctx context.Context, name string) (Port, error) {
	return get[Port](ctx, c, KindPort, name)
}

func get[T any](ctx context.Context, c *Client, kind Kind, name string) (T, error) {
	var o T
	err := c.call(ctx, http.MethodGet, objectPath(kind, name), nil, nil, nil, &o)
	return o, err
}

// Create creates an object and returns it with what was allocated; its
// Meta.Revision is the revision to wait for. If it exists the error has
// CodeExists.
func (c *Client) Create(ctx context.Context, o Object) (Object, error) {
	var out Object
	err := c.call(ctx, http.MethodPost, "/v1/"+o.Kind.Plural(), nil, nil, o, &out)
	return out, err
}

// Put creates or replaces an object. With ifRevision not 0 it replaces only
// the object whose Meta.Revision that is, else the error has CodePrecondition.
func (c *Client) Put(ctx context.Context, o Object, ifRevision Revision) (Object, error) {
	var out Object
	err := c.call(ctx, http.MethodPut, objectPath(o.Kind, o.Name), nil, ifMatch(ifRevision), o, &out)
	return out, err
}

// Delete deletes an object and returns the revision that did; ifRevision is as
// in Put.
func (c *Client) Delete(ctx context.Context, kind Kind, name string, ifRevision Revision) (Revision, error) {
	var out DeleteResult
	err := c.call(ctx, http.MethodDelete, objectPath(kind, name), nil, ifMatch(ifRevision), nil, &out)
	return out.Revision, err
}

func ifMatch(r Revision) http.Header {
	if r == 0 {
		return nil
	}
	return http.Header{"If-Match": {fmt.Sprintf("%q", fmt.Sprint(r))}}
}

// Apply does a transaction: all of it, or nothing and an *Error that names
// every mistake.
func (c *Client) Apply(ctx context.Context, req ApplyRequest) (ApplyResult, error) {
	var out ApplyResult
	err := c.call(ctx, http.MethodPost, "/v1/apply", nil, nil, req, &out)
	return out, err
}

// Acks tells which nodes have yet to confirm a revision. With wait above zero
// it answers as soon as that changes, at the latest after wait.
func (c *Client) Acks(ctx context.Context, rev Revision, wait time.Duration) (Acks, error) {
	return c.acks(ctx, rev, wait, 0)
}

// acks is Acks for a caller that knows of seen pending nodes: it answers at
// once when there are more or fewer.
func (c *Client) acks(ctx context.Context, rev Revision, wait time.Duration, seen int) (Acks, error) {
	q := url.Values{}
	if wait > 0 {
		q.Set("wait", wait.String())
	}
	if seen > 0 {
		q.Set("seen", strconv.Itoa(seen))
	}
	var out Acks
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/v1/revisions/%d/acks", rev), q, nil, nil, &out)
	return out, err
}

// Wait returns nil once every affected node has confirmed a revision, or the
// context's error. progress, unless nil, is called with every answer on the
// way.
func (c *Client) Wait(ctx context.Context, rev Revision, progress func(Acks)) error {
	seen := 0
	for wait := time.Duration(0); ; wait = 30 * time.Second {
		a, err := c.acks(ctx, rev, wait, seen)
		if err != nil {
			return err
		}
		seen = len(a.Pending)
		if progress != nil {
			progress(a)
		}
		if a.Done {
			return nil
		}
	}
}

// History returns up to limit revisions, newest first, from the given one
// downward; from 0 begins with the newest and limit 0 is the server's choice.
func (c *Client) History(ctx context.Context, from Revision, limit int) (History, error) {
	q := url.Values{}
	if from > 0 {
		q.Set("from", fmt.Sprint(from))
	}
	if limit > 0 {
		q.Set("limit", fmt.Sprint(limit))
	}
	var out History
	err := c.call(ctx, http.MethodGet, "/v1/history", q, nil, nil, &out)
	return out, err
}

// Status returns the state of the whole.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out Status
	err := c.call(ctx, http.MethodGet, "/v1/status", nil, nil, nil, &out)
	return out, err
}

// Switches lists connected switches that no declared node claims.
func (c *Client) Switches(ctx context.Context) (Switches, error) {
	var out Switches
	err := c.call(ctx, http.MethodGet, "/v1/switches", nil, nil, nil, &out)
	return out, err
}

// Flows lists the flows of a node, as wanted beside as installed.
func (c *Client) Flows(ctx context.Context, node string) (Flows, error) {
	var out Flows
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/flows", nil, nil, nil, &out)
	return out, err
}
