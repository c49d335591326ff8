package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

const policySection = "Policies, beside OVN's ACLs that say the same (allow-related, port groups)"

// policies returns the benches of policies.
func policies() []Bench {
	return []Bench{
		{Name: "policy/packets", Section: policySection, Limit: 5 * time.Minute, Run: policyPackets},
		{Name: "policy/scale", Section: policySection, Limit: 5 * time.Minute, Run: policyScale},
		{Name: "policy/nodes", Section: policySection, Limit: 5 * time.Minute, Run: policyNodes},
	}
}

// policySide is sdnctl or OVN: two nodes with one network, a client and a server on the
// first and a server on the second.
type policySide struct {
	nodes []*lab.Node
	paths [2]*policyPath // to the server on the same node, and across
	// bare are the same in a network of the same nodes that no policy concerns; nil for OVN.
	bare [2]*policyPath
	// rules replaces all rules by n rules, one of which allows the client; the others match
	// none of its packets. 0 removes all rules.
	rules func(ctx context.Context, n int) error
}

// policyPath is the client's path to a server.
type policyPath struct {
	from, to *lab.Container
	pings    *pinger
	first    map[int]samples // by the number of rules
	mbits    samplesOf
}

// samplesOf are figures of one quantity, where greater is better.
type samplesOf []float64

// best returns the greatest as a figure.
func (s samplesOf) best() Figure {
	most, least := s[0], s[0]
	for _, v := range s {
		most, least = max(most, v), min(least, v)
	}
	return Value(most).With("best of %d, worst %s", len(s), number(least))
}

// newPath makes a path whose ends have each other in their neighbour tables.
func newPath(ctx context.Context, from, to *lab.Container) (*policyPath, error) {
	if err := knowEachOther(ctx, from, to); err != nil {
		return nil, err
	}
	p, err := newPinger(ctx, from, to.IP.Addr())
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.first(limit); err != nil {
		return nil, errors.Join(fmt.Errorf("%s to %s: %w", from.Name, to.Name, err), p.Close())
	}
	return &policyPath{from: from, to: to, pings: p, first: map[int]samples{}}, nil
}

// close closes the pingers.
func (s *policySide) close() {
	for _, p := range append(s.paths[:], s.bare[:]...) {
		if p != nil {
			_ = p.pings.Close() // nothing is left to be sent
		}
	}
}

// firstPackets measures n pings on each path that find neither a megaflow nor a connection, in
// turn.
func (s *policySide) firstPackets(ctx context.Context, rules, n int) error {
	for range n {
		for i, p := range s.paths {
			for _, p := range []*policyPath{p, s.bare[i]} {
				if p == nil {
					continue
				}
				if err := s.firstPacket(ctx, p, rules); err != nil {
					return fmt.Errorf("%d rules, %s to %s: %w", rules, p.from.Name, p.to.Name, err)
				}
			}
		}
	}
	return nil
}

// firstPacket measures one ping.
func (s *policySide) firstPacket(ctx context.Context, p *policyPath, rules int) error {
	for range 3 { // warm up all other caches
		if _, err := p.pings.rtt(); err != nil {
			return err
		}
	}
	for _, n := range s.nodes {
		if _, err := n.AppCtl(ctx, "dpctl/flush-conntrack"); err != nil {
			return err
		}
		if err := n.ColdCaches(ctx); err != nil {
			return err
		}
	}
	took, err := p.pings.rtt()
	if err != nil {
		return fmt.Errorf("first packet: %w", err)
	}
	p.first[rules] = append(p.first[rules], took)
	return nil
}

// policyPackets measures first packets with more and more rules, and throughput.
func policyPackets(ctx context.Context, e *Env, r *Report) (err error) {
	ours, stop, err := ourPolicySide(ctx, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	sides := []*policySide{ours}
	theirs, stop2, missing := ovnPolicySide(ctx, e)
	if missing == nil {
		defer func() { err = errors.Join(err, stop2()) }()
		sides = append(sides, theirs)
	}
	sizes := []int{0, 100, e.Pick(10_000, 1000)}
	for _, n := range sizes {
		for _, s := range sides {
			if err := s.rules(ctx, n); err != nil {
				return fmt.Errorf("%d rules: %w", n, err)
			}
			for _, n := range s.nodes {
				if err := calm(ctx, n); err != nil {
					return err
				}
			}
			if err := s.firstPackets(ctx, n, e.Pick(50, 4)); err != nil {
				return err
			}
		}
		if n == 100 {
			if err := policyThroughput(ctx, e, sides); err != nil {
				return err
			}
		}
	}
	for i, where := range []string{"same node", "across nodes"} {
		p := ours.paths[i]
		other := func(of func(*policyPath) Figure) Figure {
			if missing != nil {
				return None(missing.Error())
			}
			return of(theirs.paths[i])
		}
		for _, n := range sizes {
			name := fmt.Sprintf("first packet, no megaflow, no connection, %s rules, %s", number(float64(n)), where)
			figure := p.first[n].p50(time.Microsecond)
			if n > 0 {
				l := Line{
					Name: name, Unit: "µs", Ours: figure, Baseline: "without policies", Theirs: ours.bare[i].first[n].p50(time.Microsecond),
					Note: "The baseline is in another network of the same switches, and measured in turn.",
				}
				if n == sizes[len(sizes)-1] {
					l.Goal = RatioAtMost(1.3)
				}
				r.Add(l)
			}
			r.Add(Line{Name: name, Unit: "µs", Ours: figure, Baseline: "OVN, as many ACLs", Theirs: other(func(p *policyPath) Figure { return p.first[n].p50(time.Microsecond) })})
		}
		r.Add(Line{
			Name: "TCP throughput through a policy, " + where, Unit: "Mbit/s", Ours: p.mbits.best(), Goal: RatioAtLeast(1 / 1.05),
			Baseline: "OVN, allow-related", Theirs: other(func(p *policyPath) Figure { return p.mbits.best() }),
			Note: "100 rules. The goal's room is 5 %, which is noise.",
		})
	}
	return nil
}

// policyThroughput measures TCP on all paths, in turn.
func policyThroughput(ctx context.Context, e *Env, sides []*policySide) error {
	port := 5200
	for range e.Pick(4, 1) {
		for i := range 2 {
			for _, s := range sides {
				port++
				v, err := iperf(ctx, &path{from: s.paths[i].from, to: s.paths[i].to}, port, e.Pick(2, 1))
				if err != nil {
					return err
				}
				s.paths[i].mbits = append(s.paths[i].mbits, v)
			}
		}
	}
	return nil
}

// ourPolicySide returns the side of sdnctl.
func ourPolicySide(ctx context.Context, e *Env) (_ *policySide, stop func() error, err error) {
	// 10,000 rules for one subject exceed the default of --max-policy-flows, with three flows
	// each.
	b, err := newDaemonBed(ctx, e, 2, "--max-policy-flows=40000")
	if err != nil {
		return nil, nil, err
	}
	s := &policySide{nodes: b.Nodes, rules: b.rules}
	stop = func() error { s.close(); return b.stop() }
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	var req api.ApplyRequest
	if err := errors.Join(add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16")}),
		addApp(&req, "client", "client", "node1"), addApp(&req, "near", "server", "node1"), addApp(&req, "far", "server", "node2"),
		add(&req, "bare", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.65.0.0/16")}), add(&req, "bare-client", model.PortSpec{Network: "bare", Node: "node1"}),
		add(&req, "bare-near", model.PortSpec{Network: "bare", Node: "node1"}), add(&req, "bare-far", model.PortSpec{Network: "bare", Node: "node2"})); err != nil {
		return nil, nil, err
	}
	if err := b.apply(ctx, req); err != nil {
		return nil, nil, err
	}
	if err := b.policyPaths(ctx, &s.paths, ""); err != nil {
		return nil, nil, err
	}
	return s, stop, b.policyPaths(ctx, &s.bare, "bare-")
}

// policyPaths plugs in a client and two servers whose ports' names begin with a prefix, and makes
// the client's paths.
func (b *daemonBed) policyPaths(ctx context.Context, paths *[2]*policyPath, prefix string) error {
	var all []*lab.Container
	for _, c := range [][2]string{{"client", "node1"}, {"near", "node1"}, {"far", "node2"}} {
		got, err := b.plugContainer(ctx, prefix+c[0], c[1], true)
		if err != nil {
			return err
		}
		all = append(all, got)
	}
	for i, to := range all[1:] {
		var err error
		if paths[i], err = newPath(ctx, all[0], to); err != nil {
			return err
		}
	}
	return nil
}

// addApp adds a port with a label "app" to a request.
func addApp(req *api.ApplyRequest, name, app, node string) error {
	o, err := api.NewObject(name, map[string]string{"app": app}, model.PortSpec{Network: "n", Node: node})
	req.Objects = append(req.Objects, o)
	return err
}

// byApp selects the ports of an application.
func byApp(app string) model.PolicySelection {
	return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}}
}

// appPolicy returns the policy that allows one application to connect to some ports of another.
func appPolicy(to, from string, ports ...model.PolicyPort) model.PolicySpec {
	return model.PolicySpec{
		Tier: model.TierApplication, Priority: model.DefaultPolicyPriority, Subject: byApp(to),
		Ingress: []model.PolicyRule{{Action: model.ActionAllow, Peers: []model.PolicyPeer{{PolicySelection: byApp(from)}}, Ports: ports}},
	}
}

// rules implements policySide.rules. One policy has the 100 rules, of one port each, for an
// address outside.
func (b *daemonBed) rules(ctx context.Context, n int) error {
	const perPolicy, perPriority = model.MaxPolicyRules, 30
	var req api.ApplyRequest
	list, err := b.api.Objects(ctx, api.KindPolicy, api.ListOptions{})
	if err != nil {
		return err
	}
	for _, o := range list.Items {
		req.Delete = append(req.Delete, api.Key{Kind: o.Kind, Name: o.Name})
	}
	if len(req.Delete) > 0 {
		if err := b.apply(ctx, req); err != nil {
			return err
		}
	}
	if n == 0 {
		return nil
	}
	req = api.ApplyRequest{}
	if err := add(&req, "let-in", appPolicy("server", "client", model.PolicyPort{Protocol: model.ProtocolTCP, Any: true}, model.PolicyPort{Protocol: model.ProtocolICMP, Any: true})); err != nil {
		return err
	}
	for i := range n / perPolicy {
		p := model.PolicySpec{Tier: model.TierApplication, Priority: i / perPriority, Subject: byApp("server")}
		for j := range perPolicy {
			p.Ingress = append(p.Ingress, model.PolicyRule{
				Action: model.ActionAllow, Peers: []model.PolicyPeer{{CIDR: netip.PrefixFrom(outside(i), 32)}},
				Ports: []model.PolicyPort{{Protocol: model.ProtocolTCP, First: uint16(1000 + j), Last: uint16(1000 + j)}},
			})
		}
		if err := add(&req, fmt.Sprintf("p%d", i), p); err != nil {
			return err
		}
	}
	return b.apply(ctx, req)
}

// outside returns an address that no port has.
func outside(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}) }
