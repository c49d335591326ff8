package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// The ids of our requests beside reconfigureID, readID and writeID: at most one of each is
// outstanding.
const (
	monitorID = "monitor"
	echoID    = "echo"
)

// session is one connection. It is owned by the goroutine in run; the only
// other one reads.
type session struct {
	conn   net.Conn
	node   string // that it has proven to be
	cfg    Config
	log    *slog.Logger
	claims *claims
	part   *part

	view  *view
	ready bool   // the first answer is here
	claim *claim // nil while the bridge is not known
	shown func() // to be called when the bridge is known

	// probes has an element while the node has to answer an echo request.
	probes chan struct{}
	// asks has an element while a request to reconfigure waits; reconfiguring says that one
	// was sent and is not answered.
	asks          chan struct{}
	reconfiguring bool
	// writer makes rows as desired.
	writer writer
}

// newSession returns the session of a connection that has authenticated as a node.
func (s *server) newSession(g *admitted, conn net.Conn, node string, log *slog.Logger) *session {
	part := &part{pool: s.pool, from: conn.RemoteAddr(), drop: g.drop, known: func() bool {
		return node != "" || s.cfg.Known(conn.RemoteAddr())
	}}
	return &session{
		conn: conn, node: node, cfg: s.cfg, log: log, claims: s.claims, part: part,
		view: newView(s.cfg.Bridge, s.cfg.MaxMessage, part), shown: g.shown,
		asks: make(chan struct{}, 1), probes: make(chan struct{}, 1), writer: writer{wakes: make(chan struct{}, 1)},
	}
}

// run serves the connection until it or ctx ends, and closes it. It returns
// the reason, never nil.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.conn.Close()
		close(closed)
	})
	in := make(chan message)
	var readErr error // written before in is closed
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(in)
		readErr = s.read(ctx, in)
	})

	err := s.loop(ctx, in)
	if errors.Is(err, errReader) {
		// in is closed, so readErr can be read.
		err = readErr
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if s.claim != nil {
		s.claims.release(ctx, s.claim, err)
	}
	s.view.release()
	if stop() {
		s.conn.Close()
		close(closed)
	}
	cancel()
	<-closed
	reader.Wait()
	return err
}

// errReader says that the reader ended; readErr has the reason.
var errReader = errors.New("reader ended")

// read hands over the peer's messages one at a time. It reads the next only when the last
// was taken, so a peer cannot fill our memory with a queue.
func (s *session) read(ctx context.Context, in chan<- message) error {
	f := newFramer(s.conn, s.cfg.MaxMessage, s.part)
	for {
		b, large, err := f.next(ctx)
		if err == io.EOF {
			return errors.New("the node closed the connection")
		}
		if err != nil {
			return err
		}
		m, err := decodeMessage(b)
		m.large = large
		if err != nil {
			s.done(m)
			return err
		}
		select {
		case in <- m:
		case <-ctx.Done():
			s.done(m)
			return ctx.Err()
		}
	}
}

// done returns to the pool what m took from it.
func (s *session) done(m message) {
	if m.large != nil {
		m.large.give()
	}
}

// loop runs the session: the handshake, and then updates, with an echo whenever the peer is
// silent.
func (s *session) loop(ctx context.Context, in <-chan message) error {
	timer := time.NewTimer(s.cfg.HandshakeTimeout)
	defer timer.Stop()
	s.writer.start()
	defer s.writer.timer.Stop()
	defer s.writer.news.Stop()
	if err := s.write(request{Method: "monitor_cond", Params: monitorParams(monitorID), ID: monitorID}); err != nil {
		return err
	}
	asked := false // an echo is under way, to be answered within:
	var within time.Duration
	take := func(m message, ok bool) error {
		if !ok {
			return errReader
		}
		err := s.handle(ctx, m)
		s.done(m)
		if err != nil {
			return err
		}
		if s.ready {
			asked = false
			timer.Reset(s.cfg.EchoInterval)
		}
		return nil
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-in:
			err = take(m, ok)
		case <-s.probes:
			if !asked {
				within = min(probeTimeout, s.cfg.EchoInterval)
				err = s.silence(0)
				asked = true
				timer.Reset(within)
			}
		case <-s.asked():
			err = s.reconfigure()
		case <-s.writer.woken():
			err = s.beginWrite()
		case <-s.writer.timer.C:
			err = s.readRows()
		case <-s.writer.news.C:
			s.reportNews()
		case <-timer.C:
			// This goroutine may be late itself, with a message waiting.
			select {
			case m, ok := <-in:
				err = take(m, ok)
			default:
				if !asked {
					within = 0
				}
				err = s.silence(within)
				asked, within = true, s.cfg.EchoInterval
				timer.Reset(within)
			}
		}
		if err != nil {
			return err
		}
	}
}

// probe makes the session send an echo request, which the node has to answer in time. Any
// goroutine may call it.
func (s *session) probe() {
	select {
	case s.probes <- struct{}{}:
	default:
	}
}

// probeTimeout is how long a node has to answer an echo request when another connection
// claims its bridge.
const probeTimeout = time.Second

// silence is called when the peer has sent nothing for too long. It sends an echo request,
// or ends the session; asked is how long an echo is unanswered, 0 if none was sent.
func (s *session) silence(asked time.Duration) error {
	if !s.ready {
		return fmt.Errorf("no answer to monitor_cond within %v", s.cfg.HandshakeTimeout)
	}
	if asked > 0 {
		return fmt.Errorf("no answer to echo within %v", asked)
	}
	return s.write(request{Method: "echo", Params: []any{}, ID: echoID})
}

// handle handles one message of the peer.
func (s *session) handle(ctx context.Context, m message) error {
	if s.claim != nil {
		// The node that has the datapath id may have changed since.
		if err := s.cfg.Admit(s.claim.conn); err != nil {
			return err
		}
	}
	switch {
	case m.answers(monitorID):
		return s.begin(ctx, m)
	case m.answers(reconfigureID) && s.reconfiguring:
		s.reconfigured(m)
		return nil
	case m.answers(readID) && s.writer.asked == readID:
		return s.rowsRead(m)
	case m.answers(writeID) && s.writer.asked == writeID:
		s.rowsWritten(m)
		return nil
	case m.Method == "":
		return nil // the answer to an echo
	case m.Method == "echo":
		if null(m.Params) {
			m.Params = json.RawMessage("[]")
		}
		return s.reply(m, m.Params, nil)
	case m.Method == "update2":
		return s.update(ctx, m.Params)
	case m.Method == "monitor_canceled":
		return errors.New("the node's database is being replaced")
	}
	return s.reply(m, nil, "unknown method")
}

// begin handles the answer to the monitor request: the initial rows.
func (s *session) begin(ctx context.Context, m message) error {
	if s.ready {
		return errors.New("a second answer to monitor_cond")
	}
	if !null(m.Error) {
		return fmt.Errorf("monitor_cond (Open vSwitch 2.6 or newer) refused: %s", excerpt(m.Error))
	}
	if err := s.apply(ctx, m.Result); err != nil {
		return err
	}
	s.ready = true
	if s.claim == nil {
		s.log.Info("node has no such bridge with a datapath id yet", "bridge", s.cfg.Bridge)
	}
	return nil
}

// update handles an update notification: the monitor's name and the changes.
func (s *session) update(ctx context.Context, raw json.RawMessage) error {
	var params []json.RawMessage
	t := newTokens(raw)
	if err := t.delim('['); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	for t.dec.More() && len(params) < 2 {
		var p json.RawMessage
		if err := t.dec.Decode(&p); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		params = append(params, p)
	}
	if !s.ready || len(params) != 2 || string(params[0]) != `"`+monitorID+`"` {
		return errors.New("an update that was not asked for")
	}
	return s.apply(ctx, params[1])
}

// apply applies an update to the view and reports what has changed.
func (s *session) apply(ctx context.Context, raw json.RawMessage) error {
	if err := s.view.apply(raw); err != nil {
		return err
	}
	changed, err := s.view.commit()
	if err != nil {
		return err
	}
	s.scheduleNews()
	id := s.view.datapathID()
	if s.claim != nil && s.claim.conn.DatapathID != id {
		s.claims.release(ctx, s.claim, errGone)
		s.claim = nil
	}
	b := s.view.bridge()
	if s.claim != nil && s.claim.bridge != b {
		s.claims.updateBridge(s.claim, b)
	}
	switch {
	case s.claim != nil && changed:
		s.claims.update(s.claim, s.view.shown)
	case s.claim == nil && id != 0:
		c := Conn{
			Remote:      s.conn.RemoteAddr().String(),
			Bridge:      s.cfg.Bridge,
			DatapathID:  id,
			OVSVersion:  s.view.version,
			Node:        s.node,
			Reconfigure: s.askReconfigure,
			Write:       s.writer.write,
		}
		if err := s.cfg.Admit(c); err != nil {
			return err
		}
		s.claim = &claim{conn: c, bridge: b, ifaces: s.view.shown, probe: s.probe}
		s.claims.enter(s.claim)
		s.shown()
	}
	return nil
}

// reply answers a request; a notification gets no answer.
func (s *session) reply(m message, result, failure any) error {
	if null(m.ID) {
		return nil
	}
	return s.write(response{ID: m.ID, Result: result, Error: failure})
}

// write sends one message. The session ends if the peer does not accept it in time.
func (s *session) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.cfg.EchoInterval)); err != nil {
		return err
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
