package openflow

import (
	"strings"
	"testing"
)

// prerequisites returns what a match on the field needs before it.
func prerequisites(f Field) (m Match) {
	ip, ip6 := m.EthType(0x0800), m.EthType(0x86dd)
	tracked := ip.CTState(CTStateTracked|CTStateEstablished, CTStateTracked|CTStateEstablished)
	name := f.String()
	switch {
	case strings.HasPrefix(name, "arp_"):
		return m.EthType(0x0806)
	case strings.HasPrefix(name, "ct_tp_"):
		return tracked.u8(FieldCTNwProto, 6)
	case strings.HasPrefix(name, "ct_nw_"):
		return tracked
	case strings.HasPrefix(name, "tcp_"):
		return ip.IPProto(6)
	case strings.HasPrefix(name, "udp_"):
		return ip.IPProto(17)
	case strings.HasPrefix(name, "sctp_"):
		return ip.IPProto(132)
	case strings.HasPrefix(name, "icmp_"):
		return ip.IPProto(1)
	case strings.HasPrefix(name, "icmpv6_"):
		return ip6.IPProto(58)
	case name == "nd_tll":
		return ip6.IPProto(58).u8(FieldICMPv6Type, 136)
	case strings.HasPrefix(name, "nd_"):
		return ip6.IPProto(58).u8(FieldICMPv6Type, 135)
	case strings.HasPrefix(name, "ipv6_"):
		return ip6
	case strings.HasPrefix(name, "ip_"), strings.HasPrefix(name, "nw_"):
		return ip
	case f == FieldVLANPCP:
		return m.VLANVID(7)
	}
	return m
}

// TestFieldsAsOVSHasThem has ovs-ofctl print a match on each known field, and
// its name in a move, and compares both with ours.
func TestFieldsAsOVSHasThem(t *testing.T) {
	for _, info := range newFields() {
		for _, f := range []Field{info.field, info.twin} {
			value := make([]byte, f.Len())
			value[len(value)-1] = 1
			if f == FieldVLANVID {
				value[0] = 0x10
			}
			flow := Flow{Match: append(prerequisites(f).header(f), value...)}
			n := min(32, f.Bits())
			flow.Instructions = apply(Actions(nil).Move(f, FieldReg(9), 0, 0, n))
			want := asOVSPrints(&flow, 1)
			if strings.HasPrefix(info.name, "xreg") {
				want = "move:OXM_OF_PKT_REG" + info.name[4:] + "[0..31]" // matches come as two regs
			}
			if got := ofpPrint(t, flow.AppendAdd(nil, 1)); !strings.Contains(got, want) {
				t.Errorf("%s (header %#08x):\nwant %s\ngot  %s", info.name, uint32(f), want, got)
			}
		}
	}
}

// TestFieldBits compares the width of each field with that in OVS, which
// refuses to move one bit more.
func TestFieldBits(t *testing.T) {
	wide := func(bits int) (Field, bool) { // a field to move so many bits to
		switch {
		case bits <= 32:
			return FieldReg(0), true
		case bits <= 64:
			return FieldXReg(0), true
		}
		return Field(classNXM1<<16 | 111<<9 | 16), bits <= 128 // NXM_NX_XXREG0
	}
	for _, info := range newFields() {
		f := info.field
		for extra := range 2 {
			dst, ok := wide(f.Bits() + extra)
			if !ok {
				continue
			}
			flow := Flow{Match: prerequisites(f),
				Instructions: apply(Actions(nil).Move(f, dst, 0, 0, f.Bits()+extra))}
			got := ofpPrint(t, flow.AppendAdd(nil, 1))
			if refused := strings.Contains(got, "decode error"); refused != (extra == 1) {
				t.Errorf("%s, %d bits: refused %v:\n%s", info.name, f.Bits()+extra, refused, got)
			}
		}
	}
}

func TestUnknownField(t *testing.T) {
	f := Field(0x8000<<16 | 100<<9 | 3)
	if f.String() != "oxm_8000_100" || f.Bits() != 24 || f.nxmName() != "oxm_8000_100" {
		t.Errorf("%s of %d bits", f, f.Bits())
	}
	for _, bad := range []func(){func() { FieldReg(16) }, func() { FieldReg(-1) }, func() { FieldXReg(8) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a register that does not exist did not panic")
				}
			}()
			bad()
		}()
	}
}
