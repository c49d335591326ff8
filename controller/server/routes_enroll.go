package server

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/enroll"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// enrollPath needs no other authentication than the invitation in the body.
const enrollPath = "/v1/enroll"

// maxEnroll is the size limit of the bodies of requests for certificates, in bytes.
const maxEnroll = 16 << 10

func (s *Server) enrollRoutes() {
	post := func(path, id, summary, description string, in reflect.Type, example any) huma.Operation {
		op := huma.Operation{Method: http.MethodPost, Path: path, OperationID: id, Tags: []string{tagEnroll}, Summary: summary, Description: description}
		s.takesBody(&op, in, example, maxEnroll)
		return op
	}
	register(s, post("/v1/nodes/{name}/invitation", "invite-node", "Create an invitation, with which a machine becomes the node",
		"The token works once. An earlier invitation for the same node becomes invalid.",
		reflect.TypeFor[api.InvitationRequest](), api.InvitationRequest{TTL: "1h"}), exampleInvitation(), s.invite)

	enrolls := post(enrollPath, "enroll", "Redeem an invitation: declare the node and issue its certificate",
		"The token is the only credential, and becomes invalid. A node that is declared already is not changed.",
		reflect.TypeFor[api.EnrollRequest](), exampleEnrollRequest())
	enrolls.Middlewares = append(enrolls.Middlewares, keepRemote)
	register(s, enrolls, exampleEnrollment(), s.enroll)

	register(s, post("/v1/nodes/{name}/certificate", "renew-certificate", "Issue a new certificate for the node",
		"Only the node itself may call it, with its present certificate.",
		reflect.TypeFor[api.RenewRequest](), api.RenewRequest{Request: exampleCSR}), exampleEnrollment(), s.renew)
}

type remoteKey struct{}

// keepRemote is a middleware that records the remote address of a request.
func keepRemote(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	next(huma.WithValue(ctx, remoteKey{}, remoteAddr(r.RemoteAddr)))
}

// remoteAddr is a net.Addr with the text that http.Request has.
type remoteAddr string

// Network implements net.Addr.
func (remoteAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (a remoteAddr) String() string { return string(a) }

// registrar returns the registrar. If sdnd has none, the error is a *problem with the reason.
func (s *Server) registrar() (*enroll.Registrar, error) {
	if s.cfg.Registrar == nil {
		return nil, newProblem(http.StatusConflict, api.CodeConflict, "sdnd cannot issue certificates for nodes: %s", s.cfg.NoRegistrar)
	}
	return s.cfg.Registrar, nil
}

func (s *Server) invite(ctx context.Context, in *nameInput) (*output[api.Invitation], error) {
	reg, err := s.registrar()
	if err != nil {
		return nil, err
	}
	var b api.InvitationRequest
	if err := strict(ctx, &b); err != nil {
		return nil, err
	}
	lasts, err := lifeOf(b.TTL)
	if err != nil {
		return nil, err
	}
	if _, declared := s.cfg.Store.Snapshot().Node(in.Name); !declared {
		if err := s.couldDeclare(in.Name, b.TunnelIP); err != nil {
			return nil, err
		}
	} else if b.TunnelIP != "" {
		return nil, newProblem(http.StatusConflict, api.CodeExists, "node/%s is declared already: to change its tunnel address use 'sdnctl node set', and leave the address out here", in.Name)
	}
	by := author(ctx, "")
	token, offer, err := reg.Invite(in.Name, b.TunnelIP, by, lasts)
	switch {
	case errors.Is(err, enroll.ErrFull):
		return nil, newProblem(http.StatusConflict, api.CodeExhausted, "%v", err)
	case err != nil:
		return nil, s.notSaved(err)
	}
	s.log.Info("node invited", "node", in.Name, "author", by, "expires", offer.Expires)
	to := reg.Reach()
	return &output[api.Invitation]{Body: api.Invitation{
		Node: in.Name, Token: token.String(), Fingerprint: token.Authority.String(), Expires: offer.Expires,
		Addresses: append([]string{}, to.Addresses...), APIPort: to.APIPort, OpenFlowPort: to.OpenFlowPort, OVSDBPort: to.OVSDBPort, Bridge: to.Bridge,
	}}, nil
}

// strict decodes the body into v, and refuses unknown keys.
func strict(ctx context.Context, v any) error {
	dec := json.NewDecoder(bytes.NewReader(takeBody(ctx)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return newProblem(http.StatusBadRequest, api.CodeMalformed, "decode the body: %v", err)
	}
	return nil
}

// short returns the first 64 bytes of a text that a client sent, for a message.
func short(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// lifeOf parses the lifetime of an invitation, "" for the default. The error is a *problem.
func lifeOf(ttl string) (time.Duration, error) {
	if ttl == "" {
		return enroll.DefaultLife, nil
	}
	d, err := time.ParseDuration(ttl)
	if err != nil || d < time.Minute || d > enroll.MaxLife {
		return 0, refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: "ttl", Message: "want a time from 1m to 24h, such as 1h"}})
	}
	return d, nil
}

// declaration returns the transaction that declares a node.
func declaration(name, tunnelIP, datapathID string) *transaction {
	var spec model.NodeSpec
	var mistakes []api.Problem
	read := func(field string, v encoding.TextUnmarshaler, text string) {
		var wrong *model.ValueError
		if errors.As(model.SetText(v, text), &wrong) {
			mistakes = append(mistakes, api.Problem{Field: field, Message: wrong.Message, Fix: wrong.Fix})
		}
	}
	read("spec.datapathID", &spec.DatapathID, datapathID)
	read("spec.tunnelIP", &spec.TunnelIP, tunnelIP)
	t := newTransaction(1)
	t.object(topology.Create, api.Object{Kind: api.KindNode, Name: name}, spec, mistakes)
	return t
}

// couldDeclare returns why an invited node could not be declared later, nil if it could.
// Without a tunnel address it checks the name only. The error is a *problem.
func (s *Server) couldDeclare(name, tunnelIP string) error {
	_, err := s.dryRun(s.cfg.Store.Snapshot(), declaration(name, tunnelIP, ""))
	var p *problem
	if tunnelIP == "" && errors.As(err, &p) && !slices.ContainsFunc(p.Errors, func(e api.Problem) bool { return e.Field == "name" }) {
		return nil
	}
	return err
}

func (s *Server) enroll(ctx context.Context, _ *struct{}) (*output[api.Enrollment], error) {
	reg, err := s.registrar()
	if err != nil {
		return nil, err
	}
	var b api.EnrollRequest
	if err := strict(ctx, &b); err != nil {
		return nil, err
	}
	from, _ := ctx.Value(remoteKey{}).(remoteAddr)
	denied := func(err error) error {
		s.metrics.denied.WithLabelValues(api.CodeUnauthenticated).Inc()
		s.warnings.Warn(from, "invitation refused", "node", short(b.Node), "err", err)
		return newProblem(http.StatusUnauthorized, api.CodeUnauthenticated, "%v", err)
	}
	token, err := pki.ParseInvitation(b.Token)
	if err != nil {
		return nil, denied(err)
	}
	var cert []byte
	err = reg.Invitations.Redeem(token, b.Node, func(o enroll.Offer) (err error) {
		if cert, err = reg.Authority.Sign([]byte(b.Request), o.Node); err != nil {
			return newProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "%v", err)
		}
		if o.TunnelIP != "" {
			b.TunnelIP = o.TunnelIP
		}
		return s.declareInvited(ctx, o, b.TunnelIP, b.DatapathID)
	})
	var p *problem
	switch {
	case err == nil:
	case errors.As(err, &p):
		return nil, p
	case errors.Is(err, enroll.ErrUnknown), errors.Is(err, enroll.ErrUsed), errors.Is(err, enroll.ErrExpired), errors.Is(err, enroll.ErrOtherNode):
		return nil, denied(err)
	default:
		return nil, s.notSaved(err)
	}
	s.log.Info("node enrolled", "node", b.Node, "address", from.String())
	return s.enrollment(reg, b.Node, cert)
}

// declareInvited declares the node of an invitation, unless it is declared.
func (s *Server) declareInvited(ctx context.Context, o enroll.Offer, tunnelIP, datapathID string) error {
	defer s.lockWrites(ctx, true)()
	if _, declared := s.cfg.Store.Snapshot().Node(o.Node); declared {
		return nil
	}
	if ip, err := netip.ParseAddr(tunnelIP); tunnelIP != "" && (err != nil || !ip.IsGlobalUnicast()) {
		return newProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "%q is not an address that other nodes reach: give --tunnel-ip", short(tunnelIP))
	}
	_, err := s.commit(ctx, "node/"+o.Node+", invited by "+o.By, declaration(o.Node, tunnelIP, datapathID))
	return err
}

func (s *Server) renew(ctx context.Context, in *nameInput) (*output[api.Enrollment], error) {
	reg, err := s.registrar()
	if err != nil {
		return nil, err
	}
	if nodeOfRequest(ctx) != in.Name {
		return nil, newProblem(http.StatusForbidden, api.CodeForbidden, "only node/%s itself may renew its certificate: on the node run 'sdnctl node renew', or invite it again", in.Name)
	}
	var b api.RenewRequest
	if err := strict(ctx, &b); err != nil {
		return nil, err
	}
	cert, err := reg.Authority.Sign([]byte(b.Request), in.Name)
	if err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "%v", err)
	}
	s.log.Info("node renewed its certificate", "node", in.Name)
	return s.enrollment(reg, in.Name, cert)
}

// enrollment returns the response with a node's new certificate.
func (s *Server) enrollment(reg *enroll.Registrar, node string, cert []byte) (*output[api.Enrollment], error) {
	ca, err := reg.Authority.Certificate()
	if err != nil {
		return nil, internal(err)
	}
	certs, err := pki.ParseCertificates(cert)
	if err != nil {
		return nil, internal(err)
	}
	v := s.view()
	v.only = node
	n, ok := v.snap.Node(node)
	if !ok {
		return nil, notFound(topology.Ref{Kind: topology.KindNode, Name: node})
	}
	return &output[api.Enrollment]{Body: api.Enrollment{
		Node: *v.node(n), Certificate: string(cert), CA: string(ca), Expires: certs[0].NotAfter.UTC(),
	}}, nil
}
