package simswitch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestGroupsAndMeters: a switch says what groups and meters it has, they are part of
// its hash, and a restart forgets them.
func TestGroupsAndMeters(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	d.send(sample()...)
	bare := sim.Hash()
	d.send(append(sampleGroups()[:2], sampleMeters()[1])...)
	want := []openflow.Group{
		{ID: 1, Type: openflow.GroupTypeAll, Buckets: noBuckets.Add(bucket(noActs.Output(1))).Add(bucket(noActs.Output(2)))},
	}
	if diff := cmp.Diff(want, sim.Groups()[:1]); diff != "" || len(sim.Groups()) != 2 {
		t.Errorf("%d groups (-want +got):\n%s", len(sim.Groups()), diff)
	}
	meters := []openflow.Meter{{ID: 2, Flags: openflow.MeterPktps | openflow.MeterBurst, Bands: noBands.Drop(100, 7)}}
	if diff := cmp.Diff(meters, sim.Meters()); diff != "" {
		t.Errorf("meters (-want +got):\n%s", diff)
	}
	with := sim.Hash()
	d.send(as(openflow.GroupModify, addGroup(1, openflow.GroupTypeAll)))
	if sim.Hash() == with || with == bare {
		t.Error("groups and meters are not in the hash")
	}
	d.send(deleteGroup(openflow.GroupAll), deleteMeter(2))
	if sim.Hash() != bare || bare != simswitch.HashCookies(sim.Cookies()) {
		t.Error("without groups and meters the hash is not that of the cookies")
	}
	d.send(append(sampleGroups(), sampleMeters()...)...)
	sim.Reset()
	d.closed()
	if len(sim.Groups()) != 0 || len(sim.Meters()) != 0 {
		t.Errorf("after a restart: %v, %v", sim.Groups(), sim.Meters())
	}
}

// TestRefuseGroupsAndMeters: a switch that is full still takes other words for what it
// has.
func TestRefuseGroupsAndMeters(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	d.send(sampleGroups()[0], sampleMeters()[0])
	sim.SetFaults(simswitch.Faults{RefuseGroups: true, RefuseMeters: true})
	d.send(sampleGroups()[1], as(openflow.GroupAddOrModify, sampleGroups()[0]), sampleMeters()[1], patch(sampleMeters()[0], 8, 0, byte(openflow.MeterModify)),
		control(t, 1, openflow.BundleOpenRequest, both), put(1, both, deleteGroup(1)), put(1, both, sampleGroups()[0]), control(t, 1, openflow.BundleCommitRequest, both))
	wantErrors(t, d, "OFPGMFC_OUT_OF_GROUPS", "OFPMMFC_OUT_OF_METERS", "OFPGMFC_OUT_OF_GROUPS", "OFPBFC_MSG_FAILED")
	if len(sim.Groups()) != 1 || len(sim.Meters()) != 1 {
		t.Errorf("%v, %v", sim.Groups(), sim.Meters())
	}
}

// TestAborts: what Open vSwitch 3.1 does not survive, a simulated switch does not
// either.
func TestAborts(t *testing.T) {
	twice := [][]byte{sampleGroups()[0], flowToGroup(1, 1, 1), deleteGroup(1)}
	bundle := [][]byte{sampleGroups()[0], flowToGroup(1, 1), control(t, 1, openflow.BundleOpenRequest, both), put(1, both, deleteGroup(1)),
		put(1, both, flowToGroup(2, 99)), control(t, 1, openflow.BundleCommitRequest, both)}
	for name, messages := range map[string][][]byte{"a group that a flow uses twice": twice, "a refused bundle that deletes a group in use": bundle} {
		t.Run(name, func(t *testing.T) {
			sim := simulate(t, simswitch.Config{})
			for _, p := range []peer{sim, startOVS(t, 1)} {
				d := drive(t, p, 0)
				for _, m := range messages {
					d.write(d.stamp(m))
				}
				d.closed()
			}
			if sim.Stats().Aborts != 1 || sim.NumFlows() != 0 || len(sim.Groups()) != 0 {
				t.Errorf("%+v", sim.Stats())
			}
		})
	}
}

// TestGroupTooLong: a group of which the description or the counters would not fit
// into a message is refused.
func TestGroupTooLong(t *testing.T) {
	buckets := func(n int) openflow.Buckets {
		var l openflow.Buckets
		for range n {
			l = l.Add(bucket(noActs))
		}
		return l
	}
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	d.send(groupMod(openflow.GroupAdd, openflow.Group{ID: 1, Buckets: buckets(4092)}), groupMod(openflow.GroupAdd, openflow.Group{ID: 2, Buckets: buckets(4093)}))
	wantErrors(t, d, "OFPGMFC_OUT_OF_BUCKETS")
	d.send(showGroups(t)...)
}

// TestModifiedKeepAge: a group and a meter that are changed are as old as before.
func TestModifiedKeepAge(t *testing.T) {
	d := drive(t, simulate(t, simswitch.Config{}), 0)
	ages := func() (group, meter uint32) {
		for i, m := range [][]byte{encode(t, openflow.GroupStatsRequest(1)), encode(t, openflow.MeterStatsRequest(1))} {
			d.write(d.stamp(m))
			f := d.read()
			if age := be.Uint32(f[16+36:]); i == 0 { // nanoseconds of the first entry
				group = age
			} else {
				meter = age
			}
		}
		return group, meter
	}
	d.send(sampleGroups()[0], sampleMeters()[0])
	const old = 20e6
	for g, m := ages(); min(g, m) < old; g, m = ages() {
	}
	d.send(as(openflow.GroupModify, sampleGroups()[0]), patch(sampleMeters()[0], 8, 0, byte(openflow.MeterModify)))
	if g, m := ages(); min(g, m) < old {
		t.Errorf("%d ns and %d ns old, were %d", g, m, int(old))
	}
}
