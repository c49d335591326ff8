package openflow

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sampleMonitor() FlowMonitorRequest {
	return FlowMonitorRequest{ID: 7, Flags: MonitorInitial | MonitorDelete | MonitorOwn, OutPort: 3, Table: 10,
		Match: Match{}.EthType(0x0800)}
}

// sampleUpdate has every field set that a full update has.
func sampleUpdate() FlowUpdate {
	f := flowKinds()[2].flow
	f.Table, f.Cookie, f.IdleTimeout, f.HardTimeout, f.Flags = 9, 0x12, 5, 6, 0
	return FlowUpdate{Event: FlowDeleted, Reason: RemovedHardTimeout, Flow: f}
}

// sampleUpdates is the body of a reply with an update of each event, and one of
// each kind of flow.
func sampleUpdates(t testing.TB) []byte {
	t.Helper()
	b := appendExperimenterBody(nil, ExperimenterONF, ONFFlowMonitor)
	for _, u := range allUpdates() {
		b = append(b, encode(t, &u)...)
	}
	return b
}

func allUpdates() []FlowUpdate {
	updates := []FlowUpdate{sampleUpdate(), {Event: FlowAbbrev, ModXid: 0x2b}, {Event: FlowModified}}
	for _, k := range flowKinds() {
		f := k.flow
		f.Flags = 0 // which updates do not have
		updates = append(updates, FlowUpdate{Event: FlowAdded, Flow: f})
	}
	return updates
}

func TestFlowUpdatesComeBack(t *testing.T) {
	m := &MultipartReply{Kind: MultipartExperimenter, Body: sampleUpdates(t)}
	var got []FlowUpdate
	for u, err := range m.FlowUpdates() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *u)
	}
	if diff := cmp.Diff(allUpdates(), got); diff != "" {
		t.Errorf("encoded and decoded (-want +got):\n%s", diff)
	}
}

func TestFlowMonitorRequestsComeBack(t *testing.T) {
	want := []FlowMonitorRequest{sampleMonitor(), AllFlowChanges()}
	m := want[0].Message()
	m.Body = append(m.Body, encode(t, &want[1])...)
	var got []FlowMonitorRequest
	for q, err := range m.FlowMonitors() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, q)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("encoded and decoded (-want +got):\n%s", diff)
	}
}

// The expected bytes are written by hand from openflow-1.3.h of Open vSwitch.
func TestFlowMonitorWireBytes(t *testing.T) {
	update := FlowUpdate{Event: FlowDeleted, Reason: RemovedGroupDelete, Flow: Flow{Table: 9, Priority: 0x64,
		Cookie: 0x1122, IdleTimeout: 5, HardTimeout: 6, Match: Match{}.EthType(0x0800),
		Instructions: Instructions{}.GotoTable(10)}}
	for _, tt := range []struct {
		name string
		in   interface {
			AppendBinary([]byte) ([]byte, error)
		}
		want string
	}{
		{"request", ptr(sampleMonitor()), "00000007 0025 000a 00000003 0a 000000  0001 000a 80000a02 0800 000000000000"},
		{"update", &update, "0030 0001 0003 0064 0005 0006 000a 09 00 0000000000001122" +
			"0001 000a 80000a02 0800 000000000000  0001 0008 0a 000000"},
		{"own update", &FlowUpdate{Event: FlowAbbrev, ModXid: 0x2b}, "0008 0003 0000002b"},
		{"message", &MultipartRequest{Header: Header{0x2a}, Kind: MultipartExperimenter, Body: AllFlowChanges().Message().Body},
			"0412 0030 0000002a ffff 0000 00000000  4f4e4600 0000074e" +
				"00000000 001e 0004 ffffffff ff 000000  0001 0004 00000000"},
		{"cancel", &FlowMonitorCancel{Header{0x2a}, 7}, "0404 0014 0000002a 4f4e4600 0000074e 00000007"},
		{"paused", &FlowMonitorPaused{Header{0x2a}}, "0404 0010 0000002a 4f4e4600 0000074f"},
		{"resumed", &FlowMonitorResumed{Header{0x2a}}, "0404 0010 0000002a 4f4e4600 00000750"},
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(hex.Dump(want), hex.Dump(encode(t, tt.in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestFlowMonitorPrefixes checks that bodies cut anywhere within their only
// entry are refused.
func TestFlowMonitorPrefixes(t *testing.T) {
	head := appendExperimenterBody(nil, ExperimenterONF, ONFFlowMonitor)
	own := FlowUpdate{Event: FlowAbbrev, ModXid: 1}
	for name, entry := range map[string][]byte{
		"update": encode(t, ptr(sampleUpdate())), "own": encode(t, &own), "request": encode(t, ptr(sampleMonitor())),
	} {
		body := append(slices.Clone(head), entry...)
		for n := range body {
			if n == len(head) {
				continue // no entry is none cut
			}
			if err := readMonitor(name == "request", body[:n:n]); !errors.Is(err, ErrTruncated) {
				t.Errorf("%s: %d of %d bytes: error %v", name, n, len(body), err)
			}
		}
		if err := readMonitor(name == "request", body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// readMonitor returns the last error of reading a body.
func readMonitor(request bool, body []byte) (err error) {
	if request {
		for _, e := range (&MultipartRequest{Kind: MultipartExperimenter, Body: body}).FlowMonitors() {
			err = e
		}
		return err
	}
	for _, e := range (&MultipartReply{Kind: MultipartExperimenter, Body: body}).FlowUpdates() {
		err = e
	}
	return err
}

func TestFlowUpdateErrors(t *testing.T) {
	good := append(appendExperimenterBody(nil, ExperimenterONF, ONFFlowMonitor), encode(t, ptr(sampleUpdate()))...)
	const entry = 8 // where the entry begins
	with := func(at int, v byte) []byte {
		b := slices.Clone(good)
		b[at] = v
		return b
	}
	for _, tt := range []struct {
		name, want string
		in         []byte
	}{
		{"other experimenter", "exp_type: 1870 of experimenter 0x00004600: impossible value", append(make([]byte, 2), good[2:]...)},
		{"other type", "exp_type: 1871 of experimenter 0x4f4e4600: impossible value", with(7, 0x4f)},
		{"no length", "length: 0: impossible length", with(entry+1, 0)},
		{"odd length", "length: 97: impossible length", with(entry+1, 97)},
		{"too long", "entry: message is cut short", with(entry+1, 0xf8)},
		{"too short", "match: fields: message is cut short", with(entry+1, 40)},
		{"unknown event", "event: impossible value", with(entry+3, 4)},
		{"own update of full length", "bytes after the last field: impossible length", with(entry+3, 3)},
		{"reason", "reason: impossible value", with(entry+4, 1)},
		{"match", "match: type: impossible value", with(entry+25, 9)},
	} {
		err := readMonitor(false, tt.in)
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "multipart_reply: flow_monitor: entry 0: ") {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, err := range (&MultipartReply{Kind: MultipartFlow, Body: good}).FlowUpdates() {
		if !errors.Is(err, ErrBadValue) {
			t.Errorf("read from a reply about something else: %v", err)
		}
	}
	long := FlowUpdate{Flow: Flow{Match: make([]byte, MaxMessageLen)}}
	if b, err := long.AppendBinary([]byte("kept")); !errors.Is(err, ErrTooLong) || string(b) != "kept" {
		t.Errorf("too long: %d bytes, %v", len(b), err)
	}
}

func TestFlowMonitorText(t *testing.T) {
	added := sampleUpdate()
	added.Event = FlowAdded
	deleted := sampleUpdate()
	for _, tt := range []struct {
		in   fmt.Stringer
		want string
	}{
		{sampleMonitor(), "id=7 flags=initial,delete,own out_port=3 table=10 ip"},
		{AllFlowChanges(), "id=0 flags=add,delete,modify,actions"},
		{MonitorFlags(0x41), "initial,0x40"},
		{MonitorFlags(0), "0x0"},
		{&added, "ADDED table=9, cookie=0x12, idle_timeout=5, hard_timeout=6, priority=100,ip,in_port=3," +
			"dl_src=02:00:00:00:00:0a,nw_src=10.0.0.1 actions=set_field:0x64->metadata,goto_table:10"},
		{&deleted, "DELETED (hard) table=9, cookie=0x12, idle_timeout=5, hard_timeout=6, priority=100,ip,in_port=3," +
			"dl_src=02:00:00:00:00:0a,nw_src=10.0.0.1 actions=set_field:0x64->metadata,goto_table:10"},
		{&FlowUpdate{Event: FlowModified}, "MODIFIED table=0, cookie=0x0, priority=0 actions=drop"},
		{&FlowUpdate{Event: FlowAbbrev, ModXid: 0x2a}, "ABBREV xid=0x2a"},
		{FlowEvent(9), "event_9"},
	} {
		if got := tt.in.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// FuzzFlowUpdates checks that no bytes make the decoder panic, and that what it
// accepts comes back when encoded and decoded again.
func FuzzFlowUpdates(f *testing.F) {
	for _, u := range allUpdates() {
		f.Add(encode(f, &u))
	}
	head := appendExperimenterBody(nil, ExperimenterONF, ONFFlowMonitor)
	f.Fuzz(func(t *testing.T, b []byte) {
		read := func(b []byte) (updates []FlowUpdate) {
			body := append(slices.Clone(head), b...)
			for u, err := range (&MultipartReply{Kind: MultipartExperimenter, Body: body}).FlowUpdates() {
				if err == nil {
					_ = u.String()
					updates = append(updates, *u)
				}
			}
			return updates
		}
		updates := read(b)
		var again []byte
		for _, u := range updates {
			again = append(again, encode(t, &u)...)
		}
		if diff := cmp.Diff(updates, read(again)); diff != "" {
			t.Fatalf("decoded again (-first +second):\n%s", diff)
		}
	})
}
