package prober

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

// Every is the time between two datagrams of a probe.
const Every = time.Millisecond

const (
	// size of a datagram's payload in bytes: its number.
	size = 8
	// buffer is for datagrams that wait for the receiver to be scheduled, in
	// bytes; the kernel takes several hundred for each.
	buffer = 4 << 20
	// drain is how long after the last datagram sent one may still arrive.
	drain = time.Second
)

// Probe is a stream of datagrams from one container to another. Its methods may
// be called concurrently, except Also, and Stop, which ends it.
type Probe struct {
	// Name names sender and receiver.
	Name string

	start    time.Time
	cancel   context.CancelFunc
	port     uint16 // where all receivers listen
	sender   net.Conn
	sent     sync.WaitGroup
	receiver sync.WaitGroup

	mu sync.Mutex // guards what follows
	// at has when each datagram was sent, by its number; lost has those that have not
	// arrived.
	at        []time.Duration
	missing   map[uint64]bool
	delays    []time.Duration
	refused   int
	receivers []net.PacketConn
	err       error
}

// Start begins to send from one container to an address of another.
func Start(from, to *lab.Container, at netip.Addr) (*Probe, error) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Probe{
		Name: fmt.Sprintf("%s to %s (%s)", from.Name, to.Name, at), start: time.Now(), cancel: cancel, missing: map[uint64]bool{},
	}
	if err := p.Also(to); err != nil {
		cancel()
		return nil, err
	}
	c, err := from.Dial(ctx, "udp", netip.AddrPortFrom(at, p.port).String())
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("probe %s: %w", p.Name, err), p.close())
	}
	p.sender = c
	p.sent.Go(func() { p.send(ctx) })
	return p, nil
}

// Also counts datagrams that arrive at another container as arrived: one that has the same
// address and replaces the receiver.
func (p *Probe) Also(to *lab.Container) error {
	l, err := to.ListenPacket("udp", fmt.Sprintf(":%d", p.port))
	if err != nil {
		return fmt.Errorf("probe %s: %w", p.Name, err)
	}
	p.port = l.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	p.mu.Lock()
	p.receivers = append(p.receivers, l)
	p.mu.Unlock()
	if err := l.(*net.UDPConn).SetReadBuffer(buffer); err != nil {
		return fmt.Errorf("probe %s: %w", p.Name, err)
	}
	p.receiver.Go(func() { p.receive(l) })
	return nil
}

// send sends until ctx ends.
func (p *Probe) send(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	payload := make([]byte, size)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// Recorded as missing before it can arrive.
		p.mu.Lock()
		number := uint64(len(p.at))
		p.at = append(p.at, time.Since(p.start))
		p.missing[number] = true
		p.mu.Unlock()
		binary.BigEndian.PutUint64(payload, number)
		if _, err := p.sender.Write(payload); err != nil {
			// Not on the wire: an interface that is missing, or an ICMP error for an
			// earlier datagram.
			p.mu.Lock()
			delete(p.missing, number)
			p.refused++
			p.err = err
			p.mu.Unlock()
		}
	}
}

// receive takes what arrives until its socket is closed.
func (p *Probe) receive(l net.PacketConn) {
	b := make([]byte, size+1)
	for {
		n, _, err := l.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n != size {
			continue // not ours
		}
		p.mu.Lock()
		if number := binary.BigEndian.Uint64(b); p.missing[number] {
			delete(p.missing, number)
			p.delays = append(p.delays, time.Since(p.start)-p.at[number])
		}
		p.mu.Unlock()
	}
}

// Sent is how many datagrams have been sent so far.
func (p *Probe) Sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at) - p.refused
}

// Flowing waits until n more datagrams have arrived, so that what happens next
// happens under traffic.
func (p *Probe) Flowing(ctx context.Context, n int) error {
	arrived := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.at) - p.refused - len(p.missing)
	}
	first := arrived()
	return lab.PollFor(ctx, 10*time.Second, "traffic from "+p.Name, func(context.Context) error {
		if got := arrived() - first; got < n {
			return fmt.Errorf("%d of %d datagrams arrived", got, n)
		}
		return nil
	})
}

// Stop ends the probe, waits for the last datagrams and returns the report.
func (p *Probe) Stop(ctx context.Context) (Report, error) {
	p.cancel()
	p.sent.Wait()
	// Datagrams that do not arrive in time are lost. The report says so.
	_ = lab.PollFor(ctx, drain, "the last datagrams", func(context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.missing) > 0 {
			return errors.New("some are missing")
		}
		return nil
	})
	err := p.close()
	p.receiver.Wait()
	return p.report(), err
}

func (p *Probe) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	if p.sender != nil {
		errs = append(errs, p.sender.Close())
	}
	for _, l := range p.receivers {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
