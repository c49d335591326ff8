package simswitch_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// script is one conversation. It has a switch without flows to itself; second
// is another controller's connection.
type script struct {
	name string
	run  func(t testing.TB, d, second *driver)
}

var (
	mac1   = openflow.MAC{2, 0, 0, 0, 0, 1}
	mac2   = openflow.MAC{2, 0, 0, 0, 0, 2}
	addr1  = netip.MustParseAddr("10.0.0.1")
	addr2  = netip.MustParseAddr("10.0.1.2")
	net24  = netip.MustParsePrefix("10.0.0.0/24")
	net8   = netip.MustParsePrefix("10.0.0.0/8")
	host1  = netip.MustParsePrefix("10.0.0.1/32")
	net6   = netip.MustParsePrefix("fd00:0:0:7::/64")
	host6  = netip.MustParsePrefix("fd00::7/128")
	none   openflow.Match
	ip     = slices.Clip(none.EthType(0x0800))
	arp    = slices.Clip(none.EthType(0x0806))
	drop   openflow.Instructions
	noActs openflow.Actions
)

func apply(a openflow.Actions) openflow.Instructions { return drop.ApplyActions(a) }

func out(p openflow.PortNo) openflow.Instructions { return apply(noActs.Output(p)) }

func add(f openflow.Flow) []byte { return f.AppendAdd(nil, 0) }

// mod is a flow-mod of another command.
func mod(cmd openflow.FlowCommand, f openflow.Flow, change func(*openflow.FlowMod)) []byte {
	m := openflow.NewFlowMod(cmd, f)
	if change != nil {
		change(m)
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// patch returns a copy of a message with bytes replaced from an offset on.
func patch(b []byte, at int, with ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], with)
	return b
}

// cut returns a message with another length, of which as much is there.
func cut(b []byte, n int) []byte {
	b = append(slices.Clone(b), make([]byte, max(0, n-len(b)))...)[:n]
	be.PutUint16(b[2:], uint16(n))
	return b
}

func dump(t testing.TB) []byte {
	return encode(t, openflow.AllFlows().Message(openflow.MultipartFlow))
}

func control(t testing.TB, id uint32, kind openflow.BundleControlType, flags openflow.BundleFlags) []byte {
	return encode(t, &openflow.BundleControl{BundleID: id, Kind: kind, Flags: flags})
}

const both = openflow.BundleAtomic | openflow.BundleOrdered

func put(id uint32, flags openflow.BundleFlags, m []byte) []byte {
	return openflow.AppendBundleAdd(nil, 0, id, flags, m)
}

// sample returns some flows in several tables with several cookies.
func sample() [][]byte {
	return [][]byte{
		add(openflow.Flow{Table: 0, Priority: 100, Cookie: 0x11, Match: ip.IPv4Dst(host1), Instructions: out(1)}),
		add(openflow.Flow{Table: 0, Priority: 100, Cookie: 0x12, Match: ip.IPv4Dst(net24), Instructions: out(2)}),
		add(openflow.Flow{Table: 0, Priority: 50, Cookie: 0x12, Match: ip.IPv4Dst(net24), Instructions: drop.GotoTable(10)}),
		add(openflow.Flow{Table: 10, Priority: 100, Cookie: 0x21, Match: arp.ARPTpa(addr1), Instructions: out(openflow.PortInPort)}),
		add(openflow.Flow{Table: 10, Priority: 1, Cookie: 0x11, Match: none, Instructions: out(openflow.PortNormal)}),
		add(openflow.Flow{Table: 253, Priority: 65535, Cookie: ^openflow.Cookie(0) - 1, Match: none.Metadata(7)}),
	}
}

// statsOf asks for flows, then for their sum.
func statsOf(t testing.TB, q openflow.FlowStatsRequest) [][]byte {
	return [][]byte{encode(t, q.Message(openflow.MultipartFlow)), encode(t, q.Message(openflow.MultipartAggregate))}
}

// scripts are the scripted exchanges of the conformance suite.
func scripts() []script {
	all := []script{
		{"what it is", func(t testing.TB, d, _ *driver) {
			d.send(encode(t, &openflow.FeaturesRequest{}), encode(t, &openflow.GetConfigRequest{}),
				encode(t, &openflow.SetConfig{MissSendLen: 0xffff}), encode(t, &openflow.GetConfigRequest{}),
				encode(t, openflow.DescRequest()), encode(t, openflow.PortDescRequest()),
				encode(t, openflow.PortStatsRequest(openflow.PortAny)), encode(t, openflow.PortStatsRequest(1)),
				encode(t, openflow.PortStatsRequest(77)), encode(t, &openflow.EchoRequest{Data: []byte("hello")}),
				encode(t, &openflow.EchoReply{Data: []byte("unasked")}), encode(t, &openflow.GetAsyncRequest{}))
		}},
		{"fragments, and answers in place", func(t testing.TB, d, _ *driver) {
			var a openflow.Actions
			d.send(encode(t, &openflow.SetConfig{Flags: openflow.FragNXMatch, MissSendLen: 0xffff}), encode(t, &openflow.GetConfigRequest{}),
				add(openflow.Flow{Table: 1, Cookie: 1, Match: ip.IPv4DstMasked(1, 0xff).IPFragLater().IPProto(1).Reg(2, 0x101).Metadata(7),
					Instructions: openflow.Instructions(nil).ApplyActions(a.Push(openflow.FieldEthDst, 0, 48).
						Move(openflow.FieldEthSrc, openflow.FieldEthDst, 0, 0, 48).Pop(openflow.FieldEthSrc, 0, 48).Output(openflow.PortInPort))}),
				add(openflow.Flow{Table: 1, Cookie: 2, Instructions: openflow.Instructions(nil).ApplyActions(
					a.Move(openflow.FieldInPort, openflow.FieldReg(2), 0, 0, 16).Load(openflow.FieldInPort, 0, 16, 3).OutputReg(openflow.FieldReg(2), 0, 16))}),
				dump(t), encode(t, &openflow.SetConfig{Flags: openflow.FragNormal, MissSendLen: 0xffff}), encode(t, &openflow.GetConfigRequest{}))
		}},
		{"add and overwrite", func(t testing.TB, d, _ *driver) {
			d.send(sample()...)
			d.send(dump(t), encode(t, openflow.TableStatsRequest()))
			d.send(add(openflow.Flow{Table: 0, Priority: 100, Cookie: 0x99, Match: ip.IPv4Dst(host1), Instructions: out(7), IdleTimeout: 0, HardTimeout: 9}),
				add(openflow.Flow{Table: 0, Priority: 100, Cookie: ^openflow.Cookie(0), Match: ip.IPv4Dst(net24), Instructions: out(9)}), dump(t))
		}},
		{"delete strict and loose", func(t testing.TB, d, _ *driver) {
			del := func(cmd openflow.FlowCommand, f openflow.Flow) []byte { return mod(cmd, f, nil) }
			for _, m := range [][]byte{
				del(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 100, Match: ip.IPv4Dst(net24)}),
				del(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 101, Match: ip.IPv4Dst(net24)}),
				del(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 100, Match: ip}),
				del(openflow.FlowDeleteStrict, openflow.Flow{Table: 255, Priority: 100, Match: ip.IPv4Dst(host1)}),
				del(openflow.FlowDelete, openflow.Flow{Table: 0, Match: ip}),
				del(openflow.FlowDelete, openflow.Flow{Table: 0, Match: ip.IPv4Dst(net24)}),
				del(openflow.FlowDelete, openflow.Flow{Table: 0, Match: ip.IPv4Dst(net8)}),
				del(openflow.FlowDelete, openflow.Flow{Table: 255, Match: ip.IPv4Dst(host1)}),
				del(openflow.FlowDelete, openflow.Flow{Table: 10}),
				del(openflow.FlowDelete, openflow.Flow{Table: 11}),
				del(openflow.FlowDelete, openflow.Flow{Table: 255}),
				mod(openflow.FlowDelete, openflow.Flow{Table: 255}, func(m *openflow.FlowMod) { m.OutPort = 2 }),
				mod(openflow.FlowDelete, openflow.Flow{Table: 255}, func(m *openflow.FlowMod) { m.OutPort = 5 }),
				mod(openflow.FlowDelete, openflow.Flow{Table: 255}, func(m *openflow.FlowMod) { m.OutGroup = 5 }),
			} {
				d.send(sample()...)
				d.send(m, dump(t))
			}
		}},
		{"delete by cookie", func(t testing.TB, d, _ *driver) {
			for _, m := range [][]byte{
				openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x11),
				openflow.AppendFlowDeleteByCookie(nil, 0, 10, 0x11),
				openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x77),
				openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0), // its own flows have it
				openflow.AppendFlowDeleteByCookie(nil, 0, 3, 0),
				openflow.AppendFlowDeleteByCookie(nil, 0, 254, 0),
				openflow.AppendFlowDeleteByCookie(nil, 0, 254, 1),
				mod(openflow.FlowDelete, openflow.Flow{Table: 255, Cookie: 0x10}, func(m *openflow.FlowMod) { m.CookieMask = 0xf0 }),
				mod(openflow.FlowDelete, openflow.Flow{Table: 255, Cookie: 0xffff1f}, func(m *openflow.FlowMod) { m.CookieMask = 0xf0 }),
				mod(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 100, Cookie: 0x12, Match: ip.IPv4Dst(net24)},
					func(m *openflow.FlowMod) { m.CookieMask = ^uint64(0) }),
				mod(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 100, Cookie: 0x11, Match: ip.IPv4Dst(net24)},
					func(m *openflow.FlowMod) { m.CookieMask = ^uint64(0) }),
				mod(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 100, Cookie: 0x11, Match: ip.IPv4Dst(net24)},
					func(m *openflow.FlowMod) { m.CookieMask = 0xf0 }),
			} {
				d.send(sample()...)
				d.send(m, dump(t))
			}
		}},
		{"modify", func(t testing.TB, d, _ *driver) {
			for _, m := range [][]byte{
				mod(openflow.FlowModify, openflow.Flow{Table: 0, Priority: 3, Cookie: 5, Match: ip, Instructions: out(3), HardTimeout: 7}, nil),
				mod(openflow.FlowModifyStrict, openflow.Flow{Table: 0, Priority: 50, Match: ip.IPv4Dst(net24), Instructions: out(3)}, nil),
				mod(openflow.FlowModifyStrict, openflow.Flow{Table: 0, Priority: 51, Match: ip.IPv4Dst(net24), Instructions: out(3)}, nil),
				mod(openflow.FlowModify, openflow.Flow{Table: 10, Cookie: 0x11, Instructions: out(4)},
					func(m *openflow.FlowMod) { m.CookieMask = ^uint64(0) }),
				mod(openflow.FlowModify, openflow.Flow{Table: 255, Instructions: out(4)}, nil),
				mod(openflow.FlowModify, openflow.Flow{Table: 0, Instructions: out(4), Flags: openflow.FlowResetCounts},
					func(m *openflow.FlowMod) { m.OutPort = 2 }),
			} {
				d.send(sample()...)
				d.send(m, dump(t))
			}
		}},
		{"statistics of some flows", func(t testing.TB, d, _ *driver) {
			d.send(sample()...)
			for _, change := range []func(*openflow.FlowStatsRequest){
				func(q *openflow.FlowStatsRequest) {},
				func(q *openflow.FlowStatsRequest) { q.Table = 0 },
				func(q *openflow.FlowStatsRequest) { q.Table = 5 },
				func(q *openflow.FlowStatsRequest) { q.OutPort = 2 },
				func(q *openflow.FlowStatsRequest) { q.OutPort = openflow.PortNormal },
				func(q *openflow.FlowStatsRequest) { q.OutGroup = 2 },
				func(q *openflow.FlowStatsRequest) { q.Match = ip },
				func(q *openflow.FlowStatsRequest) { q.Match = ip.IPv4Dst(net24) },
				func(q *openflow.FlowStatsRequest) { q.Match = none.Metadata(7) },
				func(q *openflow.FlowStatsRequest) { q.Cookie, q.CookieMask = 0x12, ^uint64(0) },
				func(q *openflow.FlowStatsRequest) { q.Cookie, q.CookieMask = 0x10, 0xf0 },
				func(q *openflow.FlowStatsRequest) { q.Match = none.IPv4Dst(net24) },
				func(q *openflow.FlowStatsRequest) { q.OutPort = 0xff01 },
			} {
				q := openflow.AllFlows()
				change(&q)
				d.send(statsOf(t, q)...)
			}
		}},
		{"many parts", func(t testing.TB, d, _ *driver) {
			d.send(slices.Collect(manyFlows(3000))...)
			d.send(statsOf(t, openflow.AllFlows())...)
			d.send(mod(openflow.FlowDelete, openflow.Flow{Table: 255}, nil), dump(t))
		}},
		{"flow removed", func(t testing.TB, d, second *driver) {
			d.send(add(openflow.Flow{Table: 3, Priority: 9, Cookie: 5, Match: ip, Flags: openflow.FlowSendRemoved, Instructions: out(1)}))
			d.send(add(openflow.Flow{Table: 3, Priority: 9, Cookie: 6, Match: ip, Flags: openflow.FlowSendRemoved, Instructions: out(2)}), dump(t))
			d.write(openflow.AppendFlowDeleteByCookie(nil, 0, 255, 6))
			d.await(1)
			second.await(1)
		}},
		{"roles", func(t testing.TB, d, second *driver) {
			role := func(r openflow.Role, generation uint64) []byte {
				return encode(t, &openflow.RoleRequest{Role: r, GenerationID: generation})
			}
			d.send(role(openflow.RoleNoChange, 0), role(openflow.RoleMaster, 5), role(openflow.RoleNoChange, 0))
			second.send(role(openflow.RoleNoChange, 0), role(openflow.RoleSlave, 4), role(openflow.RoleSlave, 5))
			second.send(sample()...)
			second.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, sample()[0]),
				encode(t, openflow.NewPacketOut([]byte("0123456789abcdef"), noActs.Output(1))), dump(t))
			second.send(role(openflow.RoleMaster, 6))
			d.send(role(openflow.RoleNoChange, 0), sample()[0], dump(t), role(openflow.RoleEqual, 0), sample()[0], dump(t))
			d.send(role(7, 0), cut(role(openflow.RoleMaster, 9), 16), role(openflow.RoleNoChange, 0))
			second.send(role(openflow.RoleEqual, 0))
		}},
		{"packet out", func(t testing.TB, d, second *driver) {
			frame := append(append(append([]byte{}, mac1[:]...), mac2[:]...), 0x88, 0xcc, 1, 2, 3, 4, 5, 6)
			d.send(encode(t, openflow.NewPacketOut(frame, noActs.Output(1))))
			d.write(d.stamp(encode(t, openflow.NewPacketOut(frame, noActs.Controller(0xffff)))))
			d.await(1)
			second.await(1)
			d.send(encode(t, openflow.NewPacketOut(frame, noActs.Output(0xff10))),
				encode(t, openflow.NewPacketOut(frame, noActs.Group(1))))
			m := openflow.NewPacketOut(nil, noActs.Output(1))
			m.BufferID = 4
			d.send(encode(t, m))
		}},
		{"asynchronous configuration", func(t testing.TB, d, second *driver) {
			d.send(encode(t, &openflow.SetAsync{AsyncMasks: openflow.AsyncMasks{PortStatus: [2]uint32{7, 7}, FlowRemoved: [2]uint32{0, 0}}}),
				encode(t, &openflow.GetAsyncRequest{}),
				add(openflow.Flow{Table: 3, Match: ip, Flags: openflow.FlowSendRemoved}),
				openflow.AppendFlowDeleteByCookie(nil, 0, 3, 0), dump(t))
			second.await(1)
		}},
	}
	all = append(all, refusals()...)
	all = append(all, bundles()...)
	all = append(all, groups()...)
	all = append(all, meters()...)
	return append(all, monitors()...)
}

// manyFlows yields flows that differ in their address.
func manyFlows(n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := range n {
			dst := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 32)
			f := openflow.Flow{Table: 60, Priority: 132, Cookie: openflow.Cookie(i) + 1, Match: ip.Reg(1, 7).IPv4Dst(dst),
				Instructions: apply(noActs.SetMetadata(5).SetEthSrc(mac1)).GotoTable(70)}
			if !yield(add(f)) {
				return
			}
		}
	}
}
