package openflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlowText(t *testing.T) {
	for _, k := range flowKinds() {
		t.Run(k.name, func(t *testing.T) {
			if diff := cmp.Diff(k.want, k.flow.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFlowTextIsCanonical checks that the order of fields and instructions, and
// masks that say nothing, make no difference to the text.
func TestFlowTextIsCanonical(t *testing.T) {
	var m Match
	want := "table=0, priority=0,ip,reg1=0x2,metadata=0x3,in_port=4 actions=dec_ttl,goto_table:5"
	for _, f := range []Flow{
		{Match: m.EthType(0x0800).Reg(1, 2).Metadata(3).InPort(4),
			Instructions: apply(Actions(nil).DecTTL()).GotoTable(5)},
		{Match: m.InPort(4).MetadataMasked(3, ^uint64(0)).RegMasked(2, 7, 0).RegMasked(1, 2, ^uint32(0)).EthType(0x0800),
			Instructions: Instructions(nil).GotoTable(5).ApplyActions(Actions(nil).DecTTL())},
	} {
		if got := f.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := (&Flow{Match: m.RegMasked(1, 1, 0)}).String(); got != "table=0, priority=0 actions=drop" {
		t.Errorf("a match on no bits: %s", got)
	}
}

// TestUnknownIsKept checks that fields, actions and instructions that are not
// known survive decoding and encoding, and can be seen in the text.
func TestUnknownIsKept(t *testing.T) {
	flow := Flow{
		Match: Match{0x80, 0x00, 100 << 1, 2, 0xab, 0xcd, 0xff, 0xff, 5 << 1, 6, 0, 0, 0xbe, 0xef, 1, 2},
		Instructions: append(apply(Actions{
			0, 77, 0, 8, 1, 2, 3, 4, // an action of type 77
			0xff, 0xff, 0, 16, 0, 0, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, // of an experimenter
			0xff, 0xff, 0, 16, 0, 0, 0x23, 0x20, 0, 99, 3, 4, 5, 6, 7, 8, // of Nicira's
			0, 25, 0, 16, 0x80, 0, 100 << 1, 3, 7, 8, 9, 0, 0, 0, 0, 0, // set_field
		}), 0xff, 0xff, 0, 16, 0, 0, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8),
	}
	sent := encode(t, NewFlowMod(FlowAdd, flow))
	m, err := DecodeFlowMod(sent)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(NewFlowMod(FlowAdd, flow), m); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	want := "table=0, priority=0,oxm_8000_100=0xabcd,oxm_ffff_5=0x0000beef0102 actions=type 77:01020304," +
		"experimenter(0xbeef):0102030405060708,experimenter(0x2320):0063030405060708,set_field:0x070809->oxm_8000_100," +
		"experimenter:0000beef0102030405060708"
	if got := m.Flow.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFlowStatsAsOVSPrintsThem compares each line of a flow dump.
func TestFlowStatsAsOVSPrintsThem(t *testing.T) {
	m := &MultipartReply{Kind: MultipartFlow}
	want := []string{"OFPST_FLOW reply (OF1.3) (xid=0x0):"}
	for _, k := range flowKinds() {
		k.flow.Table |= 1 // which ovs-ofctl shows always, but 0 not always
		s := sampleStats(k.flow)
		m.Body = append(m.Body, encode(t, s)...)
		want = append(want, " "+s.String())
	}
	if diff := cmp.Diff(want, strings.Split(ofpPrint(t, encode(t, m)), "\n")); diff != "" {
		t.Errorf("ours (-) and ovs-ofctl's (+):\n%s", diff)
	}
}

func TestFlowModText(t *testing.T) {
	m := &FlowMod{Command: FlowDelete, Flow: Flow{Table: TableAll, Cookie: 0x12}, CookieMask: ^uint64(0),
		BufferID: 3, OutPort: 4, OutGroup: 5}
	want := "DEL table=255, cookie=0x12/0xffffffffffffffff, out_port=4, out_group=5, buffer=0x3, priority=0 actions=drop"
	if got := m.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m, err := DecodeFlowMod(AppendFlowDeleteByCookie(nil, 1, TableAll, 0x12))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.String(), "DEL table=255, cookie=0x12/0xffffffffffffffff, priority=0 actions=drop"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := DecodeFlowMod(encode(t, &BarrierRequest{})); err == nil {
		t.Error("a barrier was decoded as flow_mod")
	}
	flow := flowKinds()[2].flow
	if m, err = DecodeFlowMod(flow.AppendDeleteStrict(nil, 1)); err != nil || m.Command != FlowDeleteStrict || m.Key() != flow.Key() {
		t.Errorf("strict deletion: %v, %v", m, err)
	}
}

// TestNamesOfValues covers the values that have no name.
func TestNamesOfValues(t *testing.T) {
	for want, got := range map[string]interface{ String() string }{
		"00000000000000a1": DatapathID(0xa1), "ANY": PortAny, "TABLE": PortTable, "0x1f": Cookie(31),
		"type_99": MessageType(99), "flow_mod": TypeFlowMod, "command_9": FlowCommand(9),
		"no_match": ReasonNoMatch, "reason_9": PacketInReason(9), "group_delete": RemovedGroupDelete,
		"reason_8": FlowRemovedReason(8), "DEL": PortDeleted, "reason_7": PortReason(7),
		"role_4": Role(4), "nochange": RoleNoChange, "port_desc": MultipartPortDesc,
		"type_999": MultipartType(999), "experimenter": MultipartExperimenter,
		"DISCARD_REPLY": BundleDiscardReply, "type_8": BundleControlType(8),
	} {
		if got.String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
