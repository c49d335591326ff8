package simswitch_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// badMatches are matches that a switch must refuse, or must not.
func badMatches() []openflow.Match {
	eth := func(f openflow.Field, v ...byte) openflow.Match {
		return append(openflow.Match(be.AppendUint32(nil, uint32(f))), v...)
	}
	masked := func(f openflow.Field, v ...byte) openflow.Match { // v: value and mask
		return append(openflow.Match(be.AppendUint32(nil, uint32(f)|1<<8+uint32(len(v)/2))), v...)
	}
	tcp, icmp6 := slices.Clip(ip.IPProto(6)), slices.Clip(none.EthType(0x86dd).IPProto(58))
	return []openflow.Match{
		none.IPv4Dst(host1), none.EthType(0x86dd).IPv4Dst(host1), arp.IPv4Src(net24), ip.ARPOp(1),
		none.IPv4Dst(host1).EthType(0x800), ip.IPv4Dst(host1).IPv4Dst(host1), ip.EthType(0x800),
		ip.TCPDst(80), tcp.UDPDst(80), tcp.TCPDst(80), ip.IPProto(17).UDPSrc(1).UDPDst(2), ip.ICMPType(8), ip.IPProto(1).ICMPType(8).ICMPCode(0),
		arp.ARPOp(256), arp.ARPOp(1).ARPSpa(addr1).ARPTpa(addr2).ARPSha(mac1).ARPTha(mac2),
		none.InPort(3), none.InPort(0xff00), none.InPort(0xfeff), none.InPort(openflow.PortLocal), none.InPort(openflow.PortController), none.InPort(0),
		eth(openflow.FieldInPort, 0, 3), eth(openflow.FieldInPort, 0xff, 0xfe), eth(openflow.FieldInPort, 0, 3).InPort(3),
		eth(0x80000000|60<<9|4, 1, 2, 3, 4), eth(0x00010000|120<<9|2, 1, 2), eth(0xffff0000|1<<9|8, 0, 0, 0x23, 0x20, 1, 2, 3, 4),
		eth(openflow.FieldEthType, 8), eth(openflow.FieldEthSrc, 1, 2, 3), eth(0x80000806+1, 1, 2, 3, 4, 5, 6, 7),
		masked(openflow.FieldEthType, 8, 0, 0xff, 0), masked(openflow.FieldEthType, 8, 0, 0xff, 0xff), masked(openflow.FieldEthType, 0, 0, 0, 0),
		masked(openflow.FieldEthDst, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0), masked(openflow.FieldEthDst, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
		masked(openflow.FieldEthDst, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		masked(openflow.FieldOXMInPort, 0, 0, 0, 1, 0, 0, 0, 0xff), masked(openflow.FieldMetadata, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xff),
		ip.IPv4Src(net24).IPv4Dst(net8), append(slices.Clone(ip), masked(openflow.FieldIPv4Dst, 10, 0, 0, 1, 0xff, 0, 0, 0xff)...),
		append(slices.Clone(ip), masked(openflow.FieldIPv4Dst, 0, 0, 0, 0, 0, 0, 0, 0)...).IPv4Dst(host1),
		masked(openflow.FieldIPv4Dst, 0, 0, 0, 0, 0, 0, 0, 0),
		append(slices.Clone(ip), eth(openflow.FieldIPDSCP, 0x40)...), append(slices.Clone(ip), eth(openflow.FieldIPDSCP, 0x3f)...),
		append(slices.Clone(ip), eth(openflow.FieldIPECN, 4)...), append(slices.Clone(ip), eth(openflow.FieldIPECN, 2)...),
		append(slices.Clone(ip), masked(openflow.FieldIPProto, 6, 7)...), ip.IPTTL(3), none.IPTTL(3),
		append(slices.Clone(ip), masked(openflow.FieldIPFrag, 1, 3)...), append(slices.Clone(ip), eth(openflow.FieldIPFrag, 7)...),
		none.VLANVID(7), none.VLANNone(), append(none.VLANVID(7), eth(openflow.FieldVLANPCP, 3)...), eth(openflow.FieldVLANPCP, 3),
		append(none.VLANVID(7), eth(openflow.FieldVLANPCP, 9)...), masked(openflow.FieldVLANVID, 0x10, 0, 0x10, 0), eth(openflow.FieldVLANVID, 0x20, 0),
		none.Metadata(7), none.MetadataMasked(7, 0xff), none.TunnelID(100), none.TunnelID(100).TunnelSrc(host1), none.TunnelSrc(net24), none.VLANUntagged(),
		none.Metadata(1).TunnelID(2).Reg(3, 4).Reg(0, 1).EthDst(mac1).EthSrc(mac2).InPort(1).EthType(0x800).IPv4Dst(host1).IPv4Src(host1),
		none.RegMasked(15, 1, 1), none.Reg(15, 1).Reg(15, 1), none.CTState(0x21, 0x23), none.CTZone(5), none.CTMark(9),
		eth(openflow.FieldCTState, 0, 0, 1, 0), eth(openflow.FieldPktMark, 0, 0, 0, 1), none.EthSrc(mac1).EthDst(mac2).EthType(0x88cc),
		eth(openflow.FieldEthSrc&0xff|0x0000<<16|2<<9, 2, 0, 0, 0, 0, 1), // NXM_OF_ETH_SRC
		append(slices.Clone(tcp), masked(openflow.FieldTCPSrc, 4, 0, 0xfc, 0)...),
		tcp.TCPFlags(openflow.TCPFlagSYN, 0xfff), tcp.TCPFlags(openflow.TCPFlagSYN, 0xffff).TCPDst(80), tcp.TCPFlags(1, 1).TCPFlags(2, 2), ip.TCPFlags(1, 1), tcp.TCPFlags(0x1000, 0x1000),
		append(slices.Clone(tcp), masked(openflow.FieldTCPFlags, 0, 2, 0, 0x12)...), append(slices.Clone(tcp), eth(0xffff0000|42<<9|5, 0x4f, 0x4e, 0x46, 0, 1)...),
		append(slices.Clone(tcp), eth(0xffff0000|42<<9|6, 0, 0, 0x23, 0x20, 0, 1)...), append(slices.Clone(tcp), eth(0xffff0000|43<<9|6, 0x4f, 0x4e, 0x46, 0, 0, 1)...),
		none.ConjID(7).ConjID(8), none.Metadata(1).Metadata(2), none.CTLabelMasked([16]byte{15: 1}, [16]byte{15: 3}), none.CTLabelMasked([16]byte{15: 1}, [16]byte{15: 3}).CTLabelMasked([16]byte{14: 1}, [16]byte{14: 3}),
		none.CTMarkMasked(1, 3).CTState(0x22, 0x2a).TunnelIDMasked(0x1000, 0x3ffc00).ConjID(3), ip.IPProto(132).SCTPDstMasked(80, 0xfff0).SCTPSrc(1), tcp.TCPDstMasked(80, 0xfff0).TCPSrcMasked(7, 0xff), ip.SCTPDst(1),
		none.EthType(0x86dd).IPProto(58), append(none.EthType(0x86dd).IPProto(58), eth(openflow.FieldICMPv6Type, 135)...),
		append(none.EthType(0x86dd), eth(openflow.FieldIPv6Dst, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)...),
		icmp6.ICMPv6Type(135).ICMPv6Code(0).NDTarget(net6), icmp6.ICMPv6Type(136).NDTarget(net6), icmp6.NDTarget(net6), icmp6.ICMPv6Type(128).NDTarget(net6),
		append(slices.Clip(icmp6.ICMPv6Type(135)), eth(openflow.FieldNDSLL, 2, 0, 0, 0, 0, 1)...), append(icmp6.ICMPv6Type(136), eth(openflow.FieldNDSLL, 2, 0, 0, 0, 0, 1)...),
		append(icmp6.ICMPv6Type(136), eth(openflow.FieldNDTLL, 2, 0, 0, 0, 0, 1)...), append(slices.Clip(icmp6.ICMPv6Type(135)), eth(openflow.FieldNDTLL, 2, 0, 0, 0, 0, 1)...),
		none.EthType(0x86dd).IPv6Src(net6).IPv6Dst(net6).IPFragLater().IPProto(58).TunnelID(3).TunnelSrc(net6).Reg(1, 2).Metadata(3), none.EthType(0x800).IPv6Src(net6),
		none.EthType(0x86dd).IPv6DstMasked(net6.Addr(), [16]byte{7: 1, 15: 0xff}), none.TunnelID(3).TunnelSrc(host6),
		ip.IPProto(132), eth(openflow.FieldConjID, 0, 0, 0, 7), none.EthType(0x8035).ARPOp(3),
	}
}

// badInstructions likewise, in table 10 for IPv4.
func badInstructions() []openflow.Instructions {
	raw := func(b ...byte) openflow.Instructions { return b }
	a := noActs
	rawApply := func(b ...byte) openflow.Instructions { return apply(openflow.Actions(b)) }
	return []openflow.Instructions{
		drop.GotoTable(11), drop.GotoTable(10), drop.GotoTable(9), drop.GotoTable(253), drop.GotoTable(254), drop.GotoTable(255),
		drop.GotoTable(11).GotoTable(12), drop.GotoTable(20).WriteMetadata(1, 3).WriteActions(a.Output(3)).ClearActions().ApplyActions(a.Output(2)),
		raw(0, 9, 0, 8, 0, 0, 0, 0), raw(0xff, 0xff, 0, 8, 0, 0, 0x23, 0x20), raw(0, 1, 0, 16, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		raw(0, 1, 0, 7, 11, 0, 0, 0), raw(0, 1, 0, 24, 11, 0, 0, 0), raw(0, 1, 0, 0, 11, 0, 0, 0), raw(0, 0, 0, 8, 0, 0, 0, 0),
		drop.Meter(3), apply(a), drop.WriteActions(a), drop.ClearActions(), drop.WriteMetadata(5, 0xff), drop.WriteMetadata(0x1ff, 0xff),
		out(1), out(0), out(0xfeff), out(0xff00), out(0xffffff00 - 1), out(openflow.PortAny), out(openflow.PortLocal), out(openflow.PortTable),
		out(openflow.PortFlood), out(openflow.PortAll), out(openflow.PortNormal), out(openflow.PortInPort), out(openflow.PortController),
		out(0xffffff00), out(0xfffffff0),
		apply(a.Controller(100)), apply(a.Group(7)), apply(a.SetQueue(3)), apply(a.DecTTL()), apply(a.PushVLAN(0x8100)), apply(a.PushVLAN(0x9999)),
		apply(a.PopVLAN()), apply(a.PushVLAN(0x88a8).SetVLANVID(4).PopVLAN()), apply(a.SetVLANVID(5)),
		apply(a.SetEthSrc(mac1).SetEthDst(mac2).SetTunnelDst(addr1).SetTunnelID(7).SetMetadata(3).SetReg(2, 9)),
		apply(a.SetIPv4Src(addr1).SetIPv4Dst(addr2).SetIPTTL(3)), apply(a.SetARPOp(2)), apply(a.SetICMPType(0)), apply(a.SetField(ip)),
		apply(a.SetField(none.InPort(3))), apply(a.SetField(none.VLANNone())), apply(a.SetField(none.IPProto(6))), apply(a.SetField(none.CTZone(4))),
		rawApply(0, 25, 0, 16, 0x80, 0, 0x13, 12, 1, 2, 3, 4, 5, 6, 7, 8),
		// Not tried: a field that there is not. Whether Open vSwitch 3.1 then
		// says OFPBAC_BAD_SET_TYPE or _LEN depends on its hash table.
		rawApply(0, 25, 0, 24, 0x80, 0, 0x05, 16, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		rawApply(0, 25, 0, 16, 0x80, 0, 0x04, 4, 1, 2, 3, 4, 0, 0, 0, 0), rawApply(0, 25, 0, 8, 0x80, 0, 0x04, 8),
		rawApply(0, 25, 0, 16, 0x80, 0, 8, 6, 1, 2, 3, 4, 5, 6, 0, 1), rawApply(0, 25, 0, 16, 0x80, 0, 16, 1, 0x40, 0, 0, 0, 0, 0, 0, 0),
		rawApply(0, 99, 0, 8, 0, 0, 0, 0), rawApply(0xff, 0xff, 0, 16, 0, 0, 0x11, 0x11, 0, 1, 0, 0, 0, 0, 0, 0),
		rawApply(0xff, 0xff, 0, 16, 0, 0, 0x23, 0x20, 0, 200, 0, 0, 0, 0, 0, 0), rawApply(0, 0, 0, 8, 0, 0, 0, 1),
		rawApply(0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), rawApply(0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
		rawApply(0, 0, 0, 16, 0, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0), // output with a max_len
		apply(a.Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48)), apply(a.Move(openflow.FieldIPv4Src, openflow.FieldIPv4Dst, 0, 0, 32)),
		apply(a.Move(openflow.FieldARPSpa, openflow.FieldARPTpa, 0, 0, 32)), apply(a.Move(openflow.FieldEthSrc, openflow.FieldReg(1), 0, 0, 48)),
		apply(a.Move(openflow.FieldTunnelID, openflow.FieldReg(1), 0, 8, 24)), apply(a.Move(openflow.FieldReg(1), openflow.FieldMetadata, 0, 0, 32)),
		apply(a.Move(openflow.FieldEthType, openflow.FieldReg(1), 0, 0, 16)), apply(a.Move(openflow.FieldReg(1), openflow.FieldEthType, 0, 0, 16)),
		apply(a.Move(openflow.FieldReg(1), openflow.FieldReg(2), 0, 0, 0)), apply(a.Load(openflow.FieldReg(1), 0, 32, 7)), apply(a.Load(openflow.FieldReg(1), 31, 2, 1)),
		apply(a.Load(openflow.FieldInPort, 0, 16, 0).Output(1)), apply(a.Load(openflow.FieldMetadata, 0, 64, 1)), apply(a.Load(openflow.FieldReg(1), 0, 8, 0x1ff)),
		apply(a.Load(openflow.FieldARPOp, 0, 16, 2)), apply(a.Load(openflow.FieldIPTTL, 0, 8, 64)), apply(a.Load(openflow.FieldEthDst, 0, 48, 1)),
		apply(a.Resubmit(openflow.PortInPort, 20)), apply(a.CTClear()), apply(a.CT(openflow.CT{Zone: 3, Table: 20})), apply(a.CT(openflow.CT{Commit: true, Zone: 3})),
		apply(a.CT(openflow.CT{Commit: true, Force: true, ZoneField: openflow.FieldReg(5), Table: 89, Exec: a.Load(openflow.FieldCTMark, 0, 1, 0).
			Move(openflow.FieldReg(7), openflow.FieldCTLabel, 0, 0, 32).SetField(none.CTMark(7))})),
		apply(a.CT(openflow.CT{ZoneField: openflow.FieldReg(5), Table: 22})), apply(a.CT(openflow.CT{ZoneField: openflow.FieldTunnelID, Table: 22})), apply(a.CT(openflow.CT{Zone: 3, Table: 5})),
		apply(a.Output(1).Output(2).Output(1)),
		// What can be read but does not go with the match is said last.
		apply(append(a.Output(openflow.PortAny), 0, 99, 0, 8, 0, 0, 0, 0)), apply(append(a.Load(openflow.FieldReg(1), 30, 8, 1), 0, 99, 0, 8, 0, 0, 0, 0)),
		apply(append(a.Load(openflow.FieldEthType, 0, 16, 1), 0, 99, 0, 8, 0, 0, 0, 0)), apply(append(a.PopVLAN(), 0, 99, 0, 8, 0, 0, 0, 0)),
		apply(a.PopVLAN().Output(openflow.PortAny)), apply(a.PopVLAN()).GotoTable(9), apply(append(a.SetARPOp(2), 0, 25, 0, 8, 0x80, 0, 0x04, 8)),
		drop.Meter(0).ApplyActions(a.PopVLAN()), drop.Meter(0).ApplyActions(a.Output(openflow.PortAny)), drop.Meter(0xfffffffe), drop.Meter(9).GotoTable(9),
	}
}

// refusals are exchanges that are about errors, and what is close to them.
func refusals() []script {
	return []script{
		{"matches", func(t testing.TB, d, _ *driver) {
			for i, m := range badMatches() {
				d.note("match %d: %v", i, m)
				d.send(add(openflow.Flow{Table: 3, Priority: uint16(i), Cookie: 1, Match: m}))
			}
			d.send(dump(t))
		}},
		{"instructions", func(t testing.TB, d, _ *driver) {
			for i, in := range badInstructions() {
				d.note("instructions %d: %v", i, in)
				d.send(add(openflow.Flow{Table: 10, Priority: uint16(i), Cookie: 1, Match: ip, Instructions: in}))
			}
			d.send(dump(t))
		}},
		{"neighbour discovery", func(t testing.TB, d, _ *driver) {
			eth := func(f openflow.Field, v ...byte) openflow.Match {
				return append(openflow.Match(be.AppendUint32(nil, uint32(f))), v...)
			}
			a, target := noActs, netip.MustParseAddr("fd00::7")
			icmp6 := slices.Clip(none.EthType(0x86dd).IPProto(58))
			for i, acts := range []openflow.Actions{
				a.SetICMPv6Type(136), a.SetNDOptionsType(2), a.SetNDReserved(0xe0000000), a.SetNDTLL(mac1), a.SetField(append(openflow.Match(nil), eth(openflow.FieldNDSLL, 2, 0, 0, 0, 0, 1)...)),
				a.SetField(none.NDTarget(netip.PrefixFrom(target, 128))), a.SetIPv6Src(target).SetIPv6Dst(target), a.SetIPTTL(255), a.DecTTL(), a.SetTunnelDst(target),
				a.Move(openflow.FieldIPv6Src, openflow.FieldIPv6Dst, 0, 0, 128), a.Push(openflow.FieldIPv6Dst, 0, 128).Pop(openflow.FieldIPv6Src, 0, 128),
				a.SetICMPv6Type(136).SetNDTLL(mac1), a.SetICMPType(0), a.SetIPv4Src(addr1),
			} {
				for kind, m := range []openflow.Match{none, none.EthType(0x86dd), icmp6, icmp6.ICMPv6Type(135).ICMPv6Code(0), icmp6.ICMPv6Type(136), icmp6.ICMPv6Type(128)} {
					d.note("actions %d, match %d", i, kind)
					d.send(add(openflow.Flow{Table: 3, Priority: uint16(10*i + kind), Cookie: 1, Match: m, Instructions: apply(acts)}))
				}
			}
			d.send(dump(t))
		}},
		{"flow-mods", func(t testing.TB, d, _ *driver) {
			f := openflow.Flow{Table: 4, Priority: 7, Match: ip, Instructions: out(1)}
			good := add(f)
			for _, m := range [][]byte{
				patch(good, 25, 5), patch(good, 25, 200), patch(good, 24, 255), patch(good, 24, 254), patch(good, 44, 0, 0x20),
				patch(good, 44, 0x80, 0), patch(good, 44, 0, 0x1f), patch(good, 32, 0, 0, 0, 1), patch(good, 36, 0, 0, 0xff, 0x10),
				patch(good, 48, 0, 0), patch(good, 48, 0, 2), patch(good, 50, 0, 3), patch(good, 50, 0, 200), patch(good, 50, 0, 9),
				cut(good, 48), cut(good, 40), cut(good, 56), cut(good, 60), cut(good, 12), cut(good, len(good)+8), cut(good, len(good)+4),
				mod(openflow.FlowModify, openflow.Flow{Table: 255, Match: ip, Instructions: out(1)}, nil),
				mod(openflow.FlowModifyStrict, openflow.Flow{Table: 254, Match: ip, Instructions: out(1)}, nil),
				mod(openflow.FlowDelete, openflow.Flow{Table: 254}, nil), mod(openflow.FlowDelete, openflow.Flow{Table: 254, Match: ip}, nil),
				mod(openflow.FlowDelete, openflow.Flow{Table: 4, Match: none.IPv4Dst(host1)}, nil),
				mod(openflow.FlowModify, openflow.Flow{Table: 4, Match: ip, Instructions: drop.Meter(1)}, nil),
				mod(openflow.FlowModify, openflow.Flow{Table: 5, Match: ip, Instructions: drop.Meter(1)}, nil),
				mod(openflow.FlowDelete, openflow.Flow{Table: 4, Match: ip, Instructions: out(0xff00)}, nil),
			} {
				d.send(good)
				d.send(m, dump(t))
			}
		}},
		{"overlap", func(t testing.TB, d, _ *driver) {
			d.send(sample()...)
			for _, m := range []openflow.Match{ip.IPv4Dst(net8), ip.IPv4Src(host1), arp, ip.IPv4Dst(host1), none.Metadata(1)} {
				d.send(add(openflow.Flow{Table: 0, Priority: 100, Cookie: 9, Match: m, Flags: openflow.FlowCheckOverlap}), dump(t))
			}
		}},
		{"messages", func(t testing.TB, d, _ *driver) {
			echo := encode(t, &openflow.EchoRequest{})
			stats := encode(t, openflow.AllFlows().Message(openflow.MultipartFlow))
			for _, m := range [][]byte{
				patch(echo, 1, 77), patch(echo, 1, byte(openflow.TypeFeaturesReply)), patch(echo, 1, byte(openflow.TypeBarrierReply)),
				patch(echo, 1, byte(openflow.TypePacketIn)), cut(patch(echo, 1, byte(openflow.TypeFeaturesRequest)), 16),
				cut(patch(echo, 1, byte(openflow.TypeBarrierRequest)), 12), cut(patch(echo, 1, byte(openflow.TypeSetConfig)), 8),
				cut(patch(echo, 1, byte(openflow.TypeRoleRequest)), 8), cut(patch(echo, 1, byte(openflow.TypePacketOut)), 8),
				cut(patch(echo, 1, byte(openflow.TypeExperimenter)), 8),
				encode(t, &openflow.Experimenter{Vendor: 0x1234, ExpType: 1}), encode(t, &openflow.Experimenter{Vendor: openflow.ExperimenterONF, ExpType: 9}),
				encode(t, &openflow.Experimenter{Vendor: openflow.ExperimenterNicira, ExpType: 9999}),
				encode(t, &openflow.Experimenter{Vendor: openflow.ExperimenterONF, ExpType: openflow.ONFBundleControl}),
				encode(t, &openflow.Experimenter{Vendor: openflow.ExperimenterONF, ExpType: openflow.ONFFlowMonitorCancel}),
				encode(t, &openflow.MultipartRequest{Kind: 99}), encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartDesc, Body: make([]byte, 8)}),
				encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartFlow}), encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartPortStats}),
				encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartExperimenter, Body: make([]byte, 8)}),
				encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartExperimenter, Body: []byte{0x4f, 0x4e, 0x46, 0, 0, 0, 0, 9}}),
				cut(patch(echo, 1, byte(openflow.TypeMultipartRequest)), 8), cut(patch(echo, 1, byte(openflow.TypeMultipartRequest)), 12),
				cut(stats, 48), cut(stats, 52), cut(stats, 60), patch(stats, 48, 0, 0), encode(t, &openflow.Hello{Version: 4}), encode(t, &openflow.ErrorMsg{ErrType: 1, Code: 1, Data: make([]byte, 8)}),
			} {
				d.note("message % x", m)
				d.send(m)
			}
		}},
	}
}
