package openflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// groupKinds has groups of every type, and how ovs-ofctl prints them.
func groupKinds() map[string]Group {
	var a Actions
	bucket := func(weight uint16, watch PortNo, watchGroup uint32, a Actions) Bucket {
		return Bucket{Weight: weight, WatchPort: watch, WatchGroup: watchGroup, Actions: a}
	}
	return map[string]Group{
		"group_id=1,type=all": {ID: 1},
		"group_id=2,type=all,bucket=actions=output:1,bucket=actions=set_field:0x7->reg0,resubmit(,32),bucket=actions=drop": {
			ID: 2, Buckets: Buckets(nil).Add(bucket(0, PortAny, GroupAny, a.Output(1))).
				Add(bucket(0, PortAny, GroupAny, a.SetReg(0, 7).Resubmit(PortInPort, 32))).
				Add(bucket(0, PortAny, GroupAny, nil))},
		"group_id=3,type=select,bucket=actions=output:1,bucket=weight:0,actions=output:2,bucket=weight:65535,watch_port:3,actions=output:3,bucket=watch_group:2,actions=group:2": {
			ID: 3, Type: GroupTypeSelect, Buckets: Buckets(nil).Add(bucket(1, PortAny, GroupAny, a.Output(1))).
				Add(bucket(0, PortAny, GroupAny, a.Output(2))).Add(bucket(65535, 3, GroupAny, a.Output(3))).
				Add(bucket(1, PortAny, 2, a.Group(2)))},
		"group_id=4,type=indirect,bucket=actions=set_field:10.0.0.1->ip_dst,output:1": {
			ID: 4, Type: GroupTypeIndirect, Buckets: Buckets(nil).Add(bucket(0, PortAny, GroupAny, a.SetIPv4Dst(addrA).Output(1)))},
		"group_id=4294967040,type=ff,bucket=watch_port:CONTROLLER,actions=resubmit(,15),bucket=watch_port:LOCAL,actions=LOCAL": {
			ID: GroupMax, Type: GroupTypeFastFailover,
			Buckets: Buckets(nil).Add(bucket(0, PortController, GroupAny, a.Resubmit(PortInPort, 15))).
				Add(bucket(0, PortLocal, GroupAny, a.Output(PortLocal)))},
	}
}

// meterKinds has meters of every kind, and how ovs-ofctl prints them in one line.
func meterKinds() map[string]Meter {
	var b Bands
	return map[string]Meter{
		"meter=1 kbps bands= type=drop rate=1000":                 {ID: 1, Flags: MeterKbps, Bands: b.Drop(1000, 0)},
		"meter=2 pktps bands= type=drop rate=7":                   {ID: 2, Flags: MeterPktps, Bands: b.Drop(7, 0)},
		"meter=3 kbps burst bands= type=drop rate=9 burst_size=5": {ID: 3, Flags: MeterKbps | MeterBurst, Bands: b.Drop(9, 5)},
		"meter=4 pktps stats bands= type=drop rate=9 type=dscp_remark rate=3 prec_level=2": {
			ID: 4, Flags: MeterPktps | MeterStats, Bands: b.Drop(9, 0).DSCPRemark(3, 0, 2)},
		"meter=4294901760 kbps burst bands= type=dscp_remark rate=8 burst_size=4 prec_level=1": {
			ID: MeterMax, Flags: MeterKbps | MeterBurst, Bands: b.DSCPRemark(8, 4, 1)},
	}
}

// TestGroupsAsOVSReadsThem compares our text of groups and meters with what
// ovs-ofctl prints for their bytes, added and described.
func TestGroupsAsOVSReadsThem(t *testing.T) {
	line := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	has := func(t *testing.T, m Message, want string) {
		t.Helper()
		if got := line(ofpPrint(t, encode(t, m))); !strings.HasSuffix(got, want) {
			t.Errorf("ovs-ofctl prints %q, which does not end in ours:\n%q", got, want)
		}
	}
	for want, g := range groupKinds() {
		t.Run(want, func(t *testing.T) {
			if got := g.String(); got != want {
				t.Errorf("text %q", got)
			}
			has(t, &GroupMod{Command: GroupAddOrModify, Group: g}, "ADD_OR_MOD "+want)
			body, err := g.AppendDesc(nil)
			if err != nil {
				t.Fatal(err)
			}
			has(t, &MultipartReply{Kind: MultipartGroupDesc, Body: body}, want)
			for got, err := range (&MultipartReply{Kind: MultipartGroupDesc, Body: body}).Groups() {
				if diff := cmp.Diff(&g, got); err != nil || diff != "" {
					t.Errorf("described and read: %v (-want +got):\n%s", err, diff)
				}
			}
		})
	}
	for want, m := range meterKinds() {
		t.Run(want, func(t *testing.T) {
			if got := m.String(); got != want {
				t.Errorf("text %q", got)
			}
			has(t, &MeterMod{Command: MeterModify, Meter: m}, "MOD "+want)
			body, err := m.AppendConfig(nil)
			if err != nil {
				t.Fatal(err)
			}
			has(t, &MultipartReply{Kind: MultipartMeterConfig, Body: body}, want)
			for got, err := range (&MultipartReply{Kind: MultipartMeterConfig, Body: body}).Meters() {
				if diff := cmp.Diff(&m, got); err != nil || diff != "" {
					t.Errorf("described and read: %v (-want +got):\n%s", err, diff)
				}
			}
		})
	}
}

// TestDeletions compares deletions of groups and meters with their messages.
func TestDeletions(t *testing.T) {
	if diff := cmp.Diff(encode(t, &GroupMod{Header: Header{3}, Command: GroupDelete, Group: Group{ID: GroupAll}}), AppendGroupDelete(nil, 3, GroupAll)); diff != "" {
		t.Errorf("group_mod (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(encode(t, &MeterMod{Header: Header{3}, Command: MeterDelete, Meter: Meter{ID: 7}}), AppendMeterDelete(nil, 3, 7)); diff != "" {
		t.Errorf("meter_mod (-want +got):\n%s", diff)
	}
}

// TestCountersOfGroups decodes the counters of groups and meters.
func TestCountersOfGroups(t *testing.T) {
	reply := &MultipartReply{Kind: MultipartGroup, Body: encode(t, sampleGroupStats(), &GroupStats{ID: 9})}
	var groups []GroupStats
	for s, err := range reply.GroupStats() {
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, *s)
	}
	if diff := cmp.Diff([]GroupStats{*sampleGroupStats(), {ID: 9}}, groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	reply = &MultipartReply{Kind: MultipartMeter, Body: encode(t, sampleMeterCounters(), &MeterCounters{ID: 9})}
	var meters []MeterCounters
	for s, err := range reply.MeterCounters() {
		if err != nil {
			t.Fatal(err)
		}
		meters = append(meters, *s)
	}
	if diff := cmp.Diff([]MeterCounters{*sampleMeterCounters(), {ID: 9}}, meters); diff != "" {
		t.Errorf("meters (-want +got):\n%s", diff)
	}
}

func sampleGroupStats() *GroupStats {
	return &GroupStats{ID: 3, Flows: 2, Packets: 10, Bytes: 1000, DurationSec: 12, DurationNsec: 345e6, Buckets: []PacketCounts{{4, 400}, {6, 600}}}
}

func sampleMeterCounters() *MeterCounters {
	return &MeterCounters{ID: 5, Flows: 3, Packets: 10, Bytes: 1000, DurationSec: 12, DurationNsec: 345e6, Bands: []PacketCounts{{4, 400}}}
}
