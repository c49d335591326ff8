package pipeline_test

import (
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestDeclaredOnly: port groups and policies change no flows, and no unit is compiled for
// them.
func TestDeclaredOnly(t *testing.T) {
	b := newContractBed(t, []topology.Family{topology.IPv4}, topology.Stretched, true, 6, 20)
	all := model.PolicySelection{Selector: &model.Selector{}}
	isolate := []model.PolicyDirection{model.Ingress}
	for _, op := range []topology.Op{
		put(model.KindPortGroup, "g", model.PortGroupSpec{Selector: all.Selector}),
		put(model.KindPolicy, "p", model.PolicySpec{Subject: all, Isolates: isolate}),
		put(model.KindPolicy, "p", model.PolicySpec{Subject: model.PolicySelection{PortGroup: "g"}, Isolates: isolate}),
		remove(model.KindPolicy, "p"),
		remove(model.KindPortGroup, "g"),
	} {
		if c := b.apply(op); c != (cost{}) {
			t.Errorf("%s %s: %+v", op.Verb, op.Ref, c)
		}
	}
}
