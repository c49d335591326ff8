package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Apply makes all changes of a transaction, or none. In the latter case the error is an
// *Error that lists every mistake.
func (c *Client) Apply(ctx context.Context, req ApplyRequest) (ApplyResult, error) {
	var out ApplyResult
	err := c.change(ctx, http.MethodPost, "/v1/apply", nil, req, &out, func() Revision { return out.Revision })
	return out, err
}

// Acks returns the nodes that have yet to confirm a revision. If wait is not 0, it returns
// as soon as that set changes, at the latest after wait.
func (c *Client) Acks(ctx context.Context, rev Revision, wait time.Duration) (Acks, error) {
	return c.acks(ctx, rev, wait, 0)
}

// acks does what Acks does for a caller that has seen a number of pending nodes: it returns
// at once if the number differs.
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

// Wait returns nil once every affected node has confirmed a revision, and the context's
// error if that ends first. It calls progress, unless that is nil, with each response. It
// sends no request if the response to the change confirmed it already; see Confirming.
func (c *Client) Wait(ctx context.Context, rev Revision, progress func(Acks)) error {
	if rev != 0 && Revision(c.confirmed.Load()) == rev {
		return nil
	}
	seen := 0
	// Most changes are confirmed during the first request. Its time is short, so that the
	// caller soon learns which nodes are slow.
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

// HistoryOptions filter the history. The zero value selects the newest revisions.
type HistoryOptions struct {
	// From is the newest revision to return; 0 for the newest that exists.
	From Revision
	// Limit is the greatest number of revisions to return; 0 for sdnd's default.
	Limit int
	// Object selects the revisions that changed an object, such as "port/web1".
	Object string
	// Author selects the revisions of an author.
	Author string
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

// Status returns a summary of the state of sdnd, its nodes and its objects.
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

// Groups lists the groups of a node, both those it should have and those it has.
func (c *Client) Groups(ctx context.Context, node string) (Groups, error) {
	var out Groups
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/groups", nil, nil, nil, &out)
	return out, err
}

// Meters lists the meters of a node, both those it should have and those it has.
func (c *Client) Meters(ctx context.Context, node string) (Meters, error) {
	var out Meters
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/meters", nil, nil, nil, &out)
	return out, err
}

// Flows lists the flows of a node, both those it should have and those it has.
func (c *Client) Flows(ctx context.Context, node string) (Flows, error) {
	var out Flows
	err := c.call(ctx, http.MethodGet, objectPath(KindNode, node)+"/flows", nil, nil, nil, &out)
	return out, err
}

// PolicyDenials returns the connections that a policy denies during the given time, at most
// 30s.
func (c *Client) PolicyDenials(ctx context.Context, policy string, watch time.Duration) (PolicyDenials, error) {
	var out PolicyDenials
	err := c.call(ctx, http.MethodPost, objectPath(KindPolicy, policy)+"/denials", url.Values{"for": {watch.String()}}, nil, nil, &out)
	return out, err
}

// ServiceCounters returns the number of connections to each backend of a service.
func (c *Client) ServiceCounters(ctx context.Context, service string) (ServiceCounters, error) {
	var out ServiceCounters
	err := c.call(ctx, http.MethodGet, objectPath(KindService, service)+"/counters", nil, nil, nil, &out)
	return out, err
}

// PolicyCounters returns the nodes that a policy is installed on and the packet counters of
// its rules.
func (c *Client) PolicyCounters(ctx context.Context, policy string) (PolicyCounters, error) {
	var out PolicyCounters
	err := c.call(ctx, http.MethodGet, objectPath(KindPolicy, policy)+"/counters", nil, nil, nil, &out)
	return out, err
}
