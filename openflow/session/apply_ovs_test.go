package session

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// meterMods returns the messages that add meters of those numbers.
func meterMods(ids ...uint32) (msgs [][]byte) {
	for _, id := range ids {
		m := openflow.Meter{ID: id, Flags: openflow.MeterKbps, Bands: openflow.Bands(nil).Drop(1000, 0)}
		msgs = append(msgs, m.AppendMod(nil, 0, openflow.MeterAdd))
	}
	return msgs
}

// TestOVSApply: what is applied is done when Apply returns; what is refused is named,
// and the rest takes effect.
func TestOVSApply(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	var ids []uint32
	for i := range uint32(2500) { // more than are sent at a time
		ids = append(ids, i+1)
	}
	if err := s.Apply(ctx, slices.Values(meterMods(ids...))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(o.Ofctl("dump-meters"), "meter="); got != len(ids) {
		t.Errorf("%d meters, want %d", got, len(ids))
	}
	err := s.Apply(ctx, slices.Values(meterMods(3000, 7, 3001, 8)))
	var refused *ApplyError
	if !errors.As(err, &refused) || !slices.Equal(refused.Message[8:], meterMods(7)[0][8:]) || refused.Err.Name() != "OFPMMFC_METER_EXISTS" {
		t.Errorf("error %v", err)
	}
	if text := o.Ofctl("dump-meters"); !strings.Contains(text, "meter=3000 ") || !strings.Contains(text, "meter=3001 ") {
		t.Errorf("meters beside the refused ones are not there")
	}
	before := s.Stats().BytesOut
	if err := s.Apply(ctx, slices.Values([][]byte(nil))); err != nil || s.Stats().BytesOut != before {
		t.Errorf("nothing to apply: %v, %d bytes sent", err, s.Stats().BytesOut-before)
	}
	if st := s.Stats(); st.Unmatched != 0 || st.EventsDropped != 0 {
		t.Errorf("stats %+v", st)
	}
}

// TestOVSGroupsInBundle: a bundle has groups and the flows that use them; refused, it
// changes neither.
func TestOVSGroupsInBundle(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	group := func(id uint32, port openflow.PortNo) []byte {
		g := openflow.Group{ID: id, Buckets: openflow.Buckets(nil).Add(openflow.Bucket{
			WatchPort: openflow.PortAny, WatchGroup: openflow.GroupAny, Actions: openflow.Actions(nil).Output(port)})}
		return g.AppendPut(nil, 0)
	}
	flow := func(id uint32) []byte {
		f := openflow.Flow{Table: 3, Priority: uint16(id), Instructions: openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).Group(id))}
		return f.AppendAdd(nil, 0)
	}
	const flags = openflow.BundleAtomic | openflow.BundleOrdered
	if err := s.Bundle(ctx, flags, slices.Values([][]byte{group(1, 5), group(2, 6), flow(1), flow(2)})); err != nil {
		t.Fatal(err)
	}
	before := o.Ofctl("dump-groups") + o.countFlows()
	err := s.Bundle(ctx, flags, slices.Values([][]byte{group(1, 9), group(3, 9), flow(3), flow(99)}))
	var refused *BundleError
	if !errors.As(err, &refused) || refused.Index != 3 {
		t.Errorf("error %v", err)
	}
	if after := o.Ofctl("dump-groups") + o.countFlows(); after != before {
		t.Errorf("a refused bundle left\n%s\nof\n%s", after, before)
	}
	if err := s.Bundle(ctx, flags, slices.Values([][]byte{openflow.AppendGroupDelete(nil, 0, 1)})); err != nil {
		t.Fatal(err)
	}
	if got := o.countFlows(); got != "1" {
		t.Errorf("%s flows after a group was deleted, want that of the other", got)
	}
}

// TestOVSWatchGroups: changes of groups and meters by others are reported, own ones are
// not.
func TestOVSWatchGroups(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	changed, err := s.WatchGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(ctx, slices.Values(meterMods(1))); err != nil {
		t.Fatal(err)
	}
	g := openflow.Group{ID: 1}
	if err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{g.AppendPut(nil, 0)})); err != nil {
		t.Fatal(err)
	}
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("own changes are reported")
	default:
	}
	for _, args := range [][]string{
		{"add-group", "group_id=2,type=all"}, {"mod-group", "group_id=1,type=indirect,bucket=actions=output:1"}, {"del-groups", "group_id=2"},
		{"add-meter", "meter=2,kbps,band=type=drop,rate=1"}, {"mod-meter", "meter=1,kbps,band=type=drop,rate=1"}, {"del-meter", "meter=1"},
	} {
		o.Ofctl(args[0], args[1:]...)
		select {
		case <-changed:
		case <-time.After(5 * time.Second):
			t.Errorf("%v is not reported", args)
		}
	}
	if st := s.Stats(); st.Unmatched != 0 || st.EventsDropped != 0 {
		t.Errorf("stats %+v", st)
	}
}
