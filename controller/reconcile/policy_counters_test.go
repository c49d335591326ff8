package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPolicyReadingSums: what nodes have counted is summed by rule; what began is the rest
// of what connections that are known have; what is denied by default is apart.
func TestPolicyReadingSums(t *testing.T) {
	p := &topology.Policy{Spec: model.PolicySpec{
		Isolates: []model.PolicyDirection{model.Ingress},
		Ingress:  []model.PolicyRule{{Action: model.ActionAllow}, {Action: model.ActionDeny}},
		Egress:   []model.PolicyRule{{Action: model.ActionAllow}},
	}}
	r := newPolicyReading(p)
	for range 2 { // nodes
		r.count(pipeline.PolicyCounter{Direction: model.Ingress}, worker.Count{Packets: 10, Bytes: 1000})
		r.count(pipeline.PolicyCounter{Direction: model.Ingress, Known: true}, worker.Count{Packets: 7, Bytes: 900})
		r.count(pipeline.PolicyCounter{Direction: model.Ingress, Rule: 1}, worker.Count{Packets: 3, Bytes: 180})
		r.count(pipeline.PolicyCounter{Direction: model.Egress}, worker.Count{Packets: 5, Bytes: 300})
		for range 2 { // subjects
			r.count(pipeline.PolicyCounter{Direction: model.Ingress, Rule: -1}, worker.Count{Packets: 1, Bytes: 60})
		}
		// Of a rule that has gone since: nobody's.
		r.count(pipeline.PolicyCounter{Direction: model.Ingress, Rule: 2}, worker.Count{Packets: 99, Bytes: 99})
	}
	r.settle()
	want := PolicyReading{
		Rules: []RuleCount{
			{Direction: model.Ingress, Packets: 20, Bytes: 2000, Connections: 6},
			{Direction: model.Ingress, Index: 1, Packets: 6, Bytes: 360, Connections: 6},
			{Direction: model.Egress, Packets: 10, Bytes: 600},
		},
		Defaults: []DefaultCount{{Direction: model.Ingress, Packets: 4, Bytes: 240}},
	}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreUnexported(RuleCount{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
