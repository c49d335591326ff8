package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// judge computes what the declared policies allow, with the naive evaluator.
type judge struct {
	s *topology.Snapshot
	m *expected
}

func (m *expected) judge() (judge, error) {
	s, err := m.snapshot()
	return judge{s, m}, err
}

// allows reports whether a port may open a connection to an address of another, given that it
// can reach it.
func (j judge) allows(from, to string, dst netip.Addr, what model.PolicyPort) bool {
	return j.verdict(from, to, dst, what) == traffic.Connected
}

// verdict returns the result of a connection that one port opens to an address of another,
// given that it can reach it.
func (j judge) verdict(from, to string, dst netip.Addr, what model.PolicyPort) traffic.Verdict {
	a, _ := j.s.Port(from)
	b, _ := j.s.Port(to)
	switch v := policymodel.Judge(j.s, policymodel.End{Port: a, Addr: sourceFor(j.m.plugged[from], dst)}, policymodel.End{Port: b, Addr: dst}, what); {
	case v.Allowed:
		return traffic.Connected
	case v.Rejected:
		return traffic.Refused
	}
	return traffic.Timeout
}

// sourceFor returns the address from which a container contacts another: the one of the same
// family.
func sourceFor(c *lab.Container, to netip.Addr) netip.Addr {
	for _, a := range c.Addresses() {
		if a.BitLen() == to.BitLen() {
			return a
		}
	}
	return netip.Addr{}
}

// echo returns how policies see a ping of an address.
func echo(to netip.Addr) model.PolicyPort {
	if to.Is6() {
		return model.PolicyPort{Protocol: model.ProtocolICMPv6, First: 128, Last: 128}
	}
	return model.PolicyPort{Protocol: model.ProtocolICMP, First: 8, Last: 8}
}

// offered are the services that every port offers while verdicts are tested: those that random
// policies name, and one that only their wider rules include.
func offered() []traffic.Probe {
	return []traffic.Probe{{Protocol: traffic.TCP, Port: 80}, {Protocol: traffic.TCP, Port: 8007}, {Protocol: traffic.UDP, Port: 53}}
}

// verdicts opens a connection to each service from every port to every other that it can reach,
// in each family that both have, and to the addresses of declared services, and compares the results
// with what the policies say.
func (s *soak) verdicts(ctx context.Context) (err error) {
	if len(s.policies)+len(s.services) == 0 {
		return nil // the pings have covered the rest
	}
	j, err := s.judge()
	if err != nil {
		return err
	}
	hosts := map[string]*traffic.Host{}
	defer func() {
		for _, h := range hosts {
			err = errors.Join(err, h.Close())
		}
	}()
	for _, port := range s.live() {
		h, err := traffic.NewHost(s.plugged[port])
		if err != nil {
			return err
		}
		hosts[port] = h
		for _, service := range offered() {
			if err := h.Serve(service.Protocol, service.Port); err != nil {
				return err
			}
		}
	}
	var probes []traffic.Probe
	var want []traffic.Verdict
	for _, from := range s.live() {
		for _, to := range s.live() {
			for _, a := range s.plugged[to].Addresses() {
				if from == to || !s.reaches(from, to) || !s.plugged[from].Has(a) {
					continue
				}
				for _, p := range offered() {
					p.From, p.To = hosts[from], a
					verdict := j.verdict(from, to, a, model.PolicyPort{Protocol: model.PolicyProtocol(p.Protocol.String()), First: p.Port, Last: p.Port})
					probes, want = append(probes, p), append(want, verdict)
				}
			}
		}
	}
	more, verdicts := s.toServices(j, hosts)
	probes, want = append(probes, more...), append(want, verdicts...)
	s.asked += len(probes)
	return s.ask(ctx, probes, want)
}

// ask probes, and returns an error that names the results that differ. A lost packet makes a
// Timeout, and a busy machine loses some, so probes that should have been answered are
// repeated.
func (s *soak) ask(ctx context.Context, probes []traffic.Probe, want []traffic.Verdict) error {
	var errs []error
	for round := 0; len(probes) > 0; round++ {
		got, err := traffic.Ask(ctx, probes, traffic.Patience(round))
		if err != nil {
			return err
		}
		kept := 0
		for i, p := range probes {
			switch {
			case got[i] == want[i]:
			case got[i] == traffic.Timeout && round < 6:
				probes[kept], want[kept] = p, want[i]
				kept++
			default:
				errs = append(errs, fmt.Errorf("%v: %v, want %v", p, got[i], want[i]))
			}
		}
		probes, want = probes[:kept], want[:kept]
	}
	return errors.Join(errs...)
}

// revalidated waits until the datapaths forward by the flows that the switches have
// confirmed.
func (s *soak) revalidated(ctx context.Context) error {
	return s.everyNode(func(n *lab.Node) error { return n.Revalidated(ctx) })
}
