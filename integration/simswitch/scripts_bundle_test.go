package simswitch_test

import (
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// bundles are exchanges about bundles (ONF extension 230).
func bundles() []script {
	const (
		open, closing, commit, discard = openflow.BundleOpenRequest, openflow.BundleCloseRequest,
			openflow.BundleCommitRequest, openflow.BundleDiscardRequest
	)
	s := sample()
	return []script{
		{"bundle", func(t testing.TB, d, _ *driver) {
			d.send(control(t, 1, open, both), put(1, both, s[0]), put(1, both, s[1]), dump(t), control(t, 1, commit, both), dump(t))
			d.send(control(t, 1, open, both), put(1, both, openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x11)),
				put(1, both, s[3]), control(t, 1, closing, both), control(t, 1, commit, both), dump(t))
			d.send(control(t, 2, open, both), put(2, both, s[4]), control(t, 2, discard, both), dump(t))
			d.send(control(t, 3, open, both), control(t, 3, commit, both))
		}},
		{"bundle order", func(t testing.TB, d, _ *driver) {
			// Flows with the same masks, so that the bundle finds its own; see
			// step.
			d.send(s...)
			d.send(control(t, 1, open, both), put(1, both, s[1]), put(1, both, openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x12)),
				put(1, both, s[2]), put(1, both, s[0]),
				put(1, both, mod(openflow.FlowModify, openflow.Flow{Table: 0, Match: ip, Instructions: out(9)}, nil)),
				put(1, both, s[0]), control(t, 1, commit, both), dump(t))
		}},
		{"bundle that fails", func(t testing.TB, d, _ *driver) {
			overlap := add(openflow.Flow{Table: 0, Priority: 100, Match: ip, Flags: openflow.FlowCheckOverlap})
			group := add(openflow.Flow{Table: 0, Priority: 7, Match: ip, Instructions: apply(noActs.Group(4))})
			d.send(s...)
			for _, bad := range [][]byte{overlap, group, openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0)} {
				d.send(control(t, 1, open, both),
					put(1, both, openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x11)),
					put(1, both, mod(openflow.FlowModify, openflow.Flow{Table: 0, Match: ip, Instructions: out(9)}, nil)),
					put(1, both, mod(openflow.FlowDelete, openflow.Flow{Table: 10}, nil)),
					put(1, both, add(openflow.Flow{Table: 10, Priority: 3, Match: arp, Cookie: 4})),
					put(1, both, s[1]), put(1, both, bad), put(1, both, s[0]), control(t, 1, commit, both), dump(t),
					control(t, 1, commit, both))
			}
		}},
		{"bundle errors", func(t testing.TB, d, _ *driver) {
			d.send(control(t, 1, commit, both), control(t, 1, closing, both), control(t, 1, discard, both))
			d.send(control(t, 1, open, both), control(t, 1, open, both), control(t, 1, commit, both))
			d.send(control(t, 1, open, both), control(t, 1, commit, openflow.BundleAtomic), control(t, 1, commit, both))
			d.send(control(t, 1, open, both), control(t, 1, closing, openflow.BundleAtomic), control(t, 1, commit, both))
			d.send(control(t, 1, open, both), control(t, 1, closing, both), control(t, 1, closing, both), control(t, 1, commit, both))
			d.send(control(t, 1, open, both), control(t, 1, closing, both), put(1, both, s[0]), control(t, 1, commit, both), dump(t))
			d.send(control(t, 1, open, both), put(1, openflow.BundleOrdered, s[0]), control(t, 1, commit, both), dump(t))
			d.send(put(5, both, s[0]), control(t, 5, commit, both), dump(t)) // opens by itself
			d.send(control(t, 6, openflow.BundleCommitReply, both), control(t, 7, open, 0), control(t, 7, commit, 0),
				control(t, 8, open, 0xff00), control(t, 8, commit, 0xff00))
		}},
		{"bundled message errors", func(t testing.TB, d, _ *driver) {
			badMatch := add(openflow.Flow{Match: none.IPv4Dst(host1)})
			d.send(control(t, 1, open, both), put(1, both, s[0]), put(1, both, badMatch), put(1, both, s[1]), control(t, 1, commit, both), dump(t))
			inner := put(1, both, s[2])
			d.send(control(t, 1, open, both), put(1, both, encode(t, &openflow.EchoRequest{})), put(1, both, encode(t, &openflow.BarrierRequest{})),
				patch(inner, 28, 9, 9, 9, 9), patch(inner, 24, 5), patch(inner, 26, 0, 4), patch(inner, 26, 0xff, 0), cut(inner, 28), cut(inner, 24),
				patch(inner, 25, 77), control(t, 1, commit, both), dump(t))
		}},
	}
}

// monitors are exchanges about flow monitors (ONF extension 187).
func monitors() []script {
	s := sample()
	ask := func(t testing.TB, id uint32, flags openflow.MonitorFlags, change func(*openflow.FlowMonitorRequest)) []byte {
		q := openflow.AllFlowChanges()
		q.ID, q.Flags = id, flags
		if change != nil {
			change(&q)
		}
		return encode(t, q.Message())
	}
	const (
		events = openflow.MonitorAdd | openflow.MonitorDelete | openflow.MonitorModify
		full   = events | openflow.MonitorActions
	)
	change := func(d *driver) {
		d.send(s...)
		d.send(add(openflow.Flow{Table: 0, Priority: 100, Cookie: 0x99, Match: ip.IPv4Dst(host1), Instructions: out(7)}), s[1])
		d.send(mod(openflow.FlowModify, openflow.Flow{Table: 0, Match: ip.IPv4Dst(host1), Instructions: out(9)}, nil))
		d.send(mod(openflow.FlowModify, openflow.Flow{Table: 0, Match: ip.IPv4Dst(host1), Instructions: out(9)}, nil))
		d.send(mod(openflow.FlowDeleteStrict, openflow.Flow{Table: 0, Priority: 50, Match: ip.IPv4Dst(net24)}, nil))
		d.send(openflow.AppendFlowDeleteByCookie(nil, 0, 10, 0x11), openflow.AppendFlowDeleteByCookie(nil, 0, 10, 0x77))
	}
	watch := func(name string, flags openflow.MonitorFlags, with func(*openflow.FlowMonitorRequest)) script {
		return script{"monitor " + name, func(t testing.TB, d, second *driver) {
			second.send(ask(t, 1, flags, with))
			change(d)
			second.send()
		}}
	}
	return []script{
		watch("all", full, nil), watch("without instructions", events, nil), watch("additions", openflow.MonitorAdd, nil),
		watch("deletions", openflow.MonitorDelete|openflow.MonitorActions, nil), watch("modifications", openflow.MonitorModify|openflow.MonitorActions, nil),
		watch("a table", full, func(q *openflow.FlowMonitorRequest) { q.Table = 10 }),
		watch("a port", full, func(q *openflow.FlowMonitorRequest) { q.OutPort = 7 }),
		watch("a match", full, func(q *openflow.FlowMonitorRequest) { q.Match = ip.IPv4Dst(net24) }),
		{"monitor own changes", func(t testing.TB, d, _ *driver) {
			d.send(ask(t, 1, full, nil))
			change(d)
			d.send(ask(t, 2, full|openflow.MonitorOwn, func(q *openflow.FlowMonitorRequest) { q.Table = 10 }))
			change(d)
		}},
		{"monitor initial", func(t testing.TB, d, second *driver) {
			d.send(s...)
			second.send(ask(t, 1, full|openflow.MonitorInitial, nil))
			second.send(ask(t, 2, events|openflow.MonitorInitial, func(q *openflow.FlowMonitorRequest) { q.Table = 10 }))
		}},
		{"monitor a bundle", func(t testing.TB, d, second *driver) {
			second.send(ask(t, 1, full, nil))
			d.send(ask(t, 1, full, nil))
			d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, s[0]), put(1, both, s[1]),
				put(1, both, openflow.AppendFlowDeleteByCookie(nil, 0, 255, 0x12)), put(1, both, s[2]), control(t, 1, openflow.BundleCommitRequest, both))
			d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, s[3]),
				put(1, both, add(openflow.Flow{Instructions: apply(noActs.Group(1))})), control(t, 1, openflow.BundleCommitRequest, both))
			second.send()
		}},
		{"monitor cancel", func(t testing.TB, d, second *driver) {
			// Not asked for: monitors that would be refused. Open vSwitch 3.1
			// answers those with an error whose header and data are other
			// memory of its own (handle_flow_monitor_request, b->data).
			second.send(ask(t, 1, full, nil), ask(t, 3, openflow.MonitorAdd, nil))
			second.send(encode(t, &openflow.FlowMonitorCancel{MonitorID: 7}), encode(t, &openflow.FlowMonitorCancel{MonitorID: 1}),
				encode(t, &openflow.FlowMonitorCancel{MonitorID: 1}))
			change(d)
			second.send()
		}},
	}
}
