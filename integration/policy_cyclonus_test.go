package integration

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/policymodel"
	"github.com/sdnctl/sdnctl/integration/traffic"
	"github.com/sdnctl/sdnctl/topology/model"
)

// cyclonusSample is how many of Cyclonus' cases TestCyclonusPackets tries in a run that
// is not long.
const cyclonusSample = 20

// TestCyclonusPackets: packets between pods on three nodes get the verdicts of Cyclonus about its
// cases, in both families.
func TestCyclonusPackets(t *testing.T) {
	cases, err := policymodel.Cyclonus()
	if err != nil {
		t.Fatal(err)
	}
	b := newCyclonusBed(t, cases)
	if !long() {
		random := rand.New(rand.NewPCG(1, 0))
		random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		cases = cases[:cyclonusSample]
	}
	for _, c := range cases {
		t.Run(strings.Fields(c.Name)[0]+" "+c.Family.String(), func(t *testing.T) {
			part := *b.bed
			part.t = t
			(&cyclonusBed{&policyBed{&part, b.hosts}, b.pods}).try(c)
		})
	}
	b.verify()
}

// cyclonusBed has all pods of Cyclonus' cases, each on one of three nodes.
type cyclonusBed struct {
	*policyBed
	pods map[string]model.PortSpec
}

func newCyclonusBed(t *testing.T, cases []policymodel.Case) *cyclonusBed {
	t.Helper()
	b := &cyclonusBed{&policyBed{bed: newBed(t, 3)}, map[string]model.PortSpec{}}
	b.join("node1", "node2", "node3")
	var names []string
	holder := map[netip.Addr]string{}
	for _, c := range cases {
		for _, p := range c.Pods {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
			// The few pods that only some cases have share addresses, which no policy there names.
			if holder[p.IP] == "" {
				holder[p.IP] = p.Name
				spec := b.pods[p.Name]
				spec.IPs = append(spec.IPs, p.IP)
				b.pods[p.Name] = spec
			}
		}
	}
	var r api.ApplyRequest
	for i := range 3 {
		r.Objects = append(r.Objects, object(b.bed, b.joined[i].Name, model.NodeSpec{TunnelIP: b.joined[i].Addr}))
	}
	r.Objects = append(r.Objects, object(b.bed, "pods", model.NetworkSpec{Subnets: []model.Subnet{
		{Prefix: netip.MustParsePrefix("10.0.0.0/24")}, {Prefix: netip.MustParsePrefix("fd00:0:0:1::/64")},
	}}))
	for i, name := range names {
		spec := b.pods[name]
		spec.Network, spec.Node = "pods", b.joined[i%3].Name
		b.pods[name] = spec
		r.Objects = append(r.Objects, object(b.bed, name, spec))
	}
	b.confirmed(must2(b.api.Apply(b.ctx, r)))
	for _, name := range names {
		h, err := traffic.NewHost(b.plug(name, b.pods[name].Node))
		b.must(err)
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		for _, p := range []traffic.Protocol{traffic.TCP, traffic.UDP, traffic.SCTP} {
			b.must(h.Serve(p, 80))
			b.must(h.Serve(p, 81))
		}
		b.hosts = append(b.hosts, h)
	}
	b.bound(names...)
	return b
}

// try declares a case and probes from each of its pods to each other one.
func (b *cyclonusBed) try(c policymodel.Case) {
	b.t.Helper()
	var r api.ApplyRequest
	for _, p := range c.Pods {
		o, err := api.NewObject(p.Name, p.Labels, b.pods[p.Name])
		b.must(err)
		r.Objects = append(r.Objects, o)
	}
	keep := map[string]bool{}
	for _, op := range c.Policies {
		keep[op.Ref.Name] = true
		r.Objects = append(r.Objects, object(b.bed, op.Ref.Name, op.Spec))
	}
	had, err := b.api.Objects(b.ctx, api.KindPolicy, api.ListOptions{})
	b.must(err)
	for _, o := range had.Items {
		if !keep[o.Name] {
			r.Delete = append(r.Delete, api.Key{Kind: api.KindPolicy, Name: o.Name})
		}
	}
	b.confirmed(must2(b.api.Apply(b.ctx, r)))
	b.revalidated()

	place := map[string]int{}
	for i, p := range c.Pods {
		place[p.Name] = i
	}
	var all []exchange
	for _, from := range c.Pods {
		for _, to := range c.Pods {
			if from.Name == to.Name {
				continue
			}
			for _, w := range c.What {
				h := b.host(to.Name)
				i := slices.IndexFunc(h.Addresses(), func(a netip.Addr) bool { return model.FamilyOf(a) == c.Family })
				p := traffic.Probe{From: b.host(from.Name), To: h.Addresses()[i], Protocol: protocolOf(w), Port: w.First}
				all = append(all, exchange{p, h})
			}
		}
	}
	ours := b.judge()
	b.verdicts(all, func(e exchange) traffic.Verdict {
		allowed := c.Allowed(place[e.From.Name], place[e.to.Name], what(e.Probe))
		switch {
		case allowed && e.Protocol == traffic.SCTP:
			return ours(e) // Cyclonus has no verdict about SCTP answers
		case allowed:
			return traffic.Connected
		}
		return traffic.Timeout
	})
	if b.t.(*testing.T).Failed() {
		b.t.Logf("the policies:\n%s", b.sdnctl("get", "policies", "-o", "yaml"))
	}
}

// protocolOf returns the protocol of probes for a port of a policy.
func protocolOf(w model.PolicyPort) traffic.Protocol {
	for _, p := range []traffic.Protocol{traffic.TCP, traffic.UDP, traffic.SCTP} {
		if p.String() == string(w.Protocol) {
			return p
		}
	}
	panic(fmt.Sprintf("no probe of %s", w))
}
