package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// InvitationRequest asks for an invitation for a node.
type InvitationRequest struct {
	TTL      string `json:"ttl,omitempty" doc:"How long the invitation is valid, 1m to 24h; 1h if absent" example:"1h"`
	TunnelIP string `json:"tunnelIP,omitempty" doc:"Address of the node's VXLAN endpoint; if absent, the one that the machine reports" example:"192.168.50.11"`
}

// Invitation allows one machine to become a node.
type Invitation struct {
	Node         string    `json:"node" doc:"The node that the machine becomes" example:"node1"`
	Token        string    `json:"token" doc:"Token for 'sdnctl node join --token' on the machine. It is shown once and not stored" example:"SDNCTL-…"`
	Fingerprint  string    `json:"fingerprint" doc:"SHA-256 of the public key of sdnd's certificate authority, which is also in the token" example:"sha256:9f86…"`
	Expires      time.Time `json:"expires" doc:"When it expires"`
	Addresses    []string  `json:"addresses" doc:"Addresses of sdnd's machine, the most probable ones for nodes first" example:"[\"192.168.50.10\"]"`
	APIPort      uint16    `json:"apiPort" doc:"TCP port of the API" example:"8453"`
	OpenFlowPort uint16    `json:"openflowPort" doc:"TCP port of OpenFlow" example:"6653"`
	OVSDBPort    uint16    `json:"ovsdbPort" doc:"TCP port of OVSDB, 0 if sdnd does not listen for it" example:"6640"`
	Bridge       string    `json:"bridge" doc:"Name of the bridge on nodes" example:"br-int"`
}

// EnrollRequest redeems an invitation.
type EnrollRequest struct {
	Node       string `json:"node" doc:"The node that the machine is to become, as the invitation says" required:"true" example:"node1"`
	Token      string `json:"token" doc:"The token of the invitation" required:"true" example:"SDNCTL-…"`
	Request    string `json:"request" doc:"Certificate request in PEM, for a key of ECDSA on P-256 that stays on the machine" required:"true" example:"-----BEGIN CERTIFICATE REQUEST-----…"`
	TunnelIP   string `json:"tunnelIP,omitempty" doc:"Address of the machine's VXLAN endpoint; the invitation's takes precedence" example:"192.168.50.11"`
	DatapathID string `json:"datapathID,omitempty" doc:"Datapath id of the machine's bridge, 16 hexadecimal digits; derived from the name if absent" example:"00004e7c25b01a4f"`
}

// RenewRequest asks for a new certificate for the node that sends it.
type RenewRequest struct {
	Request string `json:"request" doc:"Certificate request in PEM, for a key of ECDSA on P-256 that stays on the machine" required:"true" example:"-----BEGIN CERTIFICATE REQUEST-----…"`
}

// Enrollment is a node's new certificate.
type Enrollment struct {
	Node        Node      `json:"node" doc:"The node as it is declared"`
	Certificate string    `json:"certificate" doc:"The node's certificate in PEM" example:"-----BEGIN CERTIFICATE-----…"`
	CA          string    `json:"ca" doc:"Certificate of sdnd's certificate authority in PEM" example:"-----BEGIN CERTIFICATE-----…"`
	Expires     time.Time `json:"expires" doc:"When the node's certificate expires"`
}

// Invite makes an invitation for a node. It revokes an earlier one for the same node.
func (c *Client) Invite(ctx context.Context, node string, in InvitationRequest) (Invitation, error) {
	var out Invitation
	err := c.call(ctx, http.MethodPost, objectPath(KindNode, node)+"/invitation", url.Values{}, nil, in, &out)
	return out, err
}

// Enroll redeems an invitation. It needs no other credentials.
func (c *Client) Enroll(ctx context.Context, in EnrollRequest) (Enrollment, error) {
	var out Enrollment
	err := c.call(ctx, http.MethodPost, "/v1/enroll", url.Values{}, nil, in, &out)
	return out, err
}

// Renew returns a new certificate for the node. The client must have the node's present
// certificate.
func (c *Client) Renew(ctx context.Context, node string, in RenewRequest) (Enrollment, error) {
	var out Enrollment
	err := c.call(ctx, http.MethodPost, objectPath(KindNode, node)+"/certificate", url.Values{}, nil, in, &out)
	return out, err
}
