package simswitch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestConformance holds the simulator to what Open vSwitch answers, byte by byte
// and in the same order. What is made equal before that:
//
//   - how long flows, groups, meters and ports have been there;
//   - the counters of ports: dummy ports of Open vSwitch count their own packets;
//   - whether a port is live (OFPPS_LIVE): Open vSwitch finds out some time after
//     it has made the port;
//   - the order of flows, groups and meters in a dump, and of ports: Open vSwitch
//     has them in hash tables. What a flow monitor reports at first is such a
//     dump. Where a dump is cut into parts depends on that order too;
//   - echo requests of the switch, which come when they come.
//
// The simulator is given the datapath id and the ports that Open vSwitch has.
// Messages have the xids that we chose, so those are compared as they are.
func TestConformance(t *testing.T) {
	real := startOVS(t, 2)
	d, second := drive(t, real, 0), drive(t, real, 1)
	sim := simulate(t, simswitch.Config{DatapathID: ovstest.DatapathID, Ports: portsOf(t, d), Desc: simswitch.OpenVSwitch("3.1.0")})
	simD, simSecond := drive(t, sim, 0), drive(t, sim, 1)
	for _, s := range scripts() {
		t.Run(s.name, func(t *testing.T) {
			want := perform(t, s, d, second)
			got := perform(t, s, simD, simSecond)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Open vSwitch (-) and the simulator (+) differ:\n%s", diff)
			}
		})
	}
}

// perform runs a script and returns what was said on both connections. It
// leaves no flows, groups, meters, roles, monitors or bundles behind.
func perform(t testing.TB, s script, d, second *driver) string {
	t.Helper()
	for _, one := range []*driver{d, second} {
		one.tb, one.log, one.xid = t, nil, 1000
	}
	s.run(t, d, second)
	said := "first controller\n" + strings.Join(d.log, "\n") + "\nsecond controller\n" + strings.Join(second.log, "\n")
	clean(t, second)
	clean(t, d)
	second.send()
	return said
}

// clean puts a switch back to where it was.
func clean(t testing.TB, d *driver) {
	t.Helper()
	var messages [][]byte
	for id := range uint32(10) {
		messages = append(messages, encode(t, &openflow.FlowMonitorCancel{MonitorID: id}),
			control(t, id, openflow.BundleDiscardRequest, both))
	}
	d.send(append(messages, encode(t, &openflow.RoleRequest{Role: openflow.RoleEqual}),
		encode(t, &openflow.SetConfig{MissSendLen: 128}),
		encode(t, &openflow.SetAsync{AsyncMasks: openflow.AsyncMasks{
			PacketIn: [2]uint32{3, 0}, PortStatus: [2]uint32{7, 7}, FlowRemoved: [2]uint32{15, 0}}}),
		mod(openflow.FlowDelete, openflow.Flow{Table: 255}, nil),
		openflow.AppendGroupDelete(nil, 0, openflow.GroupAll), openflow.AppendMeterDelete(nil, 0, openflow.MeterAll))...)
}

// portsOf asks a switch for its ports.
func portsOf(t testing.TB, d *driver) []openflow.Port {
	t.Helper()
	d.write(d.stamp(encode(t, openflow.PortDescRequest())))
	m, err := openflow.DecodeMessage(d.read())
	if err != nil {
		t.Fatal(err)
	}
	ports, err := m.(*openflow.MultipartReply).Ports()
	if err != nil {
		t.Fatal(err)
	}
	return ports
}
