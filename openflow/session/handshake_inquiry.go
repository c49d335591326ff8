package session

import (
	"bytes"
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/openflow"
)

// maxPorts bounds the ports that a switch may describe. Open vSwitch has at
// most 65280.
const maxPorts = 1 << 16

// question is one request of the handshake.
type question struct {
	h       *handshake
	request openflow.Message
	// take is called with each message of the reply. Nil means that there is no
	// reply, except perhaps an error.
	take func(m openflow.Message) (more bool, err error)
	// optional questions may be answered with an error.
	optional bool
}

// inquire asks all questions at once and reads until they are answered.
func (h *handshake) inquire(ctx context.Context) error {
	s := h.s
	questions := []*question{
		{request: &openflow.FeaturesRequest{}, take: take(&s.features)},
		{request: &openflow.SetConfig{Flags: s.cfg.Fragments, MissSendLen: s.cfg.MissSendLen}},
		{request: openflow.DescRequest(), take: h.takeDesc, optional: true},
		{request: openflow.PortDescRequest(), take: func(m openflow.Message) (bool, error) { return h.takePorts(ctx, m) }},
	}
	if s.cfg.PacketInUserdata {
		questions = append(questions, &question{request: &openflow.SetPacketInFormat{Format: openflow.PacketInNicira2}, optional: true})
	}
	if s.cfg.Role != openflow.RoleEqual {
		questions = append(questions, &question{
			request: &openflow.RoleRequest{Role: s.cfg.Role, GenerationID: s.cfg.GenerationID},
			take:    take(&openflow.RoleReply{}),
		})
	}
	// When the barrier is answered, all requests before it have succeeded or failed.
	questions = append(questions, &question{request: &openflow.BarrierRequest{}, take: take(&openflow.BarrierReply{})})

	var b []byte
	for _, q := range questions {
		q.h = h
		at := len(b)
		var err error
		if b, err = q.request.AppendBinary(b); err != nil {
			return err
		}
		xid := s.calls.add(q)
		defer s.calls.drop(xid)
		setFrameXid(b[at:], xid)
		if q.take != nil {
			h.unanswered++
		}
	}
	s.offer(b)
	for h.unanswered > 0 && h.failure == nil {
		frame, err := h.next()
		if err != nil {
			return err
		}
		if err := s.handle(frame); err != nil {
			return err
		}
	}
	return h.failure
}

func (*question) long() bool { return false }

// receive takes a reply to the question; it runs within inquire's dispatch.
func (q *question) receive(frame []byte) (last bool) {
	// The decoded message aliases the frame, which is valid during the call only.
	m, err := openflow.DecodeMessage(bytes.Clone(frame))
	more := false
	switch m := m.(type) {
	case nil:
	case *openflow.ErrorMsg:
		if !q.optional {
			err = m
		}
	default:
		if q.take == nil {
			return false
		}
		more, err = q.take(m)
	}
	if err != nil && q.h.failure == nil {
		q.h.failure = err
	}
	if !more && q.take != nil {
		q.h.unanswered--
	}
	return !more
}

func (h *handshake) takeDesc(m openflow.Message) (more bool, err error) {
	r, ok := m.(*openflow.MultipartReply)
	if !ok {
		return false, errUnexpected(m)
	}
	h.s.desc, err = r.Desc()
	return false, err // it is not one that comes in parts
}

func (h *handshake) takePorts(ctx context.Context, m openflow.Message) (more bool, err error) {
	r, ok := m.(*openflow.MultipartReply)
	if !ok {
		return false, errUnexpected(m)
	}
	ports, err := appendPorts(h.s.ports, r)
	if admit := h.s.cfg.AdmitPorts; admit != nil && err == nil {
		err = admit(ctx, len(ports))
	}
	if len(ports) == len(h.s.ports) && r.More() && err == nil {
		err = fmt.Errorf("switch describes no port where more are to follow: %w", openflow.ErrBadValue)
	}
	h.s.ports = ports
	return r.More(), err
}

// appendPorts appends the ports in one part of a description.
func appendPorts(ports []openflow.Port, r *openflow.MultipartReply) ([]openflow.Port, error) {
	more, err := r.Ports()
	if err != nil {
		return ports, err
	}
	if len(ports)+len(more) > maxPorts {
		return ports, fmt.Errorf("switch describes more than %d ports: %w", maxPorts, openflow.ErrBadValue)
	}
	return append(ports, more...), nil
}

// take returns a function that stores a reply of type T in dst.
func take[T any, P interface {
	*T
	openflow.Message
}](dst P) func(openflow.Message) (bool, error) {
	return func(m openflow.Message) (bool, error) {
		r, ok := m.(P)
		if !ok {
			return false, errUnexpected(m)
		}
		*dst = *r
		return false, nil
	}
}

func errUnexpected(m openflow.Message) error {
	return fmt.Errorf("switch answers with %v: %w", m.Type(), openflow.ErrBadValue)
}
