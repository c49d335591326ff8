package simswitch_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestMonitorPause has a controller with a monitor not read while another
// changes many flows: the switch, real or simulated, pauses, and what it reports
// in the end adds up to what it has.
func TestMonitorPause(t *testing.T) {
	t.Run("Open vSwitch", func(t *testing.T) { monitorPause(t, startOVS(t, 2)) })
	t.Run("simulator", func(t *testing.T) { monitorPause(t, simulate(t, simswitch.Config{})) })
}

func monitorPause(t *testing.T, p peer) {
	d, second := drive(t, p, 0), drive(t, p, 1)
	q := openflow.AllFlowChanges()
	q.Flags |= openflow.MonitorInitial
	const flows = 12_000
	first := bigFlows(flows)
	d.send(first[:2000]...)
	second.write(second.stamp(encode(t, q.Message())))

	d.send(first...)
	d.send(mod(openflow.FlowModify, openflow.Flow{Table: 60, Instructions: manyOutputs(3)}, nil))
	var gone [][]byte
	for i := range 3000 {
		gone = append(gone, openflow.AppendFlowDeleteByCookie(nil, 0, openflow.TableAll, openflow.Cookie(2*i+1)))
	}
	d.send(gone...)
	// What is reported up to the answer, or when that comes in a pause up to its
	// end, is all.
	second.write(second.stamp(encode(t, &openflow.BarrierRequest{})))

	mirror := map[openflow.FlowKey]string{}
	pauses, paused := 0, false
	for answered := false; !answered || paused; {
		m, err := openflow.DecodeMessage(second.read())
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *openflow.FlowMonitorPaused:
			paused = true
			pauses++
		case *openflow.FlowMonitorResumed:
			paused = false
		case *openflow.BarrierReply:
			answered = true
		case *openflow.MultipartReply:
			follow(t, mirror, m)
		case *openflow.EchoRequest:
			second.write(encode(t, &openflow.EchoReply{Data: m.Data}))
		default:
			t.Fatalf("%v", m.Type())
		}
	}
	if pauses == 0 {
		t.Error("it did not pause")
	}
	want := map[openflow.FlowKey]string{}
	d.write(d.stamp(dump(t)))
	for more := true; more; {
		m, err := openflow.DecodeMessage(d.read())
		if err != nil {
			t.Fatal(err)
		}
		r, ok := m.(*openflow.MultipartReply)
		if !ok {
			continue
		}
		for s, err := range r.Flows() {
			if err != nil {
				t.Fatal(err)
			}
			want[s.Key()] = string(s.Instructions)
		}
		more = r.More()
	}
	if len(want) != flows-3000 {
		t.Errorf("the switch has %d flows", len(want))
	}
	if !maps.Equal(want, mirror) {
		t.Errorf("what was reported adds up to %d flows, the switch has %d; or they differ", len(mirror), len(want))
	}
}

// bigFlows are so many and so large that no socket takes what is to be said of
// them.
func bigFlows(n int) [][]byte {
	all := slices.Collect(manyFlows(n))
	for i, b := range all {
		m, err := openflow.DecodeFlowMod(b)
		if err != nil {
			panic(err)
		}
		m.Instructions = manyOutputs(2)
		all[i] = mustEncode(m)
	}
	return all
}

// manyOutputs outputs forty times to a port.
func manyOutputs(p openflow.PortNo) openflow.Instructions {
	var a openflow.Actions
	for range 40 {
		a = a.Output(p)
	}
	return apply(a)
}

// follow does to a mirror what a switch reports.
func follow(t *testing.T, mirror map[openflow.FlowKey]string, r *openflow.MultipartReply) {
	t.Helper()
	for u, err := range r.FlowUpdates() {
		if err != nil {
			t.Fatal(err)
		}
		if u.Event == openflow.FlowDeleted {
			delete(mirror, u.Key())
		} else {
			mirror[u.Key()] = string(u.Instructions)
		}
	}
}
