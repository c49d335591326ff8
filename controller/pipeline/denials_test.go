package pipeline_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestDenialSamples: what verdict does with packets that are not denied, or that are denied
// and not dropped, comes before the samples; and only they themselves count as samples.
func TestDenialSamples(t *testing.T) {
	for _, f := range pipeline.DenialSamples(30) {
		if f.Table != pipeline.TableVerdict || f.HardTimeout != 30 || !pipeline.IsSample(&f) {
			t.Errorf("%v", f)
		}
		learned := openflow.Flow{Table: pipeline.TableSample, Cookie: f.Cookie}
		if !pipeline.IsSample(&learned) {
			t.Errorf("what %v learns is no sample", f)
		}
		for what, change := range map[string]func(*openflow.Flow){
			"for ever":         func(f *openflow.Flow) { f.HardTimeout = 0 },
			"another table":    func(f *openflow.Flow) { f.Table = pipeline.TablePolicies },
			"another match":    func(f *openflow.Flow) { f.Match = nil },
			"another priority": func(f *openflow.Flow) { f.Priority++ },
			"other actions":    func(f *openflow.Flow) { f.Instructions = nil },
		} {
			if other := f; true {
				if change(&other); pipeline.IsSample(&other) {
					t.Errorf("%s: %v is a sample", what, other)
				}
			}
		}
	}
}

// TestDenialReader: what samples learn is read as the rule of the policy that has denied it.
func TestDenialReader(t *testing.T) {
	b := newContractBed(t, []topology.Family{topology.IPv4}, topology.Stretched, false, 6, 20)
	b.shop()
	b.apply(put(model.KindPolicy, "web", model.PolicySpec{
		Subject: with("app", "web"), Isolates: []model.PolicyDirection{model.Ingress},
		Ingress: []model.PolicyRule{{Action: model.ActionDeny, Peers: peers(with("app", "lb"))}},
	}))
	p, _ := b.view.Topo.Policy("web")
	var subject *topology.Port
	for subject = range b.view.Topo.Selected(&p.Spec.Subject) {
		break
	}
	i, _ := b.view.Topo.IdentityOf(subject.Name)
	n, _ := b.view.Topo.Numbering(i.Domain)
	identity := uint32(n.Zone)<<16 | uint32(i.Index)
	to, _ := subject.Address(topology.IPv4)
	learned := func(ingress, egress uint32) *openflow.Flow {
		return &openflow.Flow{Table: pipeline.TableSample, Cookie: pipeline.DenialCookie, Match: openflow.Match(nil).EthType(0x0800).IPProto(6).
			IPv4Src(netip.MustParsePrefix("203.0.113.9/32")).IPv4Dst(netip.PrefixFrom(to, 32)).TCPDst(22).Reg(4, 0).Reg(5, identity).Reg(8, egress).Reg(9, ingress)}
	}
	for _, tt := range []struct {
		name            string
		ingress, egress uint32
		want            string
	}{
		{"by a rule", p.ID << 8, 0, "ingress 0"},
		{"by default", 2, 0, "ingress -1"},
		{"by another tier's default", 3, 0, ""},
		{"by another policy", (p.ID + 1) << 8, 0, ""},
		{"by a rule that is no more", p.ID<<8 | 7, 0, ""},
		{"by egress of another policy", 0, (p.ID+1)<<8 | 1<<7, ""},
		{"by nobody", 0, 0, ""},
	} {
		got := ""
		for _, d := range b.view.NewDenialReader([]*topology.Policy{p}).Read(learned(tt.ingress, tt.egress)) {
			got += fmt.Sprintf("%s %d", d.Direction, d.Rule)
			if d.SourcePort != nil || d.DestinationPort != subject || d.Policy != p.Name || d.What.String() != "tcp/22" || d.Source.String() != "203.0.113.9" || d.Destination != to {
				t.Errorf("%s: %+v", tt.name, d)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
