package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// PendingHeader says how many nodes have yet to confirm a change that was asked
// to wait for them.
const PendingHeader = "X-Sdnctl-Pending"

// DefaultHost is where sdnd listens unless configured otherwise.
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
	token  string
	// confirm is how long changes wait for the switches, and confirmed the last
	// revision of which it is known that all have confirmed it.
	confirm   time.Duration
	confirmed *atomic.Uint64
}

// ClientOptions are the choices of NewClient.
type ClientOptions struct {
	// Author is recorded with every change, such as "alice@laptop".
	Author string
	// TLS is for hosts that are https, with the authority of sdnd and, if the
	// user has one, their certificate. Nil trusts the machine's authorities.
	TLS *tls.Config
	// Token proves who the user is, where no certificate does.
	Token string
	// Transport replaces the way requests are sent, for tests. Nil dials host.
	Transport http.RoundTripper
}

// NewClient makes a client of the sdnd at host, which is "unix:///path",
// "https://host:port" or "http://host:port"; the empty string is DefaultHost. It does not connect yet.
func NewClient(host string, opts ClientOptions) (*Client, error) {
	if host == "" {
		host = DefaultHost
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, fmt.Errorf("host %q: want unix:///path or https://host:port", host)
	}
	c := &Client{host: host, author: opts.Author, token: opts.Token, confirmed: new(atomic.Uint64)}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = opts.TLS
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		c.base = "http://sdnd"
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", u.Path)
		}
	case u.Scheme == "http" && opts.Token != "" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("host %q: a token is not sent by plain http, where others can read it: use https", host)
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		c.base = strings.TrimSuffix(host, "/")
	default:
		return nil, fmt.Errorf("host %q: want unix:///path or https://host:port", host)
	}
	c.http = &http.Client{Transport: transport}
	if opts.Transport != nil {
		c.http.Transport = opts.Transport
	}
	return c, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Host returns where the client connects to.
func (c *Client) Host() string { return c.host }

// Confirming returns a client like c whose changes are answered when every node
// concerned has confirmed them, or after the time if that comes first; at most
// 5 min. A Wait for such a change then asks only if it is not confirmed.
func (c *Client) Confirming(within time.Duration) *Client {
	d := *c
	d.confirm, d.confirmed = within, new(atomic.Uint64)
	return &d
}

// change is call for what changes something; revision returns which one did,
// from what was decoded.
func (c *Client) change(ctx context.Context, method, path string, header http.Header, in, out any, revision func() Revision) error {
	var query url.Values
	if c.confirm > 0 {
		query = url.Values{"wait": {c.confirm.String()}}
	}
	answered, err := c.exchange(ctx, method, path, query, header, in, out)
	if err == nil && answered.Get(PendingHeader) == "0" {
		c.confirmed.Store(uint64(revision()))
	}
	return err
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// UnreachableError says that no sdnd answers.
type UnreachableError struct {
	// Host is where one was looked for, as given to NewClient.
	Host string
	// Err is why the connection failed.
	Err error
	// MaybeDone is true if the request was to change something and the connection
	// failed after it may have been sent: sdnd may have made the change.
	MaybeDone bool
}

// Error says where nothing answered, why, and what to look at.
func (e *UnreachableError) Error() string {
	if e.MaybeDone {
		return fmt.Sprintf("the connection to sdnd at %s ended before the answer: %v; the change may have been made", e.Host, e.Err)
	}
	return fmt.Sprintf("cannot reach sdnd at %s: %v; is it running, and may you use the socket?", e.Host, e.Err)
}

// Unwrap returns why the connection failed.
func (e *UnreachableError) Unwrap() error { return e.Err }

// call sends one request and decodes the reply into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, header http.Header, in, out any) error {
	_, err := c.exchange(ctx, method, path, query, header, in, out)
	return err
}

// exchange is call; it returns the reply's header too.
func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, header http.Header, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	resp, err := c.send(ctx, method, path, query, header, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out == nil {
		return resp.Header, nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(out); err != nil {
		return nil, fmt.Errorf("%s %s: decode the reply: %w", method, path, err)
	}
	return resp.Header, nil
}

// send sends one request; an answer that is not a success becomes an *Error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, target, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if b, ok := body.(sized); ok {
		req.ContentLength = b.size
	}
	if req.ContentLength > expectOver {
		req.Header.Set("Expect", "100-continue")
	}
	if c.author != "" {
		req.Header.Set(AuthorHeader, c.author)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
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
		return nil, &UnreachableError{Host: c.host, Err: err, MaybeDone: connected.Load() && method != http.MethodGet}
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
