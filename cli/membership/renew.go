package membership

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// Renewal is the result of [Host.Renew].
type Renewal struct {
	Node string
	// Renewed says whether there is a new certificate.
	Renewed bool
	// Expires is when the node's certificate expires: the new one, if there is one.
	Expires time.Time
}

// Renew gets the node a new certificate from sdnd for its present key. The node authenticates
// with its present certificate, which must still be valid. A certificate that is valid for
// longer than within is kept; if within is 0, it is renewed in any case. Open vSwitch uses the
// new certificate for its next connections; present ones stay open.
func (h Host) Renew(ctx context.Context, within time.Duration) (Renewal, error) {
	c, err := h.Config()
	if err != nil {
		return Renewal{}, fmt.Errorf("%w; only a node that has joined with a certificate has one to renew", err)
	}
	r := Renewal{Node: c.Node}
	client, err := h.clientOf(c)
	if err != nil {
		return r, err
	}
	defer client.Close()
	if _, r.Expires, err = c.files().CheckClient(h.Now()); err != nil {
		return r, fmt.Errorf("%w; invite the node again: sdnctl node invite %s", err, nodeconfig.ShellQuote(c.Node))
	}
	if within > 0 && r.Expires.Sub(h.Now()) > within {
		return r, nil
	}
	key, err := os.ReadFile(c.Key)
	if err != nil {
		return r, err
	}
	request, err := pki.RequestFor(key)
	if err != nil {
		return r, fmt.Errorf("%s: %w", c.Key, err)
	}
	got, err := client.Renew(ctx, c.Node, api.RenewRequest{Request: string(request)})
	if err != nil {
		return r, err
	}
	if err := pki.WriteFile(c.Cert, []byte(got.Certificate), 0o644); err != nil {
		return r, err
	}
	r.Renewed, r.Expires = true, got.Expires
	// Open vSwitch reads a new certificate only if the file of its key is newer, too.
	now := h.Now()
	return r, os.Chtimes(c.Key, now, now)
}
