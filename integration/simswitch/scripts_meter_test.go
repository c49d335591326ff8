package simswitch_test

import (
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

var noBands openflow.Bands

func meterMod(cmd openflow.MeterCommand, m openflow.Meter) []byte { return m.AppendMod(nil, 0, cmd) }

func addMeter(id uint32, flags openflow.MeterFlags, bands openflow.Bands) []byte {
	return meterMod(openflow.MeterAdd, openflow.Meter{ID: id, Flags: flags, Bands: bands})
}

func deleteMeter(id uint32) []byte { return openflow.AppendMeterDelete(nil, 0, id) }

func flowToMeter(priority uint16, id uint32) []byte {
	return add(openflow.Flow{Table: 2, Priority: priority, Cookie: openflow.Cookie(priority), Match: ip,
		Instructions: drop.GotoTable(9).Meter(id)})
}

// showMeters asks for all that there is to know of meters, and for the flows.
func showMeters(t testing.TB) [][]byte {
	return [][]byte{encode(t, openflow.MeterConfigRequest(openflow.MeterAll)), encode(t, openflow.MeterStatsRequest(openflow.MeterAll)), dump(t)}
}

// The virtual meters of Open vSwitch.
const (
	meterSlowpath   = 0xfffffffd
	meterController = 0xfffffffe
)

// sampleMeters returns meters of several kinds.
func sampleMeters() [][]byte {
	return [][]byte{
		addMeter(1, openflow.MeterKbps, noBands.Drop(100, 0)),
		addMeter(2, openflow.MeterPktps|openflow.MeterBurst, noBands.Drop(100, 7)),
		addMeter(openflow.MeterMax, openflow.MeterKbps|openflow.MeterStats, noBands.Drop(5, 9).Drop(7, 0)),
		addMeter(meterController, openflow.MeterPktps|openflow.MeterBurst, noBands.Drop(1000, 0)),
		addMeter(meterSlowpath, openflow.MeterPktps, noBands.Drop(1000, 100)),
	}
}

// badMeters are meter-mods that a switch must refuse, or must not.
func badMeters() [][]byte {
	const kbps, pktps = openflow.MeterKbps, openflow.MeterPktps
	band := noBands.Drop(10, 0)
	one := addMeter(9, kbps, band)
	bands := func(n int) openflow.Bands {
		var l openflow.Bands
		for i := range n {
			l = l.Drop(uint32(i)+1, 0)
		}
		return l
	}
	return [][]byte{
		addMeter(0, kbps, band), addMeter(openflow.MeterMax+1, kbps, band), addMeter(openflow.MeterAll, kbps, band), addMeter(0xfffffffc, kbps, band),
		addMeter(9, 0, band), addMeter(9, kbps|pktps, band), addMeter(9, kbps|0x10, band), addMeter(9, 0x8000|pktps, band), addMeter(9, openflow.MeterBurst, band), addMeter(9, kbps|0xc, band),
		addMeter(9, kbps, nil), addMeter(9, 0, nil), addMeter(9, kbps, noBands.Drop(0, 1)), addMeter(9, kbps|openflow.MeterBurst, noBands.Drop(3, 0)), addMeter(9, kbps, bands(8)), addMeter(9, kbps, bands(9)),
		addMeter(0, kbps, bands(9)), addMeter(9, 0, bands(9)), addMeter(9, 0x10|kbps, noBands.Drop(0, 0)), addMeter(9, 0x10|kbps, noBands.DSCPRemark(1, 0, 1)),
		addMeter(9, kbps, noBands.DSCPRemark(10, 0, 1)), addMeter(9, kbps, noBands.DSCPRemark(0, 0, 1)), addMeter(9, kbps, noBands.Drop(1, 1).DSCPRemark(10, 0, 1)),
		addMeter(9, kbps|openflow.MeterBurst, noBands.Drop(0xffffffff, 0xffffffff)), patch(one, 28, 1, 2, 3, 4),
		patch(one, 16, 0, 3), patch(one, 16, 0xff, 0xff), patch(one, 18, 0, 15), patch(one, 18, 0, 24), patch(one, 8, 0, 3), patch(one, 8, 0xff, 0xff),
		cut(one, 8), cut(one, 12), cut(one, 16), cut(one, 24), cut(one, 28), cut(one, 40), cut(one, 48), cut(patch(one, 8, 0, 3), 24),
		patch(one, 8, 0, 1), patch(addMeter(9, kbps|pktps, band), 8, 0, 1), patch(addMeter(9, 0, band), 8, 0, 1), patch(one, 8, 0, 2), patch(addMeter(9, kbps|pktps, noBands.Drop(0, 0)), 8, 0, 2), patch(cut(one, 24), 8, 0, 2),
		deleteMeter(9), deleteMeter(0), deleteMeter(openflow.MeterMax + 1), deleteMeter(meterController),
	}
}

// meters are exchanges about the meter table.
func meters() []script {
	show := showMeters
	modify := func(m []byte) []byte { return patch(m, 8, 0, byte(openflow.MeterModify)) }
	return []script{
		{"meters", func(t testing.TB, d, _ *driver) {
			d.send(encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartMeterFeatures}))
			d.send(append(sampleMeters(), show(t)...)...)
			for _, id := range []uint32{0, 1, 9, openflow.MeterMax, meterController, meterSlowpath} {
				d.send(encode(t, openflow.MeterConfigRequest(id)), encode(t, openflow.MeterStatsRequest(id)))
			}
			d.send(append(sampleMeters(), show(t)...)...)
			d.send(modify(addMeter(1, openflow.MeterPktps, noBands.Drop(5, 5).Drop(6, 0))), modify(addMeter(7, openflow.MeterPktps, noBands.Drop(5, 0))), modify(addMeter(1, openflow.MeterPktps, nil)),
				modify(addMeter(meterController, openflow.MeterPktps, noBands.Drop(5, 5))))
			d.send(show(t)...)
			d.send(append([][]byte{deleteMeter(2), deleteMeter(2), deleteMeter(meterSlowpath)}, show(t)...)...)
			d.send(append([][]byte{deleteMeter(openflow.MeterAll)}, show(t)...)...)
		}},
		{"meters in parts", func(t testing.TB, d, _ *driver) {
			for id := range uint32(1000) {
				d.write(d.stamp(addMeter(id+1, openflow.MeterKbps, noBands.Drop(id+1, 0).Drop(id+2, 1).Drop(id+3, 1).Drop(id+4, 1))))
			}
			d.send(show(t)...)
			d.send(deleteMeter(openflow.MeterAll))
		}},
		{"meter errors", func(t testing.TB, d, _ *driver) {
			for i, m := range badMeters() {
				d.note("meter-mod %d: % x", i, m)
				d.send(append([][]byte{m}, show(t)...)...)
				d.send(deleteMeter(openflow.MeterAll))
			}
			for _, m := range [][]byte{encode(t, openflow.MeterConfigRequest(1)), encode(t, openflow.MeterStatsRequest(1))} {
				d.send(cut(m, 16), cut(m, 20), cut(m, 32))
			}
			d.send(cut(encode(t, &openflow.MultipartRequest{Kind: openflow.MultipartMeterFeatures}), 24))
			d.send(control(t, 1, openflow.BundleOpenRequest, both), put(1, both, sampleMeters()[0]), control(t, 1, openflow.BundleCommitRequest, both))
		}},
		{"flows and meters", func(t testing.TB, d, second *driver) {
			d.send(flowToMeter(1, 1))
			d.send(append(sampleMeters(), flowToMeter(1, 1), flowToMeter(2, 1), saysRemoved(flowToMeter(3, 2)), flowToMeter(4, 77), flowToMeter(5, openflow.MeterMax), flowToMeter(6, 0), flowToMeter(7, meterController),
				flowToMeter(8, openflow.MeterAll), add(openflow.Flow{Table: 2, Match: ip, Instructions: drop.Meter(9).ApplyActions(noActs.Group(9))}),
				add(openflow.Flow{Table: 2, Match: ip, Instructions: drop.Meter(1).ApplyActions(noActs.Group(9))}))...)
			d.send(show(t)...)
			d.send(mod(openflow.FlowModify, openflow.Flow{Table: 2, Instructions: drop.Meter(9)}, nil), mod(openflow.FlowModifyStrict, openflow.Flow{Table: 2, Priority: 3, Match: ip, Instructions: drop.Meter(1)}, nil))
			d.send(modify(addMeter(1, openflow.MeterKbps, noBands.Drop(7, 0))))
			d.send(show(t)...)
			d.write(openflow.AppendFlowDeleteByCookie(nil, 0, 2, 3))
			d.await(1)
			second.await(1)
			d.send(show(t)...)
			d.send(deleteMeter(1))
			d.send(show(t)...)
			d.send(deleteMeter(openflow.MeterAll))
			d.send(show(t)...)
			// Flows that went with a meter are reported only on request.
			second.send(encode(t, &openflow.SetAsyncConfig{Properties: []openflow.AsyncProperty{{Kind: 5, Mask: 0x3f}}}))
			d.send(sampleMeters()[0], saysRemoved(flowToMeter(1, 1)), deleteMeter(1))
			second.await(1)
		}},
		{"monitor meters", func(t testing.TB, d, second *driver) {
			q := openflow.AllFlowChanges()
			q.ID, q.Flags = 1, openflow.MonitorAdd|openflow.MonitorDelete|openflow.MonitorModify|openflow.MonitorActions
			for _, one := range []*driver{d, second} {
				one.send(encode(t, &openflow.SetAsync{}), encode(t, q.Message()))
			}
			d.send(sampleMeters()[0], sampleMeters()[1], flowToMeter(1, 1), flowToMeter(2, 2), flowToMeter(3, 1))
			d.send(deleteMeter(2), deleteMeter(openflow.MeterAll))
			second.send()
		}},
		{"forwarded meter-mods", func(t testing.TB, d, second *driver) {
			for _, one := range []*driver{d, second} {
				one.send(encode(t, &openflow.SetAsyncConfig{Properties: []openflow.AsyncProperty{{Kind: openflow.AsyncRequestForwardMaster, Mask: openflow.AsyncMeterMods}}}))
			}
			d.send(sampleMeters()...)
			d.send(modify(addMeter(1, openflow.MeterPktps, noBands.Drop(5, 0))), modify(addMeter(77, openflow.MeterPktps, noBands.Drop(5, 0))), deleteMeter(2), deleteMeter(9), deleteMeter(0), deleteMeter(openflow.MeterAll),
				patch(addMeter(9, openflow.MeterKbps, noBands.Drop(1, 2)), 8, 0, 2), addGroup(1, openflow.GroupTypeAll), deleteGroup(1))
			second.send()
		}},
	}
}
