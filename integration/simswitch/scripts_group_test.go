package simswitch_test

import (
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

var noBuckets openflow.Buckets

// bucket is a bucket that watches nothing.
func bucket(a openflow.Actions) openflow.Bucket {
	return openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: a}
}

// weighted is a bucket of a select group.
func weighted(weight uint16, a openflow.Actions) openflow.Bucket {
	b := bucket(a)
	b.Weight = weight
	return b
}

// watching is a bucket of a fast failover group.
func watching(p openflow.PortNo, a openflow.Actions) openflow.Bucket {
	b := bucket(a)
	b.WatchPort = p
	return b
}

func groupMod(cmd openflow.GroupCommand, g openflow.Group) []byte {
	return mustEncode(&openflow.GroupMod{Command: cmd, Group: g})
}

func addGroup(id uint32, typ openflow.GroupType, buckets ...openflow.Bucket) []byte {
	g := openflow.Group{ID: id, Type: typ}
	for _, b := range buckets {
		g.Buckets = g.Buckets.Add(b)
	}
	return groupMod(openflow.GroupAdd, g)
}

func deleteGroup(id uint32) []byte { return openflow.AppendGroupDelete(nil, 0, id) }

// as returns a group-mod with another command.
func as(cmd openflow.GroupCommand, m []byte) []byte { return patch(m, 8, byte(cmd>>8), byte(cmd)) }

// flowToGroup is a flow in a table of its own for each priority.
func flowToGroup(priority uint16, ids ...uint32) []byte {
	a := noActs
	for _, id := range ids {
		a = a.Group(id)
	}
	return add(openflow.Flow{Table: 2, Priority: priority, Cookie: openflow.Cookie(priority), Match: ip, Instructions: apply(a)})
}

// saysRemoved has a flow of flowToGroup or flowToMeter say when it is removed.
func saysRemoved(m []byte) []byte { return patch(m, 44, 0, byte(openflow.FlowSendRemoved)) }

// showGroups asks for all that there is to know of groups, and for the flows.
func showGroups(t testing.TB) [][]byte {
	return [][]byte{encode(t, openflow.GroupDescRequest()), encode(t, openflow.GroupStatsRequest(openflow.GroupAll)), dump(t)}
}

// sampleGroups returns a group of each type.
func sampleGroups() [][]byte {
	return [][]byte{
		addGroup(1, openflow.GroupTypeAll, bucket(noActs.Output(1)), bucket(noActs.Output(2))),
		addGroup(2, openflow.GroupTypeSelect, weighted(10, noActs.SetEthDst(mac1).Output(1)), weighted(1, noActs.Resubmit(openflow.PortInPort, 20)), weighted(0, noActs)),
		addGroup(3, openflow.GroupTypeIndirect, bucket(noActs.PushVLAN(0x8100).SetVLANVID(7).Output(1))),
		addGroup(4, openflow.GroupTypeFastFailover, watching(1, noActs.Output(1)), watching(openflow.PortLocal, noActs.Group(1))),
		addGroup(openflow.GroupMax, openflow.GroupTypeAll),
	}
}

// badGroups are group-mods that a switch must refuse, or must not.
func badGroups() [][]byte {
	const all, sel, ind, ff = openflow.GroupTypeAll, openflow.GroupTypeSelect, openflow.GroupTypeIndirect, openflow.GroupTypeFastFailover
	raw := func(b ...byte) openflow.Bucket { return bucket(openflow.Actions(b)) }
	a := noActs
	one := addGroup(9, all, bucket(a.Output(1)))
	watchGroup := openflow.Bucket{WatchPort: openflow.PortAny, WatchGroup: 77}
	both := openflow.Bucket{WatchPort: 1, WatchGroup: 1, Weight: 1}
	list := [][]byte{
		addGroup(9, all, weighted(1, a)), addGroup(9, ind, weighted(1, a)), addGroup(9, ff, openflow.Bucket{Weight: 1, WatchPort: 1, WatchGroup: openflow.GroupAny}),
		addGroup(9, ind), addGroup(9, ind, bucket(a), bucket(a)), addGroup(9, ff, bucket(a)), addGroup(9, all, watching(1, a)), addGroup(9, ind, watchGroup),
		addGroup(9, sel, both), addGroup(9, ff, watchGroup), addGroup(9, ff, watching(99, a)), addGroup(9, ff, watching(0xff00, a)), addGroup(9, all, watching(0xff00, a)),
		addGroup(9, sel), addGroup(9, ff), addGroup(9, all), addGroup(9, 4), addGroup(9, 255, bucket(a)), addGroup(9, 4, weighted(3, a)),
		addGroup(openflow.GroupMax+1, all), addGroup(openflow.GroupAll, all), addGroup(openflow.GroupAny, all), addGroup(0, all, bucket(a)),
		addGroup(0xfffffff0, 7), as(7, addGroup(9, all)), as(4, addGroup(9, all, weighted(3, a))), as(0xffff, addGroup(9, 9)),
		as(openflow.GroupModify, addGroup(9, all)), as(openflow.GroupModify, addGroup(openflow.GroupAll, all)), as(openflow.GroupAddOrModify, addGroup(openflow.GroupAll, all)),
		as(openflow.GroupDelete, one), as(openflow.GroupDelete, addGroup(9, ind)), as(openflow.GroupDelete, addGroup(9, 200)), deleteGroup(9), deleteGroup(openflow.GroupAny),
		cut(one, 8), cut(one, 12), cut(one, 16), cut(one, 24), cut(one, 36), cut(one, 40), cut(one, len(one)+8), patch(one, 16, 0, 8), patch(one, 16, 0, 15), patch(one, 16, 0, 28),
		patch(one, 16, 0, 24), patch(one, 16, 0, 16), patch(one, 16, 0xff, 0xf8), patch(one, 28, 1, 2, 3, 4), patch(one, 11, 1),
		// What a bucket does is not held to what a flow must be.
		addGroup(9, all, raw(0, 99, 0, 8, 0, 0, 0, 0)), addGroup(9, all, raw(0, 0, 0, 8, 0, 0, 0, 1)), addGroup(9, all, raw(0, 22, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
		addGroup(9, all, bucket(a.Output(0xff00))), addGroup(9, all, bucket(a.Output(openflow.PortAny))), addGroup(9, all, bucket(a.Output(0))), addGroup(9, all, bucket(a.Output(0xfffffff0))),
		addGroup(9, all, bucket(a.Output(0xff00)), bucket(openflow.Actions{0, 99, 0, 8, 0, 0, 0, 0})),
		addGroup(9, all, bucket(a.Group(77))), addGroup(9, all, bucket(a.Group(9))), addGroup(9, all, bucket(a.Group(openflow.GroupAny))), addGroup(9, all, bucket(a.PopVLAN())),
		addGroup(9, all, bucket(a.PushVLAN(0x9999))), addGroup(9, all, bucket(a.DecTTL())), addGroup(9, all, bucket(a.SetIPv4Dst(addr1).SetVLANVID(3))),
		addGroup(9, all, bucket(a.SetField(none.IPProto(6)))), addGroup(9, all, bucket(a.SetField(none.InPort(3)))), addGroup(9, all, bucket(a.SetQueue(3).Output(1).Output(1))),
		addGroup(9, all, bucket(a.Load(openflow.FieldReg(1), 0, 8, 0x1ff))), addGroup(9, all, bucket(a.Load(openflow.FieldReg(1), 30, 8, 1))),
		addGroup(9, all, bucket(a.Load(openflow.FieldEthType, 0, 16, 1))), addGroup(9, all, bucket(a.Move(openflow.FieldReg(1), openflow.FieldEthType, 0, 0, 16))),
		addGroup(9, all, bucket(a.Move(openflow.FieldARPSpa, openflow.FieldIPv4Dst, 0, 0, 32))), addGroup(9, all, bucket(a.CT(openflow.CT{Commit: true, Zone: 3}))),
		addGroup(9, all, bucket(a.Controller(100))), addGroup(9, all, raw(append(a.Output(openflow.PortAny), 0, 99, 0, 8, 0, 0, 0, 0)...)),
		addGroup(9, all, raw(append(a.Load(openflow.FieldReg(1), 30, 8, 1), 0, 99, 0, 8, 0, 0, 0, 0)...)), addGroup(9, all, raw(append(a.Load(openflow.FieldEthType, 0, 16, 1), 0, 99, 0, 8, 0, 0, 0, 0)...)),
		addGroup(9, all, bucket(a.Output(openflow.PortAny)), raw(0, 99, 0, 8, 0, 0, 0, 0)), addGroup(9, all, bucket(a.Output(openflow.PortAny)), bucket(a.PushVLAN(1))),
		addGroup(9, all, watching(0xff00, a.Output(openflow.PortAny))), addGroup(9, 9, bucket(a.Output(openflow.PortAny))), addGroup(9, all, watching(0xff00, a), bucket(a.Output(openflow.PortAny))),
		addGroup(9, all, bucket(a.Output(openflow.PortAny).Load(openflow.FieldReg(1), 30, 8, 1))), addGroup(9, all, bucket(a.Load(openflow.FieldIPTTL, 0, 8, 64))),
	}
	return list
}

// groups are exchanges about the group table.
func groups() []script {
	show := showGroups
	return []script{
		{"groups", func(t testing.TB, d, _ *driver) {
			d.send(encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartGroupFeatures}))
			d.send(append(sampleGroups(), show(t)...)...)
			d.send(encode(t, openflow.GroupStatsRequest(2)), encode(t, openflow.GroupStatsRequest(77)), encode(t, openflow.GroupStatsRequest(openflow.GroupAny)))
			d.send(append(sampleGroups()[:2], show(t)...)...) // they are there
			d.send(as(openflow.GroupModify, addGroup(1, openflow.GroupTypeSelect, weighted(5, noActs.Output(9)))),
				as(openflow.GroupModify, addGroup(7, openflow.GroupTypeAll)), as(openflow.GroupAddOrModify, addGroup(7, openflow.GroupTypeAll)),
				as(openflow.GroupAddOrModify, addGroup(7, openflow.GroupTypeAll, bucket(noActs.Output(3)))))
			d.send(show(t)...)
			d.send(append([][]byte{deleteGroup(2), deleteGroup(2), deleteGroup(99)}, show(t)...)...)
			d.send(append([][]byte{deleteGroup(openflow.GroupAll)}, show(t)...)...)
		}},
		{"groups in parts", func(t testing.TB, d, _ *driver) {
			for id := range uint32(700) {
				g := addGroup(id, openflow.GroupTypeSelect, weighted(1, noActs.Output(openflow.PortNo(id))), weighted(2, noActs.Output(1).Output(2).Output(3)))
				d.write(d.stamp(g))
			}
			d.send(show(t)...)
		}},
		{"group errors", func(t testing.TB, d, _ *driver) {
			for i, m := range badGroups() {
				d.note("group-mod %d: % x", i, m)
				d.send(append([][]byte{m}, show(t)...)...)
				d.send(deleteGroup(openflow.GroupAll))
			}
			desc := encode(t, openflow.GroupDescRequest())
			stats := encode(t, openflow.GroupStatsRequest(1))
			d.send(cut(desc, 24), cut(stats, 16), cut(stats, 20), cut(stats, 32), cut(encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartGroupFeatures}), 24))
		}},
		{"flows and groups", func(t testing.TB, d, second *driver) {
			d.send(flowToGroup(1, 1))
			d.send(append(sampleGroups(), saysRemoved(flowToGroup(1, 1)), saysRemoved(flowToGroup(2, 1, 2)), flowToGroup(3, 77), flowToGroup(4, 2, 77),
				add(openflow.Flow{Table: 3, Match: ip, Instructions: drop.WriteActions(noActs.Group(3))}))...)
			d.send(show(t)...)
			d.send(mod(openflow.FlowModify, openflow.Flow{Table: 2, Instructions: apply(noActs.Group(9))}, nil),
				mod(openflow.FlowModifyStrict, openflow.Flow{Table: 3, Match: ip, Instructions: apply(noActs.Group(4))}, nil),
				mod(openflow.FlowModify, openflow.Flow{Table: 9, Instructions: apply(noActs.Group(9))}, nil),
				encode(t, openflow.NewPacketOut([]byte("0123456789abcdef"), noActs.Group(9))),
				addGroup(9, openflow.GroupTypeAll), encode(t, openflow.NewPacketOut([]byte("0123456789abcdef"), noActs.Group(9))), deleteGroup(9))
			d.send(show(t)...)
			d.send(as(openflow.GroupModify, addGroup(1, openflow.GroupTypeAll, bucket(noActs.Output(3)))))
			d.send(show(t)...)
			for _, group := range []uint32{1, 3, 4, 77, openflow.GroupAll} {
				q := openflow.AllFlows()
				q.OutGroup = group
				d.send(statsOf(t, q)...)
			}
			d.write(mod(openflow.FlowDelete, openflow.Flow{Table: 255}, func(m *openflow.FlowMod) { m.OutGroup = 2 }))
			d.await(1) // FLOW_REMOVED
			second.await(1)
			d.send(show(t)...)
			// What chains to a group stays without it.
			d.write(deleteGroup(1))
			d.await(1)
			second.await(1)
			d.send(show(t)...)
			d.send(deleteGroup(openflow.GroupAll))
			d.send(show(t)...)
		}},
		{"groups in bundles", func(t testing.TB, d, _ *driver) {
			in := func(end openflow.BundleControlType, all ...[]byte) {
				d.send(control(t, 1, openflow.BundleOpenRequest, both))
				for _, m := range all {
					d.send(put(1, both, m))
				}
				d.send(control(t, 1, end, both))
				d.send(show(t)...)
			}
			const commit = openflow.BundleCommitRequest
			in(commit, append(sampleGroups(), flowToGroup(1, 1), flowToGroup(2, 2), flowToGroup(3, 4, 1))...)
			in(commit, as(openflow.GroupModify, addGroup(1, openflow.GroupTypeSelect)), deleteGroup(openflow.GroupMax), addGroup(8, openflow.GroupTypeAll), flowToGroup(4, 8),
				mod(openflow.FlowModifyStrict, openflow.Flow{Table: 2, Priority: 1, Match: ip, Instructions: apply(noActs.Group(8))}, nil))
			// Refused: all is as it was.
			for _, bad := range [][]byte{flowToGroup(9, 99), addGroup(1, openflow.GroupTypeAll), as(openflow.GroupModify, addGroup(99, openflow.GroupTypeAll)), addGroup(openflow.GroupAll, openflow.GroupTypeAll)} {
				in(commit, addGroup(9, openflow.GroupTypeAll), flowToGroup(9, 9), flowToGroup(1, 9), as(openflow.GroupModify, addGroup(2, openflow.GroupTypeFastFailover)),
					deleteGroup(3), addGroup(3, openflow.GroupTypeAll), mod(openflow.FlowDelete, openflow.Flow{Table: 255}, func(m *openflow.FlowMod) { m.OutGroup = 1 }),
					deleteGroup(1), addGroup(1, openflow.GroupTypeAll), bad, flowToGroup(7, 1))
			}
			in(openflow.BundleDiscardRequest, deleteGroup(openflow.GroupAll))
			in(commit, openflow.AppendFlowDeleteByCookie(nil, 0, 2, 2), deleteGroup(2), flowToGroup(2, 2)) // which there is not
			in(commit, deleteGroup(8), addGroup(8, openflow.GroupTypeSelect), flowToGroup(4, 8), deleteGroup(4))
			in(commit, deleteGroup(openflow.GroupAll), addGroup(2, openflow.GroupTypeSelect))
			d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, addGroup(9, 77)), put(1, both, addGroup(9, openflow.GroupTypeIndirect)),
				put(1, both, cut(addGroup(9, 1), 12)), put(1, both, addGroup(9, openflow.GroupTypeAll)), control(t, 1, commit, both))
			d.send(show(t)...)
		}},
		{"monitor groups", func(t testing.TB, d, second *driver) {
			q := openflow.AllFlowChanges()
			q.ID, q.Flags = 1, openflow.MonitorAdd|openflow.MonitorDelete|openflow.MonitorModify|openflow.MonitorActions
			noRemovals := encode(t, &openflow.SetAsync{})
			for _, one := range []*driver{d, second} {
				one.send(noRemovals, encode(t, q.Message()))
			}
			d.send(append(sampleGroups(), flowToGroup(1, 1), flowToGroup(2, 2))...)
			d.send(as(openflow.GroupModify, addGroup(1, openflow.GroupTypeAll)), deleteGroup(1))
			d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, flowToGroup(3, 3)), put(1, both, deleteGroup(2)), put(1, both, deleteGroup(3)),
				put(1, both, flowToGroup(4, 4)), control(t, 1, openflow.BundleCommitRequest, both))
			second.send()
		}},
		{"forwarded group-mods", func(t testing.TB, d, second *driver) {
			want := func(kind uint16, mask uint32) []byte {
				return encode(t, &openflow.SetAsyncConfig{Properties: []openflow.AsyncProperty{{Kind: kind, Mask: mask}}})
			}
			change := func() {
				d.send(sampleGroups()...)
				d.send(as(openflow.GroupModify, addGroup(1, openflow.GroupTypeSelect)), as(openflow.GroupAddOrModify, addGroup(1, openflow.GroupTypeAll)),
					as(openflow.GroupAddOrModify, addGroup(50, openflow.GroupTypeAll)), as(openflow.GroupModify, addGroup(99, openflow.GroupTypeSelect)),
					deleteGroup(1), deleteGroup(1), deleteGroup(openflow.GroupAll), as(openflow.GroupDelete, addGroup(9, 2)))
				d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, addGroup(1, openflow.GroupTypeAll)), put(1, both, as(openflow.GroupAddOrModify, addGroup(1, openflow.GroupTypeSelect))),
					put(1, both, flowToGroup(1, 1)), control(t, 1, openflow.BundleCommitRequest, both))
				d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, addGroup(5, openflow.GroupTypeAll)), put(1, both, addGroup(5, openflow.GroupTypeAll)), control(t, 1, openflow.BundleCommitRequest, both))
				second.send()
				d.send(mod(openflow.FlowDelete, openflow.Flow{Table: 255, Cookie: 1}, nil))
				d.send(deleteGroup(openflow.GroupAll))
				second.send()
			}
			change()
			d.send(want(openflow.AsyncRequestForwardMaster, openflow.AsyncGroupMods))
			second.send(want(openflow.AsyncRequestForwardMaster, openflow.AsyncGroupMods))
			change()
			second.send(want(openflow.AsyncRequestForwardMaster, openflow.AsyncMeterMods), want(openflow.AsyncRequestForwardSlave, openflow.AsyncGroupMods))
			change()
			second.send(want(openflow.AsyncRequestForwardMaster, openflow.AsyncGroupMods), encode(t, &openflow.SetAsync{AsyncMasks: openflow.AsyncMasks{FlowRemoved: [2]uint32{15, 15}}}))
			change()
		}},
		{"asynchronous configuration by properties", func(t testing.TB, d, _ *driver) {
			set := func(all ...openflow.AsyncProperty) []byte {
				return encode(t, &openflow.SetAsyncConfig{Properties: all})
			}
			get := encode(t, &openflow.GetAsyncRequest{})
			one := set(openflow.AsyncProperty{Kind: 5, Mask: 3})
			d.send(set(), get)
			for kind := range uint16(14) {
				for _, mask := range []uint32{0, 1, 2, 4, 8, 0x10, 0x20, 0x40} {
					d.send(set(openflow.AsyncProperty{Kind: 5, Mask: 0xf}, openflow.AsyncProperty{Kind: kind, Mask: mask}), get)
				}
			}
			d.send(patch(one, 18, 0, 3), patch(one, 18, 0, 7), patch(one, 18, 0, 9), patch(one, 18, 0, 16), patch(one, 16, 0xff, 0xff), patch(one, 16, 0xff, 0xff, 0, 12), cut(one, 20), cut(one, 32),
				patch(cut(one, 32), 16, 0xff, 0xff, 0, 16), patch(cut(one, 32), 16, 0xff, 0xff, 0, 16, 0, 0, 0, 0), patch(cut(one, 32), 16, 0, 5, 0, 12), get)
			d.send(encode(t, &openflow.SetAsync{AsyncMasks: openflow.AsyncMasks{PacketIn: [2]uint32{0xff, 0xff}, PortStatus: [2]uint32{0xff, 0xff}, FlowRemoved: [2]uint32{0xff, 0xff}}}), get)
		}},
		{"groups of a slave", func(t testing.TB, d, second *driver) {
			d.send(encode(t, &openflow.RoleRequest{Role: openflow.RoleSlave, GenerationID: 9}))
			d.send(slices.Concat(sampleGroups()[:1], [][]byte{deleteGroup(openflow.GroupAll), meterMod(openflow.MeterAdd, openflow.Meter{ID: 1})}, show(t))...)
		}},
	}
}
