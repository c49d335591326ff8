package answer

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"net/http"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// HealthPort answers what a machine outside sends to the health port of a service: it is the
// server's end of a connection of TCP on which it asks once by HTTP (RFC 9112). It keeps nothing of
// the connection: the first number of its own follows from the ends, and each answer from the segment
// that it answers. So the question must be in one segment, as that of a load balancer is.
func HealthPort(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
	in := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	tcp, _ := in.TransportLayer().(*layers.TCP)
	if tcp == nil || p.No == 0 {
		return packetin.Reply{What: "is no segment of TCP that can be read"}
	}
	o, ok := v.Topo.ServiceAtNodePort(model.ProtocolTCP, uint16(tcp.DstPort))
	if !ok || o.HealthPort() != uint16(tcp.DstPort) {
		return packetin.Reply{What: "no service has that health port any more"}
	}
	s, what := healthSegment(segmentOf(tcp), firstNumber(in), o.Name, v.ReadyOn(o, p.Node))
	if s == nil {
		return packetin.Reply{What: what}
	}
	out, err := backTo(in).tcp(s.layer(uint16(tcp.DstPort), uint16(tcp.SrcPort)), s.payload)
	if err != nil {
		return packetin.Reply{What: err.Error()}
	}
	return packetin.Reply{Out: openflow.NewPacketOut(out, openflow.Actions(nil).Output(p.No)), What: what}
}

// firstNumber returns the first number of a connection's server, which a client that knows the
// address can guess: nothing that it may say is secret, or changes anything.
func firstNumber(p gopacket.Packet) uint32 {
	h := fnv.New32a()
	for _, f := range []gopacket.Flow{p.NetworkLayer().NetworkFlow(), p.TransportLayer().TransportFlow()} {
		h.Write(f.Src().Raw())
		h.Write(f.Dst().Raw())
	}
	return h.Sum32()
}

// healthSegment returns what the server sends for a segment; nil for nothing.
func healthSegment(in segment, first uint32, service string, ready int) (out *segment, what string) {
	next := in.seq + uint32(len(in.payload))
	if in.fin {
		next++
	}
	reset := &segment{seq: in.ack, rst: true}
	switch {
	case in.rst:
		return nil, "the connection to the health port is reset"
	case in.syn && in.acks:
		return reset, "the connection to the health port is reset, as it has not begun"
	case in.syn:
		return &segment{seq: first, ack: in.seq + 1, syn: true, acks: true}, "accepts the connection to the health port"
	case !in.acks:
		return nil, "a segment to the health port without a number"
	case len(in.payload) == 0 && !in.fin:
		return nil, "has what the health port sent"
	case len(in.payload) == 0 && in.ack == first+1:
		return &segment{seq: in.ack, ack: next, acks: true, fin: true}, "the connection to the health port ends without a question"
	case len(in.payload) == 0:
		return &segment{seq: in.ack, ack: next, acks: true}, "the connection to the health port ends"
	case in.ack != first+1:
		return reset, "the connection to the health port is reset, as it has its answer"
	}
	answer, code := healthAnswer(in.payload, service, ready)
	if answer == nil {
		return reset, "the connection to the health port is reset, as the question is not one of HTTP"
	}
	return &segment{seq: in.ack, ack: next, acks: true, fin: true, payload: answer}, fmt.Sprintf("%d: %d backends of service/%s on the node are ready", code, ready, service)
}

// healthAnswer returns the answer to a question: 200 if backends on the node are ready, and else 503.
// It is nil for what does not begin as a question of HTTP does.
func healthAnswer(question []byte, service string, ready int) (answer []byte, code int) {
	line, _, _ := bytes.Cut(question, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	if !bytes.Contains(rest, []byte(" HTTP/1.")) {
		return nil, 0
	}
	code = http.StatusServiceUnavailable
	if ready > 0 {
		code = http.StatusOK
	}
	body := fmt.Sprintf("{\"service\":%q,\"localEndpoints\":%d}\n", service, ready)
	extra := ""
	switch string(method) {
	case http.MethodGet, http.MethodHead:
	default:
		code, body, extra = http.StatusMethodNotAllowed, "", "Allow: GET, HEAD\r\n"
	}
	answer = fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nCache-Control: no-store\r\nConnection: close\r\n%s\r\n", code, http.StatusText(code), len(body), extra)
	if string(method) != http.MethodHead {
		answer = append(answer, body...)
	}
	return answer, code
}
