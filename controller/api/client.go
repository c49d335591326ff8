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

// PendingHeader is the response header with the number of nodes that have yet to confirm a
// change. It is present only if the request asked to wait for them.
const PendingHeader = "X-Sdnctl-Pending"

// DefaultHost is the address at which sdnd listens unless configured otherwise.
const DefaultHost = "unix:///run/sdnctl/sdnd.sock"

// AuthorHeader is the request header that names the author of a change for the history. On
// a unix socket sdnd uses the peer credentials instead.
const AuthorHeader = "X-Sdnctl-Author"

// maxReply is the size limit of a response body, in bytes.
const maxReply = 1 << 30

// maxErrorReply is the size limit of an error's response body, in bytes.
const maxErrorReply = 64 << 20

// expectOver is the size in bytes above which a request waits for "100 Continue" (RFC 9110,
// section 10.1.1) before it sends the body. If sdnd refused a body during the transfer, the
// client would only see a broken connection.
const expectOver = 1 << 20

// Client calls the API of one sdnd. It is safe for concurrent use.
type Client struct {
	host   string
	base   string
	http   *http.Client
	author string
	token  string
	// confirm is how long changes wait for the switches to confirm them. confirmed is the
	// newest revision that all switches are known to have confirmed.
	confirm   time.Duration
	confirmed *atomic.Uint64
}

// ClientOptions are the options of NewClient.
type ClientOptions struct {
	// Author is recorded with every change, such as "alice@laptop".
	Author string
	// TLS is the configuration for https hosts: sdnd's certificate authority and, if the
	// user has one, the client certificate. Nil trusts the machine's authorities.
	TLS *tls.Config
	// Token is the bearer token (RFC 6750) of a user without a client certificate; "" for
	// none.
	Token string
	// Transport sends the requests, in tests. Nil connects to the host.
	Transport http.RoundTripper
}

// NewClient returns a client of the sdnd at host, which is "unix:///path",
// "https://host:port" or "http://host:port"; the empty string is DefaultHost. It does not
// connect yet. It refuses to send a token by plain http to another machine.
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

// Host returns the address that the client connects to, as given to NewClient.
func (c *Client) Host() string { return c.host }

// Confirming returns a copy of c whose changes wait, for at most the given time, until every
// affected node has confirmed them. sdnd accepts at most 5 minutes. Wait returns at once for
// a change that was confirmed in this time.
func (c *Client) Confirming(within time.Duration) *Client {
	d := *c
	d.confirm, d.confirmed = within, new(atomic.Uint64)
	return &d
}

// change does what call does for a request that changes the topology. revision returns the
// revision of the change from the decoded response.
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

// UnreachableError is the error of a request that got no response from sdnd.
type UnreachableError struct {
	// Host is the address of sdnd, as given to NewClient.
	Host string
	// Err is the cause.
	Err error
	// MaybeDone reports that sdnd may have made the requested change: the connection failed
	// after the request may have been sent.
	MaybeDone bool
}

// Error names the host, the cause and what to check.
func (e *UnreachableError) Error() string {
	if e.MaybeDone {
		return fmt.Sprintf("the connection to sdnd at %s ended before the answer: %v; the change may have been made", e.Host, e.Err)
	}
	return fmt.Sprintf("cannot reach sdnd at %s: %v; is it running, and may you use the socket?", e.Host, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// call sends one request and decodes the response into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, header http.Header, in, out any) error {
	_, err := c.exchange(ctx, method, path, query, header, in, out)
	return err
}

// exchange does what call does, and returns the header of the response, too.
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
		return nil, fmt.Errorf("%s %s: decode the response: %w", method, path, err)
	}
	return resp.Header, nil
}

// send sends one request. The error is an *Error if sdnd refused it, an *UnreachableError if
// no response came, and the context's error if that ended.
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

// readError returns the error in a response. If the response has no problem details, as one
// of a proxy, the error has CodeInternal and the text of the response.
func readError(resp *http.Response) *Error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorReply))
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
