package denials

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// fakeSwitches is a node with the subject of a policy. The test says what it has denied.
type fakeSwitches struct {
	view    *pipeline.View
	sampled []time.Duration // for how long, each time
	denied  []reconcile.NodeDenial
	read    int // how often
	away    bool
	full    bool // whether its switch keeps no more
}

func (f *fakeSwitches) View() *pipeline.View { return f.view }

func (f *fakeSwitches) SampleDenials(_ context.Context, nodes []reconcile.DenialNode, period time.Duration) {
	for i := range nodes {
		if nodes[i].Watched = !f.away; !f.away {
			f.sampled = append(f.sampled, period)
		}
	}
}

func (f *fakeSwitches) ReadDenials(_ context.Context, _ *pipeline.View, nodes []reconcile.DenialNode, _ []*topology.Policy) []reconcile.NodeDenial {
	f.read++
	if f.away {
		for i := range nodes {
			nodes[i].Watched = false
		}
		return nil
	}
	nodes[0].Full = f.full
	return slices.Clone(f.denied)
}

// bed is a Log of a fakeSwitches with policies in some modes.
type bed struct {
	*fakeSwitches
	log  *Log
	out  bytes.Buffer
	time time.Time
}

func newBed(t *testing.T, policies map[string]model.PolicySpec) *bed {
	t.Helper()
	ops := []topology.Op{
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNode, Name: "node1"}, Spec: topology.NodeSpec{TunnelIP: netip.MustParseAddr("192.0.2.1")}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindNetwork, Name: "blue"}, Spec: topology.NetworkSpec{Subnets: []topology.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}}},
		{Verb: topology.Create, Ref: topology.Ref{Kind: topology.KindPort, Name: "web"}, Labels: map[string]string{"app": "web"}, Spec: topology.PortSpec{Network: "blue", Node: "node1"}},
	}
	for name, spec := range policies {
		spec.Subject = model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": "web"}}}
		spec.Isolates = []model.PolicyDirection{model.Ingress}
		ops = append(ops, topology.Op{Verb: topology.Create, Ref: topology.Ref{Kind: model.KindPolicy, Name: name}, Spec: spec})
	}
	r, err := topology.Plan(topology.NewSnapshot(), ops, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	v := pipeline.NewView(r.Next).Next(pipeline.Update{Topo: r.Next, Places: []pipeline.PlaceChange{{Port: "web", After: pipeline.Place{Node: "node1", Interface: "web", OFPort: 1}}}})
	b := &bed{fakeSwitches: &fakeSwitches{view: v}, time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.log = New(b.fakeSwitches, slog.New(slog.NewTextHandler(&b.out, nil)), func() time.Time { return b.time })
	return b
}

// pass lets some time go by, and returns what is logged then, without what slog adds.
func (b *bed) pass(after time.Duration) []string {
	b.time = b.time.Add(after)
	b.out.Reset()
	b.log.read(context.Background())
	var lines []string
	for line := range strings.Lines(b.out.String()) {
		lines = append(lines, strings.TrimSpace(regexp.MustCompile(`^time=\S+ level=INFO msg=`).ReplaceAllString(line, "")))
	}
	return lines
}

// deny has the node deny a connection to a port, just now.
func (b *bed) deny(policy string, port uint16) {
	b.denied = append(b.denied, reconcile.NodeDenial{
		Denial: pipeline.Denial{
			Policy: policy, Direction: model.Ingress, Rule: -1, Source: netip.MustParseAddr("10.0.0.9"), Destination: netip.MustParseAddr("10.0.0.2"),
			What: model.PolicyPort{Protocol: model.ProtocolTCP, First: port, Last: port},
		},
		Node: "node1", Seen: b.time,
	})
}

func TestOnce(t *testing.T) {
	b := newBed(t, map[string]model.PolicySpec{"web": {LogDenials: true}})
	if got := b.pass(readEvery); len(got) != 0 {
		t.Errorf("nothing was denied, logged: %q", got)
	}
	b.deny("web", 22)
	want := `"policy denied a connection" policy=web direction=ingress rule=default node=node1 seen=2026-01-01T00:00:05Z source=10.0.0.9 source_port="" destination=10.0.0.2 destination_port="" what=tcp/22`
	if got := b.pass(readEvery); !slices.Equal(got, []string{want}) {
		t.Errorf("logged:\n%q, want\n%q", got, want)
	}
	// The same flow, read again: the answer took longer.
	b.denied[0].Seen = b.denied[0].Seen.Add(3 * time.Millisecond)
	if got := b.pass(readEvery); len(got) != 0 {
		t.Errorf("logged a second time: %q", got)
	}
	b.away = true
	b.pass(readEvery)
	b.away = false
	if got := b.pass(readEvery); len(got) != 0 {
		t.Errorf("logged again after the node was away: %q", got)
	}
	b.denied = nil
	b.pass(time.Minute)
	b.deny("web", 22)
	if got := b.pass(readEvery); len(got) != 1 {
		t.Errorf("denied again after the switch had forgotten: logged %q", got)
	}
}

func TestRenewed(t *testing.T) {
	b := newBed(t, map[string]model.PolicySpec{"web": {LogDenials: true}})
	for range 2 * int(renewEvery/readEvery) {
		b.pass(readEvery)
	}
	if want := []time.Duration{samplePeriod, samplePeriod}; !slices.Equal(b.sampled, want) {
		t.Errorf("samples were installed for %v, want %v", b.sampled, want)
	}
	b.away = true
	b.pass(renewEvery)
	b.away = false
	b.pass(readEvery)
	if len(b.sampled) != 3 {
		t.Errorf("installed %d times, want 3: at once when the node is back", len(b.sampled))
	}
}

func TestNobodyAsks(t *testing.T) {
	b := newBed(t, map[string]model.PolicySpec{"silent": {}, "tried": {LogDenials: true, Mode: model.ModeShadow}})
	b.deny("silent", 22)
	if got := b.pass(readEvery); len(got) != 0 || len(b.sampled) != 0 || b.read != 0 {
		t.Errorf("logged %q, installed %d times, read %d times; want none", got, len(b.sampled), b.read)
	}
}

func TestShares(t *testing.T) {
	b := newBed(t, map[string]model.PolicySpec{"loud": {LogDenials: true}, "quiet": {LogDenials: true}})
	for port := range uint16(100) {
		b.deny("loud", 1000+port)
	}
	b.deny("quiet", 22)
	got := b.pass(readEvery)
	lines := func(of string) (n int) {
		for _, l := range got {
			if strings.Contains(l, fmt.Sprintf("policy=%s direction", of)) {
				n++
			}
		}
		return n
	}
	if lines("loud") != maxLines/2 || lines("quiet") != 1 {
		t.Errorf("%d lines of loud and %d of quiet, want %d and 1", lines("loud"), lines("quiet"), maxLines/2)
	}
	if want := `"policy denied more connections than are logged" policy=loud not_logged=75`; got[len(got)-1] != want {
		t.Errorf("the last line is %q, want %q", got[len(got)-1], want)
	}
}

func TestFullNode(t *testing.T) {
	b := newBed(t, map[string]model.PolicySpec{"web": {LogDenials: true}})
	for i, step := range []struct {
		full bool
		want int
	}{{false, 0}, {true, 1}, {true, 0}, {false, 0}, {true, 1}} {
		b.full = step.full
		if got := b.pass(readEvery); len(got) != step.want || step.want == 1 && !strings.HasSuffix(got[0], "some are not logged\" node=node1") {
			t.Errorf("step %d: logged %q, want %d lines", i, got, step.want)
		}
	}
}
