package simswitch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// conn is one connection to a controller. The switch's lock guards all fields but in
// and out.
type conn struct {
	s   *Switch
	ctx context.Context
	net net.Conn
	in  inbox
	out outbox
	// running are the goroutines that write messages queued by other connections.
	running sync.WaitGroup

	agreed   bool // version negotiation succeeded
	role     openflow.Role
	async    openflow.AsyncMasks
	forwards [2]uint32 // as async, for REQUESTFORWARD
	config   openflow.SetConfig
	bundles  map[uint32]*bundle
	monitors map[uint32]*monitor
	// updates are the monitor updates of the present modification. abbreviated says that
	// they have an abbreviated update for changes by this connection.
	updates     *parts
	abbreviated bool
	// paused are the changes of flows since the monitors were paused; nil if they are not
	// paused.
	paused   map[*flow]openflow.FlowEvent
	received int // number of messages
}

// missSendDefault is the default number of bytes of a packet that are sent to the controller
// (OpenFlow 1.3.5, 7.3.2).
const missSendDefault = 128

func newConn(ctx context.Context, s *Switch, nc net.Conn) *conn {
	c := &conn{s: s, ctx: ctx, net: nc, role: openflow.RoleEqual}
	c.in = inbox{from: nc, large: s.cfg.buffers}
	c.config.MissSendLen = missSendDefault
	// A slave gets reports of ports only.
	c.async.PacketIn[0], c.async.FlowRemoved[0] = 0x3, 0xf
	c.async.PortStatus = [2]uint32{0x7, 0x7}
	return c
}

var (
	errDropped    = errors.New("connection dropped on request")
	errNoAnswer   = errors.New("controller did not answer")
	errNotAgreed  = errors.New("controller does not speak OpenFlow 1.3")
	errAborted    = errors.New("this message aborts Open vSwitch 3.1")
	errBadVersion = errors.New("message of another version than agreed")
)

// serve handles messages from the controller until the connection or ctx ends.
func (c *conn) serve() error {
	stop := context.AfterFunc(c.ctx, func() { c.net.Close() })
	defer stop()
	defer c.in.close()
	defer c.net.Close()
	c.send(mustAppend(nil, openflow.NewHello()))
	for {
		if err := c.flush(); err != nil {
			return c.reason(err)
		}
		if err := c.read(); err != nil {
			return c.reason(err)
		}
		if err := c.handleAll(); err != nil {
			// The last messages may tell the controller the reason.
			_ = c.flush()
			return c.reason(err)
		}
	}
}

// reason returns the reason for which the connection was closed, if there is one, instead of
// the error that followed from closing it.
func (c *conn) reason(err error) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return err
}

// read waits for more bytes. It sends an echo request to a controller that is idle, and fails
// if no message follows.
func (c *conn) read() error {
	f := c.s.Faults()
	for f.StopReading {
		if err := c.s.awaitFaults(c.ctx, f); err != nil {
			return err
		}
		f = c.s.Faults()
	}
	limit := 0
	if f.ReadRate > 0 {
		limit = max(1, f.ReadRate/20)
		if err := pause(c.ctx, time.Second/20); err != nil {
			return err
		}
	}
	asked := false
	for {
		if c.s.cfg.Probe > 0 {
			if err := c.net.SetReadDeadline(time.Now().Add(c.s.cfg.Probe)); err != nil {
				return err
			}
		}
		err := c.in.fill(limit)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if asked {
			return errNoAnswer
		}
		asked = true
		c.send(mustAppend(nil, &openflow.EchoRequest{}))
		if err := c.flush(); err != nil {
			return err
		}
	}
}

// handleAll handles all complete messages that were received.
func (c *conn) handleAll() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for {
		msg, err := c.in.next()
		if err != nil || msg == nil {
			return err
		}
		c.received++
		c.s.stats.Messages++
		if err := c.handle(msg); err != nil {
			return err
		}
		if n := c.s.faults.DropAfter; n > 0 && c.received >= n {
			return fmt.Errorf("%w after %d messages", errDropped, c.received)
		}
	}
}

// send queues messages.
func (c *conn) send(b []byte) { c.out.append(b) }

// reply queues the answer to a request.
func (c *conn) reply(request []byte, m openflow.Message) {
	m.SetXid(be.Uint32(request[4:]))
	c.send(mustAppend(nil, m))
}

// flush writes the queued messages. If the monitors are paused and the controller has read
// all updates, it resumes them.
func (c *conn) flush() error {
	for {
		err := c.out.flush(c.ctx, c.net, func() time.Duration { return c.s.Faults().ReplyDelay })
		if err != nil || !c.out.takeResume() {
			return err
		}
		c.s.mu.Lock()
		c.resumeMonitors()
		c.s.mu.Unlock()
	}
}

// kick writes, in another goroutine, messages that were queued by other connections. The
// connection's own goroutine flushes after each read.
func (c *conn) kick() {
	if !c.out.waiting() {
		return
	}
	c.running.Go(func() {
		if c.flush() != nil {
			c.net.Close()
		}
	})
}

// wants reports whether the controller subscribes to an asynchronous message, by the mask for
// its role and the message's reason (OpenFlow 1.3.5, 7.3.10).
func (c *conn) wants(masks [2]uint32, reason uint8) bool {
	return c.wantsAny(masks, 1<<reason)
}

// wantsAny reports whether the controller subscribes to one of the reasons, a bit mask.
func (c *conn) wantsAny(masks [2]uint32, reasons uint32) bool {
	mask := masks[0]
	if c.role == openflow.RoleSlave {
		mask = masks[1]
	}
	return c.agreed && mask&reasons != 0
}
