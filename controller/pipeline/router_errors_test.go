package pipeline_test

import (
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// TestControllerFlows: no flow that sends packets to sdnd is a table-miss flow, of priority 0
// and without a match. What such a flow sends says OFPR_NO_MATCH (OpenFlow 1.3.5, 7.4.1), and
// package packetin takes only what an action of ours sent.
func TestControllerFlows(t *testing.T) {
	found := 0
	for _, g := range goldens() {
		b := build(t)
		g.declare(b)
		for _, msg := range compile(b.commit(), g.node) {
			mod, ok := decoded(msg).(*openflow.FlowMod)
			if !ok || !strings.Contains(mod.Flow.String(), "CONTROLLER") {
				continue
			}
			found++
			if mod.Flow.Priority == 0 && len(mod.Flow.Match) == 0 {
				t.Errorf("%s: a table-miss flow: %s", g.name, mod.Flow.String())
			}
		}
	}
	if found < 10 {
		t.Errorf("%d flows send packets to sdnd", found)
	}
}
