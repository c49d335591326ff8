package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// wire is an OpenFlow connection without a controller. It sends pre-encoded messages, and
// decodes only the headers of received ones. No controller can be faster.
type wire struct {
	net.Conn
	in   *bufio.Reader
	head [16]byte // the last result of next
}

// dialWire connects to a switch's management socket and does the handshake.
func dialWire(ctx context.Context, socket string) (*wire, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, in: bufio.NewReaderSize(c, 1<<20)}
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	if _, err := c.Write([]byte{openflow.Version, byte(openflow.TypeHello), 0, openflow.HeaderLen, 0, 0, 0, 1}); err != nil {
		return nil, err
	}
	for {
		h, _, err := w.next()
		if err != nil {
			return nil, err
		}
		if openflow.MessageType(h[1]) == openflow.TypeHello {
			return w, nil
		}
	}
}

// next reads one message and returns its first 16 bytes. If the message is an OpenFlow error,
// next returns an error.
func (w *wire) next() (h [openflow.HeaderLen]byte, body []byte, err error) {
	if _, err := io.ReadFull(w.in, h[:]); err != nil {
		return h, nil, err
	}
	rest := int(binary.BigEndian.Uint16(h[2:])) - len(h)
	if openflow.MessageType(h[1]) == openflow.TypeError {
		body = make([]byte, rest)
		if _, err := io.ReadFull(w.in, body); err != nil {
			return h, nil, err
		}
		return h, nil, fmt.Errorf("the switch answered with an error: % x", body[:min(rest, 16)])
	}
	start := w.head[:min(rest, len(w.head))]
	if _, err := io.ReadFull(w.in, start); err != nil {
		return h, nil, err
	}
	_, err = w.in.Discard(rest - len(start))
	return h, start, err
}

// replay connects and sends a pre-encoded bundle. It returns the time from the beginning of the
// connection until the switch had committed the bundle.
func replay(ctx context.Context, socket string, bundle []byte) (time.Duration, error) {
	start := time.Now()
	w, err := dialWire(ctx, socket)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	err = w.commit(bundle)
	return time.Since(start), err
}

// commit sends a whole bundle and returns when the switch has committed it.
func (w *wire) commit(bundle []byte) error {
	wrote := make(chan error, 1)
	go func() {
		_, err := w.Write(bundle)
		wrote <- err
	}()
	for {
		h, body, err := w.next()
		if err != nil {
			return err
		}
		// ONF extension 230: a bundle control message has the type after the
		// experimenter's two words and the bundle's id.
		if openflow.MessageType(h[1]) == openflow.TypeExperimenter && len(body) >= 14 &&
			openflow.BundleControlType(binary.BigEndian.Uint16(body[12:])) == openflow.BundleCommitReply {
			return <-wrote
		}
	}
}

// encodeBundle encodes a bundle of flow-mods.
func encodeBundle(mods func(yield func([]byte) bool)) ([]byte, error) {
	const id = 1
	flags := openflow.BundleAtomic | openflow.BundleOrdered
	control := func(b []byte, kind openflow.BundleControlType) ([]byte, error) {
		m := openflow.BundleControl{BundleID: id, Kind: kind, Flags: flags}
		return m.AppendBinary(b)
	}
	b, err := control(nil, openflow.BundleOpenRequest)
	if err != nil {
		return nil, err
	}
	for mod := range mods {
		b = openflow.AppendBundleAdd(b, openflow.Xid(binary.BigEndian.Uint32(mod[4:])), id, flags, mod)
	}
	return control(b, openflow.BundleCommitRequest)
}

// dump connects and requests all flows. It returns the time from the beginning of the connection
// until the last byte of the reply, and the number of bytes.
func dump(ctx context.Context, socket string) (took time.Duration, size int, err error) {
	start := time.Now()
	w, err := dialWire(ctx, socket)
	if err != nil {
		return 0, 0, err
	}
	defer w.Close()
	request, err := openflow.AllFlows().Message(openflow.MultipartFlow).AppendBinary(nil)
	if err != nil {
		return 0, 0, err
	}
	if _, err := w.Write(request); err != nil {
		return 0, 0, err
	}
	for {
		h, body, err := w.next()
		if err != nil {
			return 0, 0, err
		}
		if openflow.MessageType(h[1]) != openflow.TypeMultipartReply {
			continue
		}
		size += int(binary.BigEndian.Uint16(h[2:]))
		if len(body) >= 4 && binary.BigEndian.Uint16(body[2:])&openflow.MultipartMore == 0 {
			return time.Since(start), size, nil
		}
	}
}
