package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Apply does a transaction: all of it, or nothing and an *Error that names
// every mistake.
func (c *Client) Apply(ctx context.Context, req ApplyRequest) (ApplyResult, error) {
	var out ApplyResult
	err := c.change(ctx, http.MethodPost, "/v1/apply", nil, req, &out, func() Revision { return out.Revision })
	return out, err
}

// Acks returns which nodes have yet to confirm a revision. With wait above zero
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
// way. It asks nothing if the answer to the change itself said so already; see
// Confirming.
func (c *Client) Wait(ctx context.Context, rev Revision, progress func(Acks)) error {
	if rev != 0 && Revision(c.confirmed.Load()) == rev {
		return nil
	}
	seen := 0
	// Most are confirmed within the first question; what takes longer is worth a
	// word soon.
	for wait := 250 * time.Millisecond; ; wait = 30 * time.Second {
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

// HistoryOptions narrow the history. The zero value is for the newest
// revisions.
type HistoryOptions struct {
	// From is the newest revision to return; 0 for the newest there is.
	From Revision
	// Limit is how many to return at most; 0 leaves it to the server.
	Limit int
	// Object and Author narrow it to revisions that changed the object, such as
	// "port/web1", and to those of the author.
	Object, Author string
}

// History returns revisions, newest first.
func (c *Client) History(ctx context.Context, o HistoryOptions) (History, error) {
	q := url.Values{}
	if o.From > 0 {
		q.Set("from", fmt.Sprint(o.From))
	}
	if o.Limit > 0 {
		q.Set("limit", fmt.Sprint(o.Limit))
	}
	for k, v := range map[string]string{"object": o.Object, "author": o.Author} {
		if v != "" {
			q.Set(k, v)
		}
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

// Groups lists the groups of a node, as wanted beside as installed.
func (c *Client) Groups(ctx context.Context, node string) (Groups, error) {
	var out Groups
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/groups", nil, nil, nil, &out)
	return out, err
}

// Meters lists the meters of a node, as wanted beside as installed.
func (c *Client) Meters(ctx context.Context, node string) (Meters, error) {
	var out Meters
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/meters", nil, nil, nil, &out)
	return out, err
}

// Flows lists the flows of a node, as wanted beside as installed.
func (c *Client) Flows(ctx context.Context, node string) (Flows, error) {
	var out Flows
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/flows", nil, nil, nil, &out)
	return out, err
}

// PolicyDenials watches for some time, at most 30s, what a policy denies.
func (c *Client) PolicyDenials(ctx context.Context, policy string, watch time.Duration) (PolicyDenials, error) {
	var out PolicyDenials
	err := c.call(ctx, http.MethodPost, objectPath(KindPolicy, policy)+"/denials", url.Values{"for": {watch.String()}}, nil, nil, &out)
	return out, err
}

// ServiceCounters returns how many connections the backends of a service got.
func (c *Client) ServiceCounters(ctx context.Context, service string) (ServiceCounters, error) {
	var out ServiceCounters
	err := c.call(ctx, http.MethodGet, objectPath(KindService, service)+"/counters", nil, nil, nil, &out)
	return out, err
}

// PolicyCounters returns where a policy is installed and what its rules have decided.
func (c *Client) PolicyCounters(ctx context.Context, policy string) (PolicyCounters, error) {
	var out PolicyCounters
	err := c.call(ctx, http.MethodGet, objectPath(KindPolicy, policy)+"/counters", nil, nil, nil, &out)
	return out, err
}
