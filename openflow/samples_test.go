package openflow

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
)

// sample is a message of which every field is set.
type sample struct {
	name string
	msg  Message
	// ovs is what ovs-ofctl's ofp-print says of it, in part.
	ovs string
}

func samplePort() *Port {
	return &Port{No: 3, HWAddr: macA, Name: "veth3", Config: PortNoPacketIn, State: StateLive,
		Curr: 0x840, Advertised: 1, Supported: 2, Peer: 4, CurrSpeed: 10000000, MaxSpeed: 20}
}

func sampleStats(flow Flow) *FlowStats {
	return &FlowStats{Flow: flow, DurationSec: 12, DurationNsec: 345e6, Packets: 6, Bytes: 600}
}

// encode returns the bytes of entries, one after the other.
func encode(t testing.TB, entries ...interface {
	AppendBinary([]byte) ([]byte, error)
}) (b []byte) {
	t.Helper()
	for _, e := range entries {
		var err error
		if b, err = e.AppendBinary(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// samples has a message of every type that there is a struct for, and one of
// each kind of flow.
func samples(t testing.TB) []sample {
	t.Helper()
	var flows []byte
	var out []sample
	for _, k := range flowKinds() {
		out = append(out, sample{"flow_mod " + k.name, NewFlowMod(FlowAdd, k.flow), "ADD"})
		flows = append(flows, encode(t, sampleStats(k.flow))...)
	}
	var groups, meters []byte
	for _, text := range slices.Sorted(maps.Keys(groupKinds())) {
		g := groupKinds()[text]
		out = append(out, sample{"group_mod " + text, &GroupMod{Command: GroupAdd, Group: g}, "ADD " + text})
		groups, _ = g.AppendDesc(groups)
	}
	for _, text := range slices.Sorted(maps.Keys(meterKinds())) {
		m := meterKinds()[text]
		out = append(out, sample{"meter_mod " + text, &MeterMod{Command: MeterAdd, Meter: m}, "ADD meter="})
		meters, _ = m.AppendConfig(meters)
	}
	flow := flowKinds()[2].flow
	query := AllFlows()
	query.Cookie, query.CookieMask, query.Match = 1, 0xff, flow.Match
	mod := flow.AppendAdd(nil, 0x2a)
	reply := func(k MultipartType, body []byte) Message { return &MultipartReply{Kind: k, Body: body} }
	match := Match(nil).InPort(3).TunnelID(5)
	out = append(out, []sample{
		{"hello", NewHello(), "version bitmap: 0x04"},
		{"hello of many versions", &Hello{Version: 6, Bitmap: []uint32{0x7e, 1}, Elements: []byte{0, 9, 0, 5, 1, 0, 0, 0}}, "0x01, 0x02, 0x03, 0x04, 0x05"},
		{"error", &ErrorMsg{Version: 4, ErrType: ErrTypeBadMatch, Code: 9, Data: mod}, "OFPBMC_BAD_PREREQ"},
		{"hello failed", &ErrorMsg{Version: 4, Data: []byte("no common version")}, "OFPHFC_INCOMPATIBLE\nno common version"},
		{"bundle error", &ErrorMsg{Version: 4, ErrType: ErrTypeExperimenter, Code: 2313, Experimenter: ExperimenterONF, Data: mod}, "OFPBFC_MSG_FAILED"},
		{"echo_request", &EchoRequest{Data: []byte("abc")}, "3 bytes of payload"},
		{"echo_reply", &EchoReply{}, "0 bytes of payload"},
		{"experimenter", &Experimenter{Vendor: ExperimenterNicira, ExpType: 28, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}, ""},
		{"bundle_control", &BundleControl{BundleID: 9, Kind: BundleOpenRequest, Flags: BundleAtomic | BundleOrdered},
			"bundle_id=0x9 type=OPEN_REQUEST flags=atomic ordered"},
		{"bundle_add", &BundleAdd{BundleID: 9, Flags: BundleAtomic, Message: mod}, "bundle_id=0x9 flags=atomic"},
		{"bundle_add with properties", &BundleAdd{BundleID: 9, Flags: BundleAtomic,
			Message: encode(t, &EchoRequest{Data: []byte{1}}), Properties: []byte{0xff, 0xff, 0, 8, 0, 0, 0, 1}}, ""},
		{"features_request", &FeaturesRequest{}, "OFPT_FEATURES_REQUEST"},
		{"features_reply", &FeaturesReply{DatapathID: 0xa1, Buffers: 1, Tables: 254, Capabilities: 0x4f}, "dpid:00000000000000a1"},
		{"get_config_request", &GetConfigRequest{}, "OFPT_GET_CONFIG_REQUEST"},
		{"get_config_reply", &GetConfigReply{Flags: 1, MissSendLen: 128}, "frags=drop miss_send_len=128"},
		{"set_config", &SetConfig{MissSendLen: 128}, "frags=normal miss_send_len=128"},
		{"packet_in", &PacketIn{BufferID: NoBuffer, TotalLen: 14, Reason: ReasonAction, Table: 7, Cookie: 0x12,
			Match: match, Data: make([]byte, 14)}, "table_id=7 cookie=0x12 total_len=14 tun_id=0x5,in_port=3 (via action)"},
		{"packet_out", &PacketOut{BufferID: NoBuffer, InPort: PortController,
			Actions: Actions(nil).SetTunnelID(5).Output(PortTable), Data: make([]byte, 14)},
			"in_port=CONTROLLER actions=set_field:0x5->tun_id,TABLE data_len=14"},
		{"flow_removed", &FlowRemoved{Cookie: 5, Priority: 6, Reason: RemovedHardTimeout, Table: 7, DurationSec: 8,
			DurationNsec: 9e6, IdleTimeout: 10, HardTimeout: 11, Packets: 12, Bytes: 13, Match: match},
			"reason=hard table_id=7 cookie:0x5 duration8.009s idle10 hard11 pkts12 bytes13"},
		{"port_status", &PortStatus{Reason: PortAdded, Port: *samplePort()}, "ADD: 3(veth3): addr:02:00:00:00:00:0a"},
		{"port_mod", &PortMod{No: 3, HWAddr: macA, Config: PortDown, Mask: PortDown, Advertise: 0}, "port: 3: addr:02:00:00:00:00:0a"},
		{"flow_mod with restrictions", &FlowMod{Command: FlowDeleteStrict, Flow: flow, CookieMask: 7, BufferID: 8,
			OutPort: 9, OutGroup: 10}, "DEL_STRICT"},
		{"desc request", DescRequest(), "OFPST_DESC request"},
		{"desc reply", reply(MultipartDesc, encode(t, sampleDesc())), "Software: 3.1.0"},
		{"flow request", query.Message(MultipartFlow), "OFPST_FLOW request"},
		{"flow reply", reply(MultipartFlow, flows), "cookie=0x12"},
		{"aggregate request", query.Message(MultipartAggregate), "OFPST_AGGREGATE request"},
		{"aggregate reply", reply(MultipartAggregate, encode(t, &AggregateStats{1, 2, 3})), "packet_count=1 byte_count=2 flow_count=3"},
		{"table request", TableStatsRequest(), "OFPST_TABLE request"},
		{"table reply", reply(MultipartTable, encode(t, &TableStats{1, 2, 3, 4}, &TableStats{Table: 5})), "active=2, lookup=3, matched=4"},
		{"port_desc request", PortDescRequest(), "OFPST_PORT_DESC request"},
		{"port_desc reply", reply(MultipartPortDesc, encode(t, samplePort(), &Port{No: PortLocal, Name: "br-int"})), "LOCAL(br-int)"},
		{"port_stats request", PortStatsRequest(PortAny), "port_no=ANY"},
		{"port_stats reply", reply(MultipartPortStats, encode(t, samplePortStats())), "rx pkts=1, bytes=3"},
		{"group_desc request", GroupDescRequest(), "OFPST_GROUP_DESC request"},
		{"group_desc reply", reply(MultipartGroupDesc, groups), "group_id=4,type=indirect"},
		{"group request", GroupStatsRequest(7), "OFPST_GROUP request (OF1.3) (xid=0x2a): group_id=7"},
		{"group reply", reply(MultipartGroup, encode(t, sampleGroupStats())), "group_id=3,duration=12.345s,ref_count=2,packet_count=10,byte_count=1000,bucket0:packet_count=4,byte_count=400,bucket1:"},
		{"meter_config request", MeterConfigRequest(MeterAll), "meter=all"},
		{"meter_config reply", reply(MultipartMeterConfig, meters), "meter=3 kbps burst bands="},
		{"meter request", MeterStatsRequest(7), "OFPST_METER request (OF1.3) (xid=0x2a): meter=7"},
		{"meter reply", reply(MultipartMeter, encode(t, sampleMeterCounters())), "meter:5 flow_count:3 packet_in_count:10 byte_in_count:1000 duration:12.345s"},
		{"meter_features request", MeterFeaturesRequest(), "OFPST_METER_FEATURES request"},
		{"meter_features reply", reply(MultipartMeterFeatures, encode(t, &MeterFeatures{MaxMeters: 262144, BandTypes: 2, Capabilities: 0xf, MaxBands: 8})), "max_meter:262144 max_bands:8"},
		{"requestforward", &RequestForward{Request: (&Meter{ID: 5, Flags: MeterKbps}).AppendMod(nil, 1, MeterModify)}, "reason=meter_mod MOD meter=5 kbps"},
		{"set_packet_in_format", &SetPacketInFormat{Format: PacketInNicira2}, "NXT_SET_PACKET_IN_FORMAT (OF1.3) (xid=0x2a): format=nxt_packet_in2"},
		{"packet_in2", &PacketIn2{PacketIn{BufferID: NoBuffer, TotalLen: 60, Reason: ReasonAction, Table: 15, Cookie: 0x1234, Match: Match(nil).InPort(7), Data: []byte("frame"), Userdata: []byte("dhcp")}}, "userdata=64.68.63.70"},
		{"ct_flush", &CTFlush{Zone: 7, Protocol: 17, Source: netip.MustParseAddrPort("10.9.0.1:20001"), Destination: netip.MustParseAddrPort("10.9.0.2:9")},
			"NXT_CT_FLUSH (OF1.3) (xid=0x2a): zone=7 'ct_nw_src=10.9.0.1,ct_nw_dst=10.9.0.2,ct_tp_src=20001,ct_tp_dst=9,ct_nw_proto=17'"},
		{"ct_flush by IPv6", &CTFlush{Zone: 7, Protocol: 17, Source: netip.MustParseAddrPort("[fd00::1]:20001"), Destination: netip.MustParseAddrPort("[fd00::2]:9")},
			"zone=7 'ct_ipv6_src=fd00::1,ct_ipv6_dst=fd00::2,ct_tp_src=20001,ct_tp_dst=9,ct_nw_proto=17'"},
		{"set_async_config", &SetAsyncConfig{Properties: []AsyncProperty{{AsyncRequestForwardMaster, AsyncGroupMods | AsyncMeterMods}}},
			"REQUESTFORWARD: group_mod_request meter_mod_request"},
		{"flow_monitor request", sampleMonitor().Message(), "id=7 flags=initial,delete,own out_port=3 table=10 ip"},
		{"flow_monitor reply", &MultipartReply{Kind: MultipartExperimenter, Body: sampleUpdates(t)}, "event=ABBREV xid=0x2b"},
		{"flow_monitor_cancel", &FlowMonitorCancel{MonitorID: 7}, "ONFT_FLOW_MONITOR_CANCEL"},
		{"flow_monitor_paused", &FlowMonitorPaused{}, "ONFT_FLOW_MONITOR_PAUSED"},
		{"flow_monitor_resumed", &FlowMonitorResumed{}, "ONFT_FLOW_MONITOR_RESUMED"},
		{"unknown multipart", &MultipartReply{Kind: 999, Flags: MultipartMore, Body: []byte{1}}, ""},
		{"barrier_request", &BarrierRequest{}, "OFPT_BARRIER_REQUEST"},
		{"barrier_reply", &BarrierReply{}, "OFPT_BARRIER_REPLY"},
		{"role_request", &RoleRequest{Role: RoleMaster, GenerationID: 7}, "role=primary generation_id=7"},
		{"role_reply", &RoleReply{Role: RoleSlave, GenerationID: 8}, "role=secondary generation_id=8"},
		{"get_async_request", &GetAsyncRequest{}, "OFPT_GET_ASYNC_REQUEST"},
		{"get_async_reply", &GetAsyncReply{AsyncMasks: sampleMasks}, "OFPT_GET_ASYNC_REPLY"},
		{"set_async", &SetAsync{AsyncMasks: sampleMasks}, "OFPT_SET_ASYNC"},
		{"unknown type", &Unknown{Kind: 99, Body: []byte{1, 2, 3}}, ""},
	}...)
	for i := range out {
		out[i].msg.SetXid(0x2a)
	}
	return slices.Clip(out)
}

var sampleMasks = AsyncMasks{PacketIn: [2]uint32{1, 2}, PortStatus: [2]uint32{3, 4}, FlowRemoved: [2]uint32{5, 6}}

func sampleDesc() *Desc { return &Desc{"Nicira, Inc.", "Open vSwitch", "3.1.0", "None", "br-int"} }

func samplePortStats() *PortStats {
	return &PortStats{No: 1, RxPackets: 1, TxPackets: 2, RxBytes: 3, TxBytes: 4, RxDropped: 5, TxDropped: 6,
		RxErrors: 7, TxErrors: 8, RxFrameErr: 9, RxOverErr: 10, RxCRCErr: 11, Collision: 12, DurationSec: 13, DurationNsec: 14}
}
