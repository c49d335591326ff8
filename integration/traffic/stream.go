package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// Every is the time between two messages of a stream.
const Every = 2 * time.Millisecond

// Kind says which side of a stream sends.
type Kind uint8

// Kinds of streams.
const (
	Echo     Kind = iota // the client, and the server sends all of it back
	Upload               // the client alone
	Download             // the server alone
)

// String names the kind.
func (k Kind) String() string { return [...]string{"echo", "upload", "download"}[k] }

// Stream is a TCP connection that lives until Stop. Its methods may be called
// concurrently.
type Stream struct {
	// Name names client and server, and which of them sends.
	Name string
	// Kind is who speaks.
	Kind Kind
	// Port is the client's.
	Port uint16

	to      *Host
	number  uint64
	client  *net.TCPConn
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	stop    func() Report
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	server   *net.TCPConn
	start    time.Time
	arrivals []time.Duration // of messages, after start
	paused   bool            // who sends, does not
	err      error           // how it ended, if by itself
}

// A greeting is the first message of a stream: this word and the stream's number.
const (
	greeting    = "stream: "
	greetingLen = len(greeting) + 8
)

// Start connects to a service of a host, at one of its addresses, and begins to send. The
// service must be a TCP service.
func Start(ctx context.Context, from, to *Host, at netip.AddrPort, kind Kind) (*Stream, error) {
	s := &Stream{Name: fmt.Sprintf("%v from %s (%s) to %s (%s) at %v", kind, from.Name, from.Node, to.Name, to.Node, at), Kind: kind, to: to}
	to.mu.Lock()
	to.next++
	s.number = to.next
	to.streams[s.number] = s
	to.mu.Unlock()
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	c, err := from.Dial(limited, network, at.String())
	if err != nil {
		s.cancel()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	s.client = c.(*net.TCPConn)
	s.Port = s.client.LocalAddr().(*net.TCPAddr).AddrPort().Port()
	s.start = time.Now()
	if _, err := s.client.Write(binary.BigEndian.AppendUint64([]byte(greeting), s.number)); err != nil {
		s.cancel()
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), s.client.Close())
	}
	s.stop = sync.OnceValue(s.end)
	s.running.Go(func() { s.note(s.speakAsClient()) })
	return s, s.Flowing(ctx, 10)
}

// stream returns the stream that a first message names, if it is one's.
func (h *Host) stream(first []byte) *Stream {
	if len(first) != greetingLen || string(first[:len(greeting)]) != greeting {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.streams[binary.BigEndian.Uint64(first[len(greeting):])]
}

// serve is the server's side of the stream, until it ends.
func (s *Stream) serve(c *net.TCPConn) {
	s.mu.Lock()
	s.server = c
	s.mu.Unlock()
	switch s.Kind {
	case Download:
		s.note(s.send(c))
	case Upload:
		s.note(s.receive(c, nil))
	case Echo:
		s.note(echo(c))
	}
}

func (s *Stream) speakAsClient() error {
	switch s.Kind {
	case Download:
		return s.receive(s.client, nil)
	case Upload:
		return s.send(s.client)
	}
	return s.receive(s.client, s.client) // one question at a time
}

// message is sent every 2 ms.
const message = "hello\n"

func echo(c net.Conn) error {
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err == nil {
			_, err = c.Write(b[:n])
		}
		if err != nil {
			return err
		}
	}
}

// send sends until the stream is stopped.
func (s *Stream) send(c net.Conn) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		s.mu.Lock()
		paused := s.paused
		s.mu.Unlock()
		if !paused {
			if _, err := c.Write([]byte(message)); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return nil
		}
	}
}

// receive notes when messages arrive; if ask is not nil, it asks there for each.
func (s *Stream) receive(c, ask net.Conn) error {
	b := make([]byte, 64<<10)
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		if ask != nil {
			select {
			case <-tick.C:
			case <-s.ctx.Done():
				return nil
			}
			if _, err := ask.Write([]byte(message)); err != nil {
				return err
			}
		}
		if _, err := c.Read(b); err != nil {
			return err
		}
		s.mu.Lock()
		s.arrivals = append(s.arrivals, time.Since(s.start))
		s.mu.Unlock()
	}
}

// note keeps how a side ended, if the stream was not stopped.
func (s *Stream) note(err error) {
	if err == nil || s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, err)
}

// Pause has the side that sends of an upload or download send nothing, or go on.
func (s *Stream) Pause(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = paused
}

// Flowing waits until n more messages have arrived, so that what happens next
// happens on a connection that lives.
func (s *Stream) Flowing(ctx context.Context, n int) error {
	first := s.count()
	return lab.PollFor(ctx, 10*time.Second, s.Name+" to flow", func(context.Context) error {
		if got := s.count() - first; got < n {
			return fmt.Errorf("%d of %d messages arrived", got, n)
		}
		return nil
	})
}

// Silent waits until nothing has arrived for so long, and returns when the last
// message arrived.
func (s *Stream) Silent(ctx context.Context, long time.Duration) (last time.Time, err error) {
	err = lab.PollFor(ctx, 10*time.Second, s.Name+" to be silent", func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		last = s.start.Add(s.arrivals[len(s.arrivals)-1])
		if quiet := time.Since(last); quiet < long {
			return fmt.Errorf("a message arrived %v ago", quiet.Round(time.Millisecond))
		}
		return nil
	})
	return last, err
}

func (s *Stream) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.arrivals)
}

// Stop ends the stream, if it did not end by itself, and says how it went until then.
// Again, it says the same.
func (s *Stream) Stop() Report { return s.stop() }

func (s *Stream) end() Report {
	r := s.Report()
	s.cancel()
	_ = s.client.SetLinger(0) // nothing of it lives on
	_ = s.client.Close()
	s.mu.Lock()
	if s.server != nil {
		_ = s.server.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	s.to.mu.Lock()
	delete(s.to.streams, s.number)
	s.to.mu.Unlock()
	return r
}
