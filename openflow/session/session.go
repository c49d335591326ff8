package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// ErrClosed is wrapped, beside the reason for the end, by the errors of a
// session's methods after its connection has ended.
var ErrClosed = errors.New("session has ended")

// Session is an OpenFlow 1.3 connection to one switch, made by Handshake.
//
// Run drives it: before Run nothing is sent or received, and after Run has returned
// no goroutine of the session is left. All other methods may be called by many
// goroutines at once. Methods that wait for the switch return when their context
// or the connection ends.
type Session struct {
	conn      net.Conn
	cfg       Config
	log       *slog.Logger
	frames    *frameReader
	out       *outbox
	events    *eventQueue
	counters  counters
	pace      pace // of the reader, for unsolicited messages
	packetIns pace // of the reader

	features openflow.FeaturesReply
	desc     openflow.Desc
	ports    []openflow.Port

	started    time.Time
	alive      keepalive
	throttling throttling

	dead    chan struct{} // closed when the connection has ended
	endOnce sync.Once
	reason  error // why; written before dead is closed

	ran     atomic.Bool
	calls   callTable
	monitor atomic.Pointer[FlowMonitor] // nil if there is none
	groups  chan struct{}               // capacity 1: others have changed groups or meters
	bundles chan struct{}               // a semaphore: one bundle at a time; guards what follows

	bundleID  uint32       // of the newest bundle
	bundlePos openflow.Xid // xid, without bundleXid, where the next bundle begins
	bundleBuf []byte       // to encode the next bundle into
}

func newSession(conn net.Conn, cfg Config) *Session {
	cfg = cfg.withDefaults()
	s := &Session{
		conn:      conn,
		cfg:       cfg,
		log:       cfg.Logger,
		frames:    newFrameReader(conn, cfg.MaxMessage),
		out:       newOutbox(),
		events:    newEventQueue(cfg.PacketInQueue),
		pace:      newPace(cfg.UnaskedRate, cfg.UnaskedBurst),
		packetIns: newPace(cfg.PacketInRate, cfg.PacketInBurst),
		started:   time.Now(),
		dead:      make(chan struct{}),
		groups:    make(chan struct{}, 1),
		bundles:   make(chan struct{}, 1),
	}
	s.frames.progress = func(n int) {
		s.counters.bytesIn.Add(uint64(n))
		s.alive.received(time.Since(s.started))
	}
	return s
}

// Features returns the switch's FEATURES_REPLY from the handshake.
func (s *Session) Features() openflow.FeaturesReply { return s.features }

// Desc returns the switch's maker, versions and serial number; it is empty if
// the switch does not report them.
func (s *Session) Desc() openflow.Desc { return s.desc }

// Ports returns the switch's ports as of the handshake. The caller must not
// modify the slice. Later changes come as events.
func (s *Session) Ports() []openflow.Port { return s.ports }

// RemoteAddr returns the switch's end of the connection.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Run reads and writes messages, answers the switch's echo requests and sends its
// own, until the connection or ctx ends. It returns the reason, never nil: the
// cause of ctx, ErrClosed after Close, or the failure. When Run returns, the
// connection is closed, and there are no more events. It can be called once.
//
// Run must be called soon after Handshake, because the switch expects replies to
// its echo requests.
func (s *Session) Run(ctx context.Context) error {
	if !s.ran.CompareAndSwap(false, true) {
		return errors.New("session: Run was called before")
	}
	release := s.endWith(ctx)
	defer release()
	s.alive.received(time.Since(s.started))

	var own sync.WaitGroup
	own.Go(func() { s.write(nil) })
	for s.readOne() {
	}
	own.Wait()
	return s.reason
}

// endWith ends the connection when ctx ends. The caller must call release,
// after which no goroutine of it is left.
func (s *Session) endWith(ctx context.Context) (release func()) {
	left := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(left)
		s.end(context.Cause(ctx))
	})
	return func() {
		if !stop() {
			<-left
		}
	}
}

// readOne reads and handles one message. It returns false when the connection
// has ended, having ended it if need be.
func (s *Session) readOne() bool {
	frame, err := s.frames.next()
	if err != nil {
		s.end(readError(err))
		return false
	}
	if err := s.handle(frame); err != nil {
		s.end(err)
		return false
	}
	return true
}

// write writes queued messages and keeps the connection alive, until it ends.
//
// For the handshake stop is not nil: write then sends no echo requests, since the
// handshake has a time limit of its own, and returns when stop is closed and all
// queued messages are written.
func (s *Session) write(stop <-chan struct{}) {
	timer := time.NewTimer(s.cfg.EchoInterval)
	defer timer.Stop()
	tick := timer.C
	if stop != nil {
		tick = nil
	}
	idle := time.NewTimer(outboxIdle)
	defer idle.Stop()
	for stopped := false; ; {
		n, err := s.out.flush(s.conn, s.cfg.WriteTimeout+time.Duration(s.alive.allowed.Load()))
		s.counters.bytesOut.Add(uint64(n))
		if err != nil {
			s.end(writeError(err))
			return
		}
		if stopped {
			return
		}
		if n > outboxKeep {
			idle.Reset(outboxIdle)
		}
		select {
		case <-s.out.wake:
		case <-idle.C:
			s.out.trim()
		case <-tick:
			next, err := s.keepAlive()
			if err != nil {
				s.end(err)
				return
			}
			timer.Reset(next)
		case <-s.dead:
			return
		case <-stop:
			stopped = true
		}
	}
}

// Close ends the session; Run and all that waits return. It is no error to
// close a session twice.
func (s *Session) Close() error {
	s.end(ErrClosed)
	return nil
}

// end ends the connection for a reason, of which only the first counts.
func (s *Session) end(reason error) {
	s.endOnce.Do(func() {
		s.reason = reason
		close(s.dead)
		s.conn.Close()
	})
}

// ended returns the error for those who wanted something of a dead connection.
func (s *Session) ended() error {
	<-s.dead
	if errors.Is(s.reason, ErrClosed) {
		return s.reason
	}
	return fmt.Errorf("%w: %w", ErrClosed, s.reason)
}
