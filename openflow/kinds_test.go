package openflow

import (
	"bytes"
	"net/netip"
)

var (
	macA   = MAC{0x02, 0, 0, 0, 0, 0x0a}
	macB   = MAC{0x02, 0, 0, 0, 0, 0x0b}
	group  = MAC{0x01}
	addrA  = netip.MustParseAddr("10.0.0.1")
	addrB  = netip.MustParseAddr("192.168.7.9")
	subnet = netip.MustParsePrefix("10.244.1.0/24")
	host   = netip.MustParsePrefix("10.244.1.3/32")
	all    = netip.MustParsePrefix("0.0.0.0/0")

	addr6   = netip.MustParseAddr("fd00:0:0:7::1")
	subnet6 = netip.MustParsePrefix("fd00:0:0:7::/64")
	all6    = netip.MustParsePrefix("::/0")
)

// flowKind is a flow and how it reads.
type flowKind struct {
	name string
	flow Flow
	want string
}

func apply(a Actions) Instructions { return Instructions(nil).ApplyActions(a) }

// flowKinds has every field, action and instruction that there is a method for.
func flowKinds() []flowKind {
	var (
		m    Match
		a    Actions
		ip   = m.EthType(0x0800)
		ip6  = m.EthType(0x86dd)
		arp  = m.EthType(0x0806)
		tcp  = ip.IPProto(6)
		udp  = ip.IPProto(17)
		sctp = ip.IPProto(132)
		icmp = ip.IPProto(1)
	)
	return []flowKind{
		{"drop all", Flow{}, "table=0, priority=0 actions=drop"},
		{"every option", Flow{Table: 253, Priority: 65535, Cookie: 0x12, IdleTimeout: 5, HardTimeout: 6,
			Flags: FlowSendRemoved | FlowCheckOverlap | FlowResetCounts | FlowNoPacketCnt | FlowNoByteCnt},
			"table=253, idle_timeout=5, hard_timeout=6, send_flow_rem check_overlap reset_counts " +
				"no_packet_counts no_byte_counts priority=65535 actions=drop"},
		{"classify", Flow{Priority: 100, Match: ip.InPort(3).EthSrc(macA).IPv4Src(netip.PrefixFrom(addrA, 32)),
			Instructions: apply(a.SetMetadata(100)).GotoTable(10)},
			"table=0, priority=100,ip,in_port=3,dl_src=02:00:00:00:00:0a,nw_src=10.0.0.1 " +
				"actions=set_field:0x64->metadata,goto_table:10"},
		{"reserved ports", Flow{Match: m.InPort(PortLocal), Instructions: apply(a.Output(PortLocal).
			Output(PortInPort).Output(PortNormal).Output(PortFlood).Output(PortAll).Output(7))},
			"table=0, priority=0,in_port=LOCAL actions=LOCAL,IN_PORT,NORMAL,FLOOD,ALL,output:7"},
		{"to the controller", Flow{Instructions: apply(a.Output(PortController).Controller(128))},
			"table=0, priority=0 actions=CONTROLLER:65535,CONTROLLER:128"},
		{"to the controller, with data", Flow{Instructions: apply(a.ControllerUserdata(ControllerNoBuffer, []byte{1, 0xff}).ControllerUserdata(128, []byte("dhcp")))},
			"table=0, priority=0 actions=controller(userdata=01.ff),controller(max_len=128,userdata=64.68.63.70)"},
		{"from a tunnel", Flow{Match: m.TunnelID(5001).TunnelSrc(netip.PrefixFrom(addrB, 32)),
			Instructions: Instructions(nil).WriteMetadata(5001, 0xffffff).GotoTable(20)},
			"table=0, priority=0,tun_id=0x1389,tun_src=192.168.7.9 " +
				"actions=write_metadata:0x1389/0xffffff,goto_table:20"},
		{"to a tunnel", Flow{Table: 40, Priority: 50, Match: m.Metadata(5001).EthDst(macB),
			Instructions: apply(a.SetTunnelID(5001).SetTunnelDst(addrB).Output(1))},
			"table=40, priority=50,metadata=0x1389,dl_dst=02:00:00:00:00:0b " +
				"actions=set_field:0x1389->tun_id,set_field:192.168.7.9->tun_dst,output:1"},
		{"masks", Flow{Match: m.MetadataMasked(0x1ff, 0xff).RegMasked(3, 0xabcd, 0xff00).EthDstMasked(group, group)},
			"table=0, priority=0,reg3=0xab00/0xff00,metadata=0xff/0xff," +
				"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=drop"},
		{"registers", Flow{Match: m.Reg(0, 1).Reg(15, 0xffffffff), Instructions: apply(a.SetReg(0, 7).SetReg(15, 0))},
			"table=0, priority=0,reg0=0x1,reg15=0xffffffff actions=set_field:0x7->reg0,set_field:0->reg15"},
		{"prefixes", Flow{Match: ip.IPv4Src(subnet).IPv4Dst(host)},
			"table=0, priority=0,ip,nw_src=10.244.1.0/24,nw_dst=10.244.1.3 actions=drop"},
		{"prefix of all", Flow{Match: ip.IPv4Src(all).IPv4Dst(all)}, "table=0, priority=0,ip actions=drop"},
		{"route", Flow{Table: 20, Priority: 124, Match: ip.Metadata(1).IPv4Dst(subnet),
			Instructions: apply(a.SetEthSrc(macA).SetEthDst(macB).DecTTL()).GotoTable(30)},
			"table=20, priority=124,ip,metadata=0x1,nw_dst=10.244.1.0/24 " +
				"actions=set_field:02:00:00:00:00:0a->eth_src,set_field:02:00:00:00:00:0b->eth_dst,dec_ttl,goto_table:30"},
		{"arp request", Flow{Match: arp.ARPOp(1).ARPSpa(addrA).ARPTpa(addrB).ARPSha(macA).ARPTha(macB),
			Instructions: apply(a.Move(FieldEthSrc, FieldEthDst, 0, 0, 48).SetEthSrc(macB).SetARPOp(2).
				Move(FieldARPSha, FieldARPTha, 0, 0, 48).SetARPSha(macB).
				Move(FieldARPSpa, FieldARPTpa, 0, 0, 32).SetARPSpa(addrB).Output(PortInPort))},
			"table=0, priority=0,arp,arp_spa=10.0.0.1,arp_tpa=192.168.7.9,arp_op=1," +
				"arp_sha=02:00:00:00:00:0a,arp_tha=02:00:00:00:00:0b " +
				"actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:02:00:00:00:00:0b->eth_src," +
				"set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:02:00:00:00:00:0b->arp_sha," +
				"move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:192.168.7.9->arp_spa,IN_PORT"},
		{"arp prefix", Flow{Match: arp.ARPTpaPrefix(subnet), Instructions: apply(a.SetARPTha(macA).SetARPTpa(addrA))},
			"table=0, priority=0,arp,arp_tpa=10.244.1.0/24 " +
				"actions=set_field:02:00:00:00:00:0a->arp_tha,set_field:10.0.0.1->arp_tpa"},
		{"gateway ping", Flow{Match: icmp.ICMPType(8).ICMPCode(0),
			Instructions: apply(a.Move(FieldIPv4Src, FieldIPv4Dst, 0, 0, 32).SetIPv4Src(addrA).
				SetICMPType(0).SetICMPCode(0).Load(FieldInPort, 0, 16, 0).Output(3))},
			"table=0, priority=0,icmp,icmp_type=8,icmp_code=0 " +
				"actions=move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],set_field:10.0.0.1->ip_src,set_field:0->icmp_type," +
				"set_field:0->icmp_code,load:0->NXM_OF_IN_PORT[],output:3"},
		{"gateway ping in place", Flow{Match: ip.IPv4DstMasked(1, 0xff).IPProto(1).ICMPType(8).ICMPCode(0).Reg(2, 0x101).Metadata(7),
			Instructions: apply(a.SetICMPType(0).Push(FieldEthDst, 0, 48).Move(FieldEthSrc, FieldEthDst, 0, 0, 48).Pop(FieldEthSrc, 0, 48).
				Push(FieldIPv4Dst, 0, 32).Move(FieldIPv4Src, FieldIPv4Dst, 0, 0, 32).Pop(FieldIPv4Src, 0, 32).Output(PortInPort))},
			"table=0, priority=0,icmp,reg2=0x101,metadata=0x7,nw_dst=0.0.0.1/0.0.0.255,icmp_type=8,icmp_code=0 " +
				"actions=set_field:0->icmp_type,push:NXM_OF_ETH_DST[],move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],pop:NXM_OF_ETH_SRC[]," +
				"push:NXM_OF_IP_DST[],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],IN_PORT"},
		{"later fragments", Flow{Match: ip.IPv4DstMasked(0x0a000001, ^uint32(0)).IPFragLater().IPProto(1)},
			"table=0, priority=0,icmp,nw_dst=10.0.0.1,nw_frag=later actions=drop"},
		{"output to a register", Flow{Match: arp, Instructions: apply(a.Move(FieldInPort, FieldReg(2), 0, 0, 16).
			Load(FieldInPort, 0, 16, 3).OutputReg(FieldReg(2), 0, 16))},
			"table=0, priority=0,arp actions=move:NXM_OF_IN_PORT[]->NXM_NX_REG2[0..15],load:0x3->NXM_OF_IN_PORT[],output:NXM_NX_REG2[0..15]"},
		{"larger", Flow{Match: ip, Instructions: apply(a.CheckLarger(1464, FieldReg(0), 15).Resubmit(PortInPort, 60))},
			"table=0, priority=0,ip actions=check_pkt_larger(1464)->NXM_NX_REG0[15],resubmit(,60)"},
		{"parts of fields", Flow{Match: ip, Instructions: apply(a.SetIPv4Dst(addrB).Load(FieldReg(1), 4, 8, 0x7f).
			Load(FieldMetadata, 63, 1, 1).Move(FieldTunnelID, FieldReg(2), 0, 8, 24).Move(FieldReg(2), FieldReg(3), 5, 6, 1))},
			"table=0, priority=0,ip actions=set_field:192.168.7.9->ip_dst,load:0x7f->NXM_NX_REG1[4..11]," +
				"load:0x1->OXM_OF_METADATA[63],move:NXM_NX_TUN_ID[0..23]->NXM_NX_REG2[8..31]," +
				"move:NXM_NX_REG2[5]->NXM_NX_REG3[6]"},
		{"ttl", Flow{Match: ip.IPTTL(1), Instructions: apply(a.SetIPTTL(64))},
			"table=0, priority=0,ip,nw_ttl=1 actions=set_field:64->nw_ttl"},
		{"tcp", Flow{Match: tcp.TCPSrc(1024).TCPDst(443)}, "table=0, priority=0,tcp,tp_src=1024,tp_dst=443 actions=drop"},
		{"udp", Flow{Match: udp.UDPSrc(68).UDPDst(67)}, "table=0, priority=0,udp,tp_src=68,tp_dst=67 actions=drop"},
		{"other protocols", Flow{Match: ip.IPProto(47)}, "table=0, priority=0,ip,nw_proto=47 actions=drop"},
		{"other ethernet types", Flow{Match: m.EthType(0x88cc)}, "table=0, priority=0,dl_type=0x88cc actions=drop"},
		{"ipv6 prefixes", Flow{Match: ip6.IPv6Src(subnet6).IPv6Dst(netip.PrefixFrom(addr6, 128))},
			"table=0, priority=0,ipv6,ipv6_src=fd00:0:0:7::/64,ipv6_dst=fd00:0:0:7::1 actions=drop"},
		{"ipv6 prefix of all", Flow{Match: ip6.IPv6Src(all6).IPv6Dst(all6)}, "table=0, priority=0,ipv6 actions=drop"},
		{"ipv6 host part", Flow{Match: ip6.IPv6DstMasked(addr6, [16]byte{15: 0xff}).IPProto(58).ICMPv6Type(128).ICMPv6Code(0),
			Instructions: apply(a.SetICMPv6Type(129).Push(FieldIPv6Dst, 0, 128).Move(FieldIPv6Src, FieldIPv6Dst, 0, 0, 128).
				Pop(FieldIPv6Src, 0, 128).SetIPTTL(64).SetIPv6Dst(addr6).Output(PortInPort))},
			"table=0, priority=0,icmp6,ipv6_dst=::1/::ff,icmp_type=128,icmp_code=0 " +
				"actions=set_field:129->icmpv6_type,push:NXM_NX_IPV6_DST[],move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]," +
				"pop:NXM_NX_IPV6_SRC[],set_field:64->nw_ttl,set_field:fd00:0:0:7::1->ipv6_dst,IN_PORT"},
		{"neighbour solicitation", Flow{Match: ip6.IPProto(58).ICMPv6Type(135).ICMPv6Code(0),
			Instructions: apply(a.Move(FieldEthSrc, FieldEthDst, 0, 0, 48).Move(FieldIPv6Src, FieldIPv6Dst, 0, 0, 128).
				SetICMPv6Type(136).SetNDOptionsType(2)).GotoTable(13)},
			"table=0, priority=0,icmp6,icmp_type=135,icmp_code=0 " +
				"actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[]," +
				"set_field:136->icmpv6_type,set_field:2->nd_options_type,goto_table:13"},
		{"neighbour advertisement", Flow{Match: ip6.IPProto(58).ICMPv6Type(136).NDTarget(subnet6).Metadata(7),
			Instructions: apply(a.SetEthSrc(macA).SetIPv6Src(addr6).SetNDTLL(macA).SetNDReserved(0xe0000000).Output(PortInPort))},
			"table=0, priority=0,icmp6,metadata=0x7,icmp_type=136,nd_target=fd00:0:0:7::/64 " +
				"actions=set_field:02:00:00:00:00:0a->eth_src,set_field:fd00:0:0:7::1->ipv6_src," +
				"set_field:02:00:00:00:00:0a->nd_tll,set_field:3758096384->nd_reserved,IN_PORT"},
		{"answers for a range", Flow{Match: ip6.IPProto(58).ICMPv6Type(136).NDTarget(subnet6),
			Instructions: apply(a.Move(FieldNDTarget, FieldIPv6Src, 0, 0, 128))},
			"table=0, priority=0,icmp6,icmp_type=136,nd_target=fd00:0:0:7::/64 actions=move:NXM_NX_ND_TARGET[]->NXM_NX_IPV6_SRC[]"},
		{"arp from a range", Flow{Match: arp.ARPSpaPrefix(subnet)}, "table=0, priority=0,arp,arp_spa=10.244.1.0/24 actions=drop"},
		{"over an ipv6 tunnel", Flow{Match: m.TunnelID(7).TunnelSrc(netip.PrefixFrom(addr6, 120)), Instructions: apply(a.SetTunnelDst(addr6).Output(1))},
			"table=0, priority=0,tun_id=0x7,tun_ipv6_src=fd00:0:0:7::/120 actions=set_field:fd00:0:0:7::1->tun_ipv6_dst,output:1"},
		{"ipv6", Flow{Match: m.EthType(0x86dd).IPProto(58)}, "table=0, priority=0,icmp6 actions=drop"},
		{"vlan", Flow{Match: m.VLANVID(10), Instructions: apply(a.SetVLANVID(4095).PopVLAN().PushVLAN(0x8100))},
			"table=0, priority=0,dl_vlan=10 actions=set_field:8191->vlan_vid,pop_vlan,push_vlan:0x8100"},
		{"no vlan", Flow{Match: m.VLANNone()}, "table=0, priority=0,vlan_tci=0x0000/0x1fff actions=drop"},
		{"no vlan but a priority tag", Flow{Match: m.VLANUntagged()}, "table=0, priority=0,vlan_tci=0x0000/0x0fff actions=drop"},
		{"every instruction", Flow{Table: 1, Instructions: Instructions(nil).GotoTable(9).WriteMetadata(1, ^uint64(0)).
			WriteActions(a.Output(4)).ClearActions().ApplyActions(a.Output(3)).Meter(6)},
			"table=1, priority=0 actions=meter:6,output:3,clear_actions,write_actions(output:4)," +
				"write_metadata:0x1,goto_table:9"},
		{"groups and queues", Flow{Instructions: apply(a.SetQueue(2).Group(4))},
			"table=0, priority=0 actions=set_queue:2,group:4"},
		{"set_field", Flow{Match: tcp, Instructions: apply(a.SetField(m.TCPDst(80)))},
			"table=0, priority=0,tcp actions=set_field:80->tcp_dst"},
		{"resubmit", Flow{Instructions: apply(a.Resubmit(PortInPort, 5).Resubmit(3, 6))},
			"table=0, priority=0 actions=resubmit(,5),resubmit(3,6)"},
		{"learn", Flow{Match: ip, Instructions: apply(a.Learn(Learning{
			Table: 28, Priority: 100, Cookie: 0x123, IdleTimeout: 60, Limit: 8192, DeleteLearned: true,
			Match: Match(nil).EthType(0x0800).IPProto(6).TCPDst(80).Reg(11, 5), Copy: []Field{FieldMetadata, FieldIPv4Src}, Load: []Field{FieldReg(3), FieldReg(12)},
		}))}, "table=0, priority=0,ip actions=learn(table=28,idle_timeout=60,priority=100,delete_learned,cookie=0x123,limit=8192," +
			"eth_type=0x800,nw_proto=6,tcp_dst=80,reg11=0x5,OXM_OF_METADATA[],NXM_OF_IP_SRC[]," +
			"load:NXM_NX_REG3[]->NXM_NX_REG3[],load:NXM_NX_REG12[]->NXM_NX_REG12[])"},
		{"conjunction", Flow{Match: ip, Instructions: apply(a.Conjunction(7, 1, 2))},
			"table=0, priority=0,ip actions=conjunction(7,1/2)"},
		{"ct state", Flow{Match: m.CTState(CTStateTracked|CTStateNew, CTStateTracked|CTStateNew|CTStateInvalid).
			CTZone(5).CTMark(1).EthType(0x0800)},
			"table=0, priority=0,ct_state=+new-inv+trk,ct_zone=5,ct_mark=0x1,ip actions=drop"},
		{"packet mark", Flow{Match: m.PktMarkMasked(0xff, 0x0f)}, "table=0, priority=0,pkt_mark=0xf/0xf actions=drop"},
		{"ct", Flow{Match: ip, Instructions: apply(a.CTClear().CT(CT{Zone: 5, Table: 30}).
			CT(CT{Commit: true, Zone: 5, Exec: a.SetField(m.CTMark(1))}))},
			"table=0, priority=0,ip actions=ct_clear,ct(table=30,zone=5),ct(commit,zone=5,exec(set_field:0x1->ct_mark))"},
		{"ct in a zone from a register", Flow{Match: ip6, Instructions: apply(a.CT(CT{ZoneField: FieldReg(5), Table: 22}))},
			"table=0, priority=0,ipv6 actions=ct(table=22,zone=NXM_NX_REG5[0..15])"},
		{"ct commits mark and label", Flow{Match: ip, Instructions: apply(a.CT(CT{Commit: true, ZoneField: FieldReg(5), Table: 89,
			Exec: a.Load(FieldCTMark, 0, 1, 0).Move(FieldReg(7), FieldCTLabel, 0, 0, 32).
				Move(FieldReg(6), FieldCTLabel, 0, 32, 32).Load(FieldCTLabel, 64, 32, 9)}))},
			"table=0, priority=0,ip actions=ct(commit,table=89,zone=NXM_NX_REG5[0..15],exec(load:0->NXM_NX_CT_MARK[0]," +
				"move:NXM_NX_REG7[]->NXM_NX_CT_LABEL[0..31],move:NXM_NX_REG6[]->NXM_NX_CT_LABEL[32..63]," +
				"load:0x9->NXM_NX_CT_LABEL[64..95]))"},
		{"ct force", Flow{Match: ip, Instructions: apply(a.CT(CT{Commit: true, Force: true, Zone: 5,
			Exec: a.SetField(m.CTLabelMasked([16]byte{0: 1, 15: 2}, [16]byte(bytes.Repeat([]byte{0xff}, 16))))}))},
			"table=0, priority=0,ip actions=ct(commit,force,zone=5,exec(set_field:0x1000000000000000000000000000002->ct_label))"},
		{"ct translates as committed", Flow{Match: ip, Instructions: apply(a.CT(CT{ZoneField: FieldReg(10), NAT: &NAT{}, Table: 18}))},
			"table=0, priority=0,ip actions=ct(table=18,zone=NXM_NX_REG10[0..15],nat)"},
		{"ct translates destinations", Flow{Match: tcp, Instructions: apply(a.CT(CT{Commit: true, Zone: 7, Table: 18,
			NAT: &NAT{Direction: NATDestination, First: addrA, FirstPort: 8080}, Exec: a.Load(FieldCTMark, 1, 1, 1)}))},
			"table=0, priority=0,tcp actions=ct(commit,table=18,zone=7,nat(dst=10.0.0.1:8080),exec(load:0x1->NXM_NX_CT_MARK[1]))"},
		{"ct translates destinations of IPv6", Flow{Match: ip6.IPProto(6), Instructions: apply(a.CT(CT{Commit: true, Zone: 7,
			NAT: &NAT{Direction: NATDestination, First: addr6, FirstPort: 8080}}))},
			"table=0, priority=0,tcp6 actions=ct(commit,zone=7,nat(dst=[fd00:0:0:7::1]:8080))"},
		{"ct translates sources", Flow{Match: ip, Instructions: apply(a.CT(CT{Commit: true, Zone: 7,
			NAT: &NAT{Direction: NATSource, First: addrA, Last: addrB, FirstPort: 1024, LastPort: 65535}}))},
			"table=0, priority=0,ip actions=ct(commit,zone=7,nat(src=10.0.0.1-192.168.7.9:1024-65535))"},
		{"ct mark and label in part", Flow{Match: ip.CTState(CTStateTracked|CTStateEstablished, CTStateTracked|CTStateEstablished|CTStateReply).
			CTMarkMasked(0xff, 1).CTLabelMasked([16]byte{0: 1, 15: 0x0b}, [16]byte{12: 0xff, 13: 0xff, 14: 0xff, 15: 0xff})},
			"table=0, priority=0,ct_state=+est-rpl+trk,ct_mark=0x1/0x1,ct_label=0xb/0xffffffff,ip actions=drop"},
		{"label out of the tunnel", Flow{Match: m.TunnelIDMasked(0x12345, 0x3ffc00),
			Instructions: apply(a.Move(FieldTunnelID, FieldReg(2), 0, 0, 10).Move(FieldTunnelID, FieldReg(0), 23, 1, 1))},
			"table=0, priority=0,tun_id=0x12000/0x3ffc00 actions=move:NXM_NX_TUN_ID[0..9]->NXM_NX_REG2[0..9],move:NXM_NX_TUN_ID[23]->NXM_NX_REG0[1]"},
		{"conjunction satisfied", Flow{Match: m.ConjID(7).EthType(0x0800), Instructions: apply(a.SetReg(7, 7)).GotoTable(88)},
			"table=0, priority=0,conj_id=7,ip actions=set_field:0x7->reg7,goto_table:88"},
		{"tcp port ranges", Flow{Match: tcp.TCPSrcMasked(1024, 0xfc00).TCPDstMasked(8083, 0xfffc)},
			"table=0, priority=0,tcp,tp_src=0x400/0xfc00,tp_dst=0x1f90/0xfffc actions=drop"},
		{"tcp ports below 32768", Flow{Match: tcp.TCPDstMasked(0, 0x8000)}, "table=0, priority=0,tcp,tp_dst=0x0/0x8000 actions=drop"},
		{"udp port ranges", Flow{Match: udp.UDPSrcMasked(1024, 0xfc00).UDPDstMasked(53, 0xffff)},
			"table=0, priority=0,udp,tp_src=0x400/0xfc00,tp_dst=53 actions=drop"},
		{"sctp", Flow{Match: sctp.SCTPSrc(1024).SCTPDst(5060)}, "table=0, priority=0,sctp,tp_src=1024,tp_dst=5060 actions=drop"},
		{"sctp port ranges", Flow{Match: sctp.SCTPSrcMasked(1024, 0).SCTPDstMasked(5060, 0xfffe)},
			"table=0, priority=0,sctp,tp_dst=0x13c4/0xfffe actions=drop"},
		{"tcp flags in part", Flow{Match: ip6.IPProto(6).TCPDst(80).TCPFlags(TCPFlagACK, TCPFlagSYN|TCPFlagACK)},
			"table=0, priority=0,tcp6,tp_dst=80,tcp_flags=-syn+ack actions=drop"},
		{"tcp flags", Flow{Match: tcp.TCPFlags(TCPFlagSYN, 0xffff)}, "table=0, priority=0,tcp,tcp_flags=syn actions=drop"},
		{"every ct bit", Flow{Match: m.EthType(0x0800).CTState(0xff, 0xff)},
			"table=0, priority=0,ct_state=new|est|rel|rpl|inv|trk|snat|dnat,ip actions=drop"},
		{"no ct bit", Flow{Match: m.EthType(0x0800).CTState(0, 0xff)}, "table=0, priority=0,ct_state=0,ip actions=drop"},
	}
}
