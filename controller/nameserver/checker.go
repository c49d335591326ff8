package nameserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/topology"
)

// When upstream servers are checked.
const (
	// checkTick is how often it is considered which server to check.
	checkTick = 250 * time.Millisecond
	// checkEvery is how long after a check that was answered the next one is, checkAgain after
	// one that was not, and checkSoonest when a question contradicts the last check.
	checkEvery   = 30 * time.Second
	checkAgain   = 5 * time.Second
	checkSoonest = time.Second
	// checkTries is how often a server is asked until it is taken not to answer.
	checkTries = 3
	// maxChecks is how many servers are checked at once.
	maxChecks = 64
)

// Checker finds out which upstream servers of networks answer sdnd. It asks each of them now
// and then, and soon when the answer to a question of a port, or that there is none, contradicts
// what it knows. A question of a port alone proves nothing: servers are silent about names whose
// own servers are away.
type Checker struct {
	upstream Upstream
	up       *prometheus.GaugeVec

	mu sync.Mutex
	// servers has all declared servers, each once.
	servers map[netip.Addr]*checked
	changed bool // since the last report
}

// checked is what is known of a server.
type checked struct {
	// known says that a check has ended, why what happened instead of an answer, "" if there was
	// one.
	known bool
	why   string
	// next is when the next check is due, soonest when it may begin at all. running says that one
	// runs.
	next, soonest time.Time
	running       bool
}

// NewChecker returns a checker that knows no server, and asks those at a port; 53 is that of DNS.
func NewChecker(port uint16) *Checker {
	return &Checker{
		upstream: Upstream{Port: port}, servers: map[netip.Addr]*checked{},
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sdnd_dns_upstream_up",
			Help: "Whether an upstream name server of networks answered sdnd when it was last asked.",
		}, []string{"server"}),
	}
}

// Up returns the metric that says which servers answer: a value for each that is declared.
func (c *Checker) Up() prometheus.Collector { return c.up }

// Noted takes what a question of a port has found: err is nil if the server has answered it.
func (c *Checker) Noted(server netip.Addr, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.servers[server]; s != nil && s.known && (err == nil) != (s.why == "") && s.soonest.Before(s.next) {
		s.next = s.soonest
	}
}

// Run checks servers until ctx ends, and returns nil then. It calls report with those that do
// not answer, and why, whenever these differ.
func (c *Checker) Run(ctx context.Context, topo func() *topology.Snapshot, report func(map[netip.Addr]string)) error {
	var g errgroup.Group
	g.SetLimit(maxChecks)
	defer func() { _ = g.Wait() }() // its functions return no errors
	t := time.NewTicker(checkTick)
	defer t.Stop()
	var seen *topology.Snapshot
	for {
		if s := topo(); s != seen {
			seen = s
			c.declare(s, time.Now())
		}
		c.begin(ctx, &g, time.Now())
		if failing, ok := c.news(); ok {
			report(failing)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// declare takes over the servers of a topology.
func (c *Checker) declare(s *topology.Snapshot, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	had := c.servers
	c.servers = map[netip.Addr]*checked{}
	for n := range s.Networks() {
		if !n.Spec.DNS.Enabled {
			continue
		}
		for _, at := range n.Spec.DNS.Upstream {
			if c.servers[at] != nil {
				continue
			}
			if c.servers[at] = had[at]; c.servers[at] == nil {
				c.servers[at] = &checked{next: now}
			}
		}
	}
	for at, was := range had {
		if c.servers[at] == nil {
			c.changed = c.changed || was.why != ""
			c.up.DeleteLabelValues(at.String())
		}
	}
}

// begin begins the checks that are due, as many as may run.
func (c *Checker) begin(ctx context.Context, g *errgroup.Group, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, s := range c.servers {
		if s.running || now.Before(s.next) {
			continue
		}
		s.running = g.TryGo(func() error {
			err := c.check(ctx, at)
			if ctx.Err() == nil {
				c.found(at, s, err, time.Now())
			}
			return nil
		})
		if !s.running {
			return
		}
	}
}

// check asks a server for what every resolver knows or has somebody to ask for: who is
// responsible for the root. Whatever it answers, it is there.
func (c *Checker) check(ctx context.Context, at netip.Addr) (err error) {
	q := new(dns.Msg).SetQuestion(".", dns.TypeSOA)
	message, err := q.Pack()
	if err != nil {
		return err
	}
	for range checkTries {
		try, cancel := context.WithTimeout(ctx, tryFor)
		_, err = ask(try, "udp", netip.AddrPortFrom(at, c.upstream.Port), q, message)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// found takes the result of a check.
func (c *Checker) found(at netip.Addr, s *checked, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	why, up, next := "", 1.0, checkEvery
	if err != nil {
		why, up, next = failure(err), 0, checkAgain
	}
	if c.servers[at] != s {
		return // it is not declared any more, or again
	}
	c.changed = c.changed || s.why != why
	s.known, s.why, s.running = true, why, false
	s.next, s.soonest = now.Add(next), now.Add(checkSoonest)
	c.up.WithLabelValues(at.String()).Set(up)
}

// news returns the servers that do not answer, and why, if that has changed since the last time.
func (c *Checker) news() (failing map[netip.Addr]string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed {
		return nil, false
	}
	c.changed = false
	failing = map[netip.Addr]string{}
	for at, s := range c.servers {
		if s.why != "" {
			failing[at] = s.why
		}
	}
	return failing, true
}

// failure says in a few words why a server did not answer, without the ports of the question.
func failure(err error) string {
	var number syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	}
	return err.Error()
}
