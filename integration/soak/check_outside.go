package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// outsideReached checks that every port whose router has a way out, and no other, reaches the machine
// outside as far as policies allow, that this sees the right address, and that it reaches exactly
// the floating addresses that lead to such ports.
func (s *soak) outsideReached(ctx context.Context) (err error) {
	j, err := s.judge()
	if err != nil {
		return err
	}
	l, err := s.outside.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	serving := make(chan struct{})
	go func() { defer close(serving); tellAddresses(l) }()
	defer func() { err = errors.Join(err, l.Close()); <-serving }()
	var out []lab.Reach
	for _, port := range s.live() {
		c := s.plugged[port]
		for _, to := range []netip.Addr{s.outside.Addr, s.outside.Addr6} {
			if !c.Has(to) {
				continue
			}
			leaves := s.leaves(s.ports[port].Network)
			out = append(out, lab.Reach{From: c, To: to, Want: leaves && j.lets(port, to, echo(to))})
			if leaves && j.lets(port, to, model.PolicyPort{Protocol: model.ProtocolTCP, First: 80, Last: 80}) {
				if err := s.seenAs(ctx, c, to, s.outsideAddress(port, to)); err != nil {
					return fmt.Errorf("port %s: %w", port, err)
				}
			}
		}
	}
	s.pings += len(out)
	if err := lab.CheckReach(ctx, out); err != nil {
		return fmt.Errorf("to the machine outside: %w", err)
	}
	return s.comeIn(ctx, j)
}

// outsideAddress returns the address by which a live port must be seen outside, of the family of an
// address: its floating one, or that of its node.
func (s *soak) outsideAddress(port string, to netip.Addr) netip.Addr {
	f := model.FamilyOf(to)
	if a := s.floatingOf(port, f); a.IsValid() {
		return a
	}
	i, _ := realNode(s.plugged[port].Node)
	for _, a := range nodeUplinkAddresses(i) {
		if model.FamilyOf(a) == f {
			return a
		}
	}
	return netip.Addr{}
}

// comeIn pings the floating addresses from the machine outside.
func (s *soak) comeIn(ctx context.Context, j judge) error {
	for _, name := range sorted(s.floating) {
		f := s.floating[name]
		c, plugged := s.plugged[f.Port]
		want := plugged && !s.loose[f.Port] && s.leaves(s.ports[f.Port].Network)
		if want {
			from := s.outside.Addr
			if f.Address.Is6() {
				from = s.outside.Addr6
			}
			want = j.admits(from, f.Port, sourceFor(c, f.Address), echo(f.Address))
		}
		s.pings++
		if err := s.pingFromOutside(ctx, f.Address, want); err != nil {
			return fmt.Errorf("floating address %s of port %s: %w", f.Address, f.Port, err)
		}
	}
	return nil
}

// pingFromOutside pings until there is an answer, or, if there must be none, three times.
func (s *soak) pingFromOutside(ctx context.Context, to netip.Addr, want bool) error {
	ping := func(ctx context.Context) error {
		_, err := s.outside.Exec(ctx, "ping", "-n", "-c", "1", "-W", "1", to.String())
		return err
	}
	if want {
		return lab.PollFor(ctx, settleTimeout, "an answer", ping)
	}
	if _, err := s.outside.Exec(ctx, "ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", to.String()); err == nil {
		return errors.New("it answers the machine outside")
	}
	return nil
}

// lets reports whether policies let a port open a connection to an address outside.
func (j judge) lets(port string, to netip.Addr, what model.PolicyPort) bool {
	p, _ := j.s.Port(port)
	return policymodel.Judge(j.s, policymodel.End{Port: p, Addr: sourceFor(j.m.plugged[port], to)}, policymodel.End{Addr: to}, what).Allowed
}

// admits reports whether policies let an address outside open a connection to a port.
func (j judge) admits(from netip.Addr, port string, inside netip.Addr, what model.PolicyPort) bool {
	p, _ := j.s.Port(port)
	return policymodel.Judge(j.s, policymodel.End{Addr: from}, policymodel.End{Port: p, Addr: inside}, what).Allowed
}

// tellAddresses answers every connection with the address of its client, until the listener is
// closed.
func tellAddresses(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, c.RemoteAddr().String()) // who asked notices what is missing
		_ = c.Close()
	}
}

// seenAs checks that a container reaches the machine outside by TCP, which sees it as an address. A
// busy machine loses packets, so what should be answered is repeated.
func (s *soak) seenAs(ctx context.Context, c *lab.Container, to, as netip.Addr) error {
	s.asked++
	return lab.PollFor(ctx, settleTimeout, fmt.Sprintf("%s to be seen as %s", c.Name, as), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, traffic.Patience(0))
		defer cancel()
		conn, err := c.Dial(ctx, "tcp", netip.AddrPortFrom(to, 80).String())
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(traffic.Patience(1))); err != nil {
			return err
		}
		said, err := io.ReadAll(conn)
		if err != nil {
			return err
		}
		seen, err := netip.ParseAddrPort(strings.TrimSpace(string(said)))
		if err != nil {
			return err
		}
		if seen.Addr().Unmap() != as {
			return fmt.Errorf("it is seen as %s", seen)
		}
		return nil
	})
}
