package traffic

import (
	"errors"
	"fmt"
	"net"
)

// serveTCP accepts connections and echoes, unless the first message says that the
// connection belongs to a stream.
func (h *Host) serveTCP(port uint16) error {
	l, err := h.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	h.own(l, func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			h.conns[c] = true
			h.mu.Unlock()
			h.running.Go(func() {
				h.converse(c.(*net.TCPConn))
				_ = c.Close() // whatever the client did to it
				h.mu.Lock()
				delete(h.conns, c)
				h.mu.Unlock()
			})
		}
	})
	return nil
}

// converse serves one connection until it ends.
func (h *Host) converse(c *net.TCPConn) {
	b := make([]byte, greetingLen)
	n, err := c.Read(b)
	if err != nil {
		return
	}
	if s := h.stream(b[:n]); s != nil {
		s.serve(c)
		return
	}
	for err == nil {
		if _, err = c.Write(b[:n]); err == nil {
			n, err = c.Read(b)
		}
	}
}

// serveUDP sends every datagram back.
func (h *Host) serveUDP(port uint16) error {
	p, err := h.ListenPacket("udp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	h.own(p, func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := p.ReadFrom(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = p.WriteTo(b[:n], from) // a client that is gone misses nothing
			}
		}
	})
	return nil
}
