package traffic

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Protocol is the protocol of a probe.
type Protocol uint8

// Protocols.
const (
	TCP  Protocol = iota // a connection, and an echo on it
	UDP                  // a datagram, and its echo
	ICMP                 // an echo request of ICMP or ICMPv6
	SCTP                 // an INIT
)

// String returns the name that policies give a protocol.
func (p Protocol) String() string { return [...]string{"tcp", "udp", "icmp", "sctp"}[p] }

// Verdict is the result of a probe.
type Verdict uint8

// Verdicts.
const (
	Timeout   Verdict = iota // no answer at all
	Refused                  // a reset, an ABORT, or an ICMP error
	Connected                // an answer of the server
)

// String returns a word for the verdict.
func (v Verdict) String() string { return [...]string{"timeout", "refused", "connected"}[v] }

// Probe asks for a service.
type Probe struct {
	From     *Host
	To       netip.Addr
	Protocol Protocol
	// Port of the server; ICMP has none.
	Port uint16
}

// String says who asks whom for what.
func (p Probe) String() string {
	if p.Protocol == ICMP {
		return fmt.Sprintf("%s (%s) icmp %s", p.From.Name, p.From.Node, p.To)
	}
	return fmt.Sprintf("%s (%s) %v %s", p.From.Name, p.From.Node, p.Protocol, netip.AddrPortFrom(p.To, p.Port))
}

// Limits of Ask.
const (
	tries = 3
	// most is how many probes of one host are outstanding at a time.
	most = 64
)

// Patience returns how long an answer may take in the nth round of probes, from 0: 150 ms,
// twice as long in each further round, at most 2.4 s. With a constant time, probes that a busy
// machine answers late would be repeated, which would keep the machine busy.
func Patience(n int) time.Duration { return 150 * time.Millisecond << min(n, 4) }

// Ask runs all probes at once, and returns the verdicts in their order. A probe that gets no
// answer within patience is repeated from another port, so that one lost packet does not make a
// Timeout.
func Ask(ctx context.Context, probes []Probe, patience time.Duration) ([]Verdict, error) {
	verdicts := make([]Verdict, len(probes))
	of := map[*Host][]*attempt{}
	for i, p := range probes {
		of[p.From] = append(of[p.From], &attempt{Probe: p, verdict: &verdicts[i], fd: -1})
	}
	var all sync.WaitGroup
	errs := make(chan error, len(of))
	for h, attempts := range of {
		all.Go(func() {
			errs <- h.inside(func() error { return askAll(ctx, attempts, patience) })
		})
	}
	all.Wait()
	for range of {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// askAll makes the attempts of one host. It runs on a thread in the host's namespace.
func askAll(ctx context.Context, attempts []*attempt, patience time.Duration) error {
	if err := allowPings(); err != nil {
		return err
	}
	for range tries {
		var left []*attempt
		for len(attempts) > 0 && ctx.Err() == nil {
			n := min(len(attempts), most)
			if err := askOnce(ctx, attempts[:n], patience); err != nil {
				return err
			}
			for _, a := range attempts[:n] {
				if *a.verdict == Timeout {
					left = append(left, a)
				}
			}
			attempts = attempts[n:]
		}
		attempts = left
	}
	return ctx.Err()
}

// askOnce makes each attempt once and waits for the answers.
func askOnce(ctx context.Context, attempts []*attempt, patience time.Duration) error {
	defer func() {
		for _, a := range attempts {
			a.close()
		}
	}()
	var fds []unix.PollFd
	var open []*attempt
	for _, a := range attempts {
		if err := a.open(); err != nil {
			return fmt.Errorf("%v: %w", a.Probe, err)
		}
		if *a.verdict == Timeout {
			open = append(open, a)
			fds = append(fds, unix.PollFd{Fd: int32(a.fd), Events: a.events})
		}
	}
	for deadline := time.Now().Add(patience); len(open) > 0 && ctx.Err() == nil; {
		wait := time.Until(deadline)
		if wait <= 0 {
			return nil
		}
		if _, err := unix.Poll(fds, int(wait.Milliseconds())+1); err != nil && err != unix.EINTR {
			return err
		}
		kept := 0
		for i, a := range open {
			if fds[i].Revents != 0 {
				a.ready()
			}
			if *a.verdict == Timeout {
				open[kept], fds[kept] = a, unix.PollFd{Fd: int32(a.fd), Events: a.events}
				kept++
			}
		}
		open, fds = open[:kept], fds[:kept]
	}
	return nil
}
