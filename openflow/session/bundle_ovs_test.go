package session

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// badMods are flow-mods that Open vSwitch refuses.
var badMods = []struct {
	name   string
	flow   openflow.Flow
	reason string
	// late is true if it is refused by the commit rather than when added.
	late bool
}{
	{
		name:   "match without prerequisite",
		flow:   openflow.Flow{Table: 3, Match: openflow.Match{}.IPv4Dst(netip.MustParsePrefix("10.9.9.9/32"))},
		reason: "OFPBMC_BAD_PREREQ",
	}, {
		name:   "unknown group",
		flow:   openflow.Flow{Table: 3, Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.Group(99))},
		reason: "OFPBAC_BAD_OUT_GROUP",
		late:   true,
	}, {
		name:   "goto an earlier table",
		flow:   openflow.Flow{Table: 3, Instructions: openflow.Instructions{}.GotoTable(2)},
		reason: "OFPBIC_BAD_TABLE_ID",
	}, {
		name:   "overlap",
		flow:   openflow.Flow{Table: 10, Priority: 100, Flags: openflow.FlowCheckOverlap, Match: openflow.Match{}.EthType(0x0800)},
		reason: "OFPFMFC_OVERLAP",
		late:   true,
	},
}

// withBad returns n test flow-mods with a bad one at index at.
func withBad(n, at int, bad openflow.Flow) [][]byte {
	var mods [][]byte
	for i := range n {
		f := testFlow(i)
		if i == at {
			f = bad
		}
		mods = append(mods, f.AppendAdd(nil, 0))
	}
	return mods
}

func TestOVSRefusedBundle(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	for _, bad := range badMods {
		t.Run(bad.name, func(t *testing.T) {
			mods := withBad(2000, 1234, bad.flow)
			err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, slices.Values(mods))
			var refused *BundleError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v", err)
			}
			if refused.Index != 1234 || !bytes.Equal(refused.Message, mods[1234]) || refused.Refusals != 1 || refused.Committed {
				t.Errorf("error %+v", refused)
			}
			if refused.Err.Name() != bad.reason || !strings.Contains(err.Error(), bad.reason) {
				t.Errorf("reason %q, text %q; want %s", refused.Err.Name(), err, bad.reason)
			}
			if got := o.countFlows(); got != "0" {
				t.Errorf("%s flows after a refused bundle", got)
			}
		})
	}
	if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, testMods(5)); err != nil {
		t.Errorf("bundle after refused ones: %v", err)
	}
	if st := s.Stats(); st.Unmatched != 0 || st.EventsDropped != 0 {
		t.Errorf("stats %+v", st)
	}
}

// What Open vSwitch does with a bundle that has a message it cannot decode is
// the reason why the commit waits: it commits the rest.
func TestOVSRefusedPipelinedBundle(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	for i, bad := range badMods {
		t.Run(bad.name, func(t *testing.T) {
			defer o.Ofctl("del-flows")
			mods := withBad(4, 2, bad.flow)
			err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered|BundlePipelined, slices.Values(mods))
			var refused *BundleError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v", err)
			}
			if refused.Index != 2 || refused.Err.Name() != bad.reason || refused.Committed == bad.late {
				t.Errorf("%d: error %+v", i, refused)
			}
			want := "3"
			if bad.late {
				want = "0"
			}
			if got := o.countFlows(); got != want {
				t.Errorf("%s flows, want %s", got, want)
			}
		})
	}
}

func TestOVSEmptyBundle(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{})
	before := s.Stats().BytesOut
	if err := s.Bundle(testContext(t), openflow.BundleAtomic, slices.Values([][]byte(nil))); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats().BytesOut; after != before {
		t.Errorf("%d bytes sent for an empty bundle", after-before)
	}
}

// Open vSwitch discards a bundle that gets no message for a while, and what
// comes after would make up a new one. Not even then is half a bundle committed.
func TestOVSStalledBundle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 3 s: not with -short")
	}
	o, ctx := startOVS(t), testContext(t)
	o.Vsctl("set", "open_vswitch", ".", "other_config:bundle-idle-timeout=1")
	s := o.session(Config{})
	err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, func(yield func([]byte) bool) {
		i := 0
		for mod := range testMods(2000) {
			if i++; i == 1000 {
				<-time.After(3 * time.Second) // while the first half is with the switch
			}
			if !yield(mod) {
				return
			}
		}
	})
	var refused *BundleError
	if !errors.As(err, &refused) || refused.Index != -1 || !strings.Contains(err.Error(), "TIMEOUT") {
		t.Errorf("error %v", err)
	}
	if got := o.countFlows(); got != "0" {
		t.Errorf("%s flows", got)
	}
}

func BenchmarkOVSSmallBundle(b *testing.B) {
	for _, mode := range []struct {
		name  string
		flags openflow.BundleFlags
	}{{"two_round_trips", 0}, {"pipelined", BundlePipelined}} {
		b.Run(mode.name, func(b *testing.B) {
			o, ctx := startOVS(b), testContext(b)
			s := o.session(Config{})
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered|mode.flags, testMods(4)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOVSBundle(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			o, ctx := startOVS(b), testContext(b)
			s := o.session(Config{})
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, testMods(n)); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				o.Ofctl("del-flows")
				b.StartTimer()
			}
		})
	}
}

func BenchmarkOVSFlows(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			o, ctx := startOVS(b), testContext(b)
			s := o.session(Config{})
			if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, testMods(n)); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				got := 0
				if err := s.Flows(ctx, openflow.AllFlows(), func(*openflow.FlowStats) error { got++; return nil }); err != nil || got != n {
					b.Fatal(got, err)
				}
			}
		})
	}
}
