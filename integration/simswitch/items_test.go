package simswitch_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// limits gives each port whose interface id is RATE-ID a meter of that rate, a group
// of that weight, and a flow that uses both, on its own node.
func limits(add pipeline.Adder, v *pipeline.View, node string, u pipeline.Unit) {
	p, ok := v.Topo.Port(u.Name)
	var rate, id uint32
	if u.Kind != pipeline.UnitPort || !ok || v.Location(p) != node {
		return
	}
	if _, err := fmt.Sscanf(p.Spec.InterfaceID, "%d-%d", &rate, &id); err != nil {
		return
	}
	add.Meter(openflow.Meter{ID: id, Flags: openflow.MeterPktps | openflow.MeterBurst, Bands: openflow.Bands(nil).Drop(rate, 10)}, "limits a port")
	add.Group(openflow.Group{ID: id, Type: openflow.GroupTypeSelect, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
		Weight: uint16(rate), WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: openflow.Actions(nil).Output(11),
	})}, "chooses a backend")
	add.Flow(openflow.Flow{Table: 110, Match: openflow.Match(nil).Metadata(uint64(id)),
		Instructions: openflow.Instructions(nil).Meter(id).ApplyActions(openflow.Actions(nil).Group(id))}, "sends to a group")
}

// limited declares a port of a node with a rate; 0 is one without.
func limited(node, eth, rate int) topology.Op {
	op := portOn("pods", node, eth)
	if spec := op.Spec.(topology.PortSpec); rate > 0 {
		spec.InterfaceID = fmt.Sprintf("%d-%d", rate, 1+node*portsPerNode+eth)
		op.Spec = spec
	}
	return op
}

// TestItemsOnFaultySwitches: flows, groups and meters come and go while switches
// drop connections in the middle of anything, refuse groups or meters, answer late
// or start anew. In the end each has just what is compiled, and none was given what
// an Open vSwitch does not survive.
func TestItemsOnFaultySwitches(t *testing.T) {
	const nodes, steps = 10, 150
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("SDNCTL_ITEMS_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("to repeat the random choices: SDNCTL_ITEMS_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBedWith(t, nodes, limits)
	b.declare()
	b.settled()
	for range steps {
		var ops []topology.Op
		for n := range nodes {
			for eth := 1; eth <= 2; eth++ {
				name := fmt.Sprintf("pods-%d-%d", n, eth)
				_, there := b.store.Snapshot().Port(name)
				switch r := random.IntN(16); {
				case r < 3:
					ops = append(ops, limited(n, eth, random.IntN(4)*100))
				case r == 3 && there:
					ops = append(ops, remove(topology.KindPort, name))
				}
			}
		}
		b.apply(ops...)
		s := b.fleet.Switch(nodeName(random.IntN(nodes)))
		switch random.IntN(8) {
		case 0:
			s.SetFaults(simswitch.Faults{DropAfter: 1 + random.IntN(40)})
		case 1:
			s.SetFaults(simswitch.Faults{RefuseGroups: true})
		case 2:
			s.SetFaults(simswitch.Faults{RefuseMeters: true})
		case 3:
			s.SetFaults(simswitch.Faults{ReplyDelay: time.Millisecond})
		case 4:
			s.Reset()
		case 5:
			s.Disconnect()
		default:
			s.SetFaults(simswitch.Faults{})
		}
		time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond) // so that a part of the change reaches switches
	}
	for n := range nodes {
		b.fleet.Switch(nodeName(n)).SetFaults(simswitch.Faults{})
	}
	b.settled()
	st := b.fleet.Status().Stats
	t.Logf("%d flow-mods, %d group-mods, %d meter-mods, %d bundles, %d refusals, %d connections", st.FlowMods, st.GroupMods, st.MeterMods, st.Bundles, st.Refused, st.Handshakes)
	if st.Aborts > 0 || st.GroupMods == 0 || st.MeterMods == 0 || st.Refused == 0 {
		t.Errorf("%+v", st)
	}
}
