package reconcile_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// rogue is a switch's end of a connection, played by a test that means ill.
type rogue struct {
	conn net.Conn
	in   *bufio.Reader
	dpid topology.DatapathID
	// ports is how many it announces.
	ports int
	// describe, if set, answers a request for the description of ports.
	describe func(r *rogue, request openflow.Message) error
	// answers, if set, has what answers requests of a kind in place of the usual.
	answers map[openflow.MultipartType]func(r *rogue, request openflow.Message) error
}

// dialRogue connects; the connection ends with ctx.
func dialRogue(ctx context.Context, addr string) (*rogue, error) {
	return dialRogueBy(ctx, &net.Dialer{}, addr)
}

func dialRogueBy(ctx context.Context, d *net.Dialer, addr string) (*rogue, error) {
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return &rogue{conn: conn, in: bufio.NewReader(conn)}, nil
}

// recv returns the next message from the controller.
func (r *rogue) recv() (openflow.Message, error) {
	header, err := r.in.Peek(openflow.HeaderLen)
	if err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(header[2:]))
	if _, err := io.ReadFull(r.in, b); err != nil {
		return nil, err
	}
	return openflow.DecodeMessage(b)
}

// send writes a message, with another's xid if there is one.
func (r *rogue) send(m, request openflow.Message) error {
	if request != nil {
		m.SetXid(request.Xid())
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		return err
	}
	_, err = r.conn.Write(b)
	return err
}

// serve does what a switch without flows does, until the connection ends or a
// message was answered that until accepts.
func (r *rogue) serve(until func(openflow.Message) bool) error {
	for {
		m, err := r.recv()
		if err != nil {
			return err
		}
		if err := r.answer(m); err != nil {
			return err
		}
		if until != nil && until(m) {
			return nil
		}
	}
}

// shake does the switch's part of a handshake.
func (r *rogue) shake() error {
	if err := r.send(openflow.NewHello(), nil); err != nil {
		return err
	}
	return r.serve(func(m openflow.Message) bool { return m.Type() == openflow.TypeBarrierRequest })
}

func (r *rogue) answer(m openflow.Message) error {
	switch m := m.(type) {
	case *openflow.FeaturesRequest:
		return r.send(&openflow.FeaturesReply{DatapathID: openflow.DatapathID(r.dpid), Tables: 254}, m)
	case *openflow.BarrierRequest:
		return r.send(&openflow.BarrierReply{}, m)
	case *openflow.EchoRequest:
		return r.send(&openflow.EchoReply{Data: m.Data}, m)
	case *openflow.GetConfigRequest:
		return r.send(&openflow.GetConfigReply{Flags: openflow.FragNXMatch}, m)
	case *openflow.BundleControl:
		return r.send(&openflow.BundleControl{BundleID: m.BundleID, Kind: m.Kind + 1}, m)
	case *openflow.MultipartRequest:
		return r.multipart(m)
	}
	return nil
}

func (r *rogue) multipart(m *openflow.MultipartRequest) error {
	if answer := r.answers[m.Kind]; answer != nil {
		return answer(r, m)
	}
	reply := &openflow.MultipartReply{Kind: m.Kind}
	var err error
	switch m.Kind {
	case openflow.MultipartDesc:
		reply.Body, err = (&openflow.Desc{Manufacturer: "rogue"}).AppendBinary(nil)
	case openflow.MultipartPortDesc:
		if r.describe != nil {
			return r.describe(r, m)
		}
		return r.announcePorts(m)
	case openflow.MultipartTable:
		// As many as can be said.
		reply.Body, err = (&openflow.TableStats{Table: 1, Active: ^uint32(0)}).AppendBinary(nil)
	case openflow.MultipartFlow, openflow.MultipartGroupDesc, openflow.MultipartMeterConfig: // it has none
	default:
		const badMultipart = 2
		return r.send(&openflow.ErrorMsg{ErrType: openflow.ErrTypeBadRequest, Code: badMultipart}, m)
	}
	if err != nil {
		return err
	}
	return r.send(reply, m)
}

// announcePorts announces ports in parts of a thousand.
func (r *rogue) announcePorts(m openflow.Message) error {
	part := &openflow.MultipartReply{Kind: openflow.MultipartPortDesc}
	for no := range r.ports {
		if no > 0 && no%1000 == 0 {
			part.Flags = openflow.MultipartMore
			if err := r.send(part, m); err != nil {
				return err
			}
			part = &openflow.MultipartReply{Kind: openflow.MultipartPortDesc}
		}
		p := openflow.Port{No: openflow.PortNo(no + 1), Name: "p" + openflow.PortNo(no+1).String()}
		var err error
		if part.Body, err = p.AppendBinary(part.Body); err != nil {
			return err
		}
	}
	return r.send(part, m)
}

// again calls do until ctx ends, however it fails, with a breath between.
func again(ctx context.Context, breath time.Duration, do func()) {
	t := time.NewTicker(breath)
	defer t.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
