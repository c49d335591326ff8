package openflow

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMessagesComeBack(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			before := []byte("before")
			b, err := s.msg.AppendBinary(before)
			if err != nil {
				t.Fatal(err)
			}
			if string(b[:6]) != "before" {
				t.Errorf("appending overwrote what was there: %q", b[:6])
			}
			got, err := DecodeMessage(b[6:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.msg, got, sameAddresses); diff != "" {
				t.Errorf("encoded and decoded (-want +got):\n%s", diff)
			}
			if got.Type() != s.msg.Type() || got.Xid() != 0x2a {
				t.Errorf("type %v xid %#x, want %v and 0x2a", got.Type(), got.Xid(), s.msg.Type())
			}
		})
	}
}

// sameAddresses has cmp compare addresses, which have no exported fields.
var sameAddresses = cmpopts.EquateComparable(netip.AddrPort{})

// TestPrefixes cuts every message at every length. Truncated alone it must be
// refused; with a header that claims the shorter length it must be refused or,
// where the rest is optional, be a message of its own.
func TestPrefixes(t *testing.T) {
	for _, s := range samples(t) {
		whole := encode(t, s.msg)
		for n := range whole {
			cut := whole[:n:n]
			if m, err := DecodeMessage(cut); err == nil {
				t.Errorf("%s: %d of %d bytes decode to %T", s.name, n, len(whole), m)
			}
			if n < HeaderLen {
				continue
			}
			lie := slices.Clone(cut)
			be.PutUint16(lie[2:], uint16(n))
			if m, err := DecodeMessage(lie); err == nil {
				if again := encode(t, m); len(again) <= n-8 { // less than 8 may be padding
					t.Errorf("%s: of %d bytes %d were lost without an error", s.name, n, n-len(again))
				}
				walk(m)
			}
		}
	}
}

// walk runs everything that reads the bytes of a decoded message later.
func walk(m Message) (errs []error) {
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	switch m := m.(type) {
	case *MultipartReply:
		for s, err := range m.Flows() {
			if note(err); err == nil {
				_ = s.String()
			}
		}
		_, err := m.Desc()
		note(err)
		_, err = m.Aggregate()
		note(err)
		_, err = m.Tables()
		note(err)
		_, err = m.Ports()
		note(err)
		_, err = m.PortStats()
		note(err)
		for g, err := range m.Groups() {
			if note(err); err == nil {
				_ = g.String()
			}
		}
		for m, err := range m.Meters() {
			if note(err); err == nil {
				_ = m.String()
			}
		}
		for _, err := range m.GroupStats() {
			note(err)
		}
		for _, err := range m.MeterCounters() {
			note(err)
		}
		for u, err := range m.FlowUpdates() {
			if note(err); err == nil {
				_ = u.String()
			}
		}
	case *MultipartRequest:
		_, err := m.FlowStats()
		note(err)
		for q, err := range m.FlowMonitors() {
			if note(err); err == nil {
				_ = q.String()
			}
		}
	case *PacketIn:
		_, _ = m.InPort(), m.Match.String()
	case *PacketOut:
		_ = m.Actions.String()
	case *FlowMod:
		_, _ = m.String(), m.Flow.String()
	case *GroupMod:
		_ = m.String()
	case *MeterMod:
		_ = m.String()
	case *FlowRemoved:
		_ = m.Match.String()
	case *ErrorMsg:
		_ = m.Error()
	case *Hello:
		_ = m.Versions()
	}
	return errs
}

// TestMessagesAsOVSReadsThem has ovs-ofctl print every message.
func TestMessagesAsOVSReadsThem(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.name, func(t *testing.T) {
			got := ofpPrint(t, encode(t, s.msg))
			if s.ovs == "" {
				return // nothing that ovs-ofctl knows
			}
			if !strings.Contains(got, s.ovs) || strings.Contains(got, "decode error") {
				t.Errorf("ovs-ofctl prints:\n%s\nwant in it: %q", got, s.ovs)
			}
			if !strings.Contains(got, "(OF1.3) (xid=0x2a)") && !strings.HasPrefix(s.name, "hello") {
				t.Errorf("ovs-ofctl prints:\n%s\nwithout version or xid", got)
			}
		})
	}
}

// TestWireBytes compares with bytes written out by hand from the specification.
func TestWireBytes(t *testing.T) {
	tests := []struct{ name, want, section string }{
		{"hello", "0400 0010 0000002a  0001 0008 00000010", "7.5.1"},
		{"echo_request", "0402 000b 0000002a  616263", "7.5.2"},
		{"role_request", "0418 0018 0000002a  00000002 00000000 0000000000000007", "7.3.9"},
		{"set_config", "0409 000c 0000002a  0000 0080", "7.3.2"},
		{"barrier_request", "0414 0008 0000002a", "7.3.8"},
		{"port_desc request", "0412 0010 0000002a  000d 0000 00000000", "7.3.5"},
		{"flow_mod drop all", "040e 0038 0000002a  0000000000000000 0000000000000000  00 00 0000 0000 0000" +
			"ffffffff ffffffff ffffffff 0000 0000  0001 0004 00000000", "7.3.4.1"},
		{"flow_mod prefixes", "040e 0050 0000002a  0000000000000000 0000000000000000  00 00 0000 0000 0000" +
			"ffffffff ffffffff ffffffff 0000 0000" +
			"0001 001e 80000a02 0800 80001708 0af40100 ffffff00 80001804 0af40103 0000", "7.2.3"},
		{"bundle_control", "0404 0018 0000002a  4f4e4600 000008fc  00000009 0000 0003", "ONF extension 230"},
		{"packet_out", "040d 0046 0000002a  ffffffff fffffffd 0020 000000000000" +
			"0019 0010 80004c08 0000000000000005  0000 0010 fffffff9 0000 000000000000" +
			"0000000000000000000000000000", "7.3.7"},
	}
	byName := map[string]Message{}
	for _, s := range samples(t) {
		byName[s.name] = s.msg
	}
	for _, tt := range tests {
		want, err := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(hex.Dump(want), hex.Dump(encode(t, byName[tt.name]))); diff != "" {
			t.Errorf("%s, section %s (-want +got):\n%s", tt.name, tt.section, diff)
		}
	}
}

func TestDecodeErrorsNameTheField(t *testing.T) {
	mod := flowKinds()[2].flow.AppendAdd(nil, 1) // match at 48, first field at 52
	with := func(change func(b []byte) []byte) []byte {
		b := change(slices.Clone(mod))
		be.PutUint16(b[2:], uint16(len(b)))
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want string
		is   error
	}{
		{"nothing", nil, "header: message is cut short", ErrTruncated},
		{"short header length", []byte{4, 2, 0, 7, 0, 0, 0, 0}, "header: length 7: impossible length", ErrBadLength},
		{"cut", mod[:60], "flow_mod: 60 of 120 bytes: message is cut short", ErrTruncated},
		{"bytes after", append(slices.Clone(mod), 0), "flow_mod: 1 bytes after the message: impossible length", ErrBadLength},
		{"version", []byte{1, 14, 0, 8, 0, 0, 0, 0}, "flow_mod: version 0x01: not OpenFlow 1.3", ErrVersion},
		{"fixed part", with(func(b []byte) []byte { return b[:23] }), "flow_mod: cookie_mask: message is cut short", ErrTruncated},
		{"match type", with(func(b []byte) []byte { b[49] = 0; return b }), "flow_mod: match: type: impossible value", ErrBadValue},
		{"match length", with(func(b []byte) []byte { b[51] = 3; return b }), "flow_mod: match: length: impossible length", ErrBadLength},
		{"field of no length", with(func(b []byte) []byte { b[55] = 0; return b }),
			"flow_mod: match: field 0: length 0: impossible length", ErrBadLength},
		{"field too long", with(func(b []byte) []byte { b[55] = 250; return b }),
			"flow_mod: match: field 0: value: message is cut short", ErrTruncated},
		{"instruction of no length", with(func(b []byte) []byte { b[115] = 0; return b }),
			"flow_mod: instructions: instruction 1 (goto_table): length 0: impossible length", ErrBadLength},
		{"action longer than its instruction", with(func(b []byte) []byte { b[99] = 24; return b }),
			"flow_mod: instructions: instruction 0 (apply_actions): action 0 (set_field): length 24, 16 left: message is cut short", ErrTruncated},
		{"action field", with(func(b []byte) []byte { b[103] = 9; return b }),
			"flow_mod: instructions: instruction 0 (apply_actions): action 0 (set_field): value: message is cut short", ErrTruncated},
		{"trailing byte", []byte{4, 20, 0, 9, 0, 0, 0, 0, 1}, "barrier_request: 1 bytes after the last field: impossible length", ErrBadLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeMessage(tt.in)
			if err == nil || err.Error() != tt.want || !errors.Is(err, tt.is) {
				t.Errorf("error %q, want %q", err, tt.want)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	long := make([]byte, MaxMessageLen)
	for _, m := range []Message{&EchoRequest{Data: long}, &Unknown{Body: long}, &PacketOut{Data: long},
		&Hello{Bitmap: make([]uint32, 1<<14)}, NewFlowMod(FlowAdd, Flow{Match: long}),
		&BundleAdd{Message: long}, &PortStatus{Port: Port{Name: strings.Repeat("x", 17)}}} {
		if b, err := m.AppendBinary([]byte("kept")); err == nil || string(b) != "kept" {
			t.Errorf("%T: %d bytes, error %v", m, len(b), err)
		}
	}
}
