package integration

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestReliabilityTamper: what others do to a switch with 10,000 flows is undone at once,
// and reported. The time is measured by the switch's own events: from its report of the
// change until its report of the opposite.
func TestReliabilityTamper(t *testing.T) {
	b := newBed(t, 2)
	a1, b1, a2, b2 := populate(b, 10_000, blue4, blue6)
	w := b.witness("node1")
	ps := b.probe([2]*lab.Container{b1, b2})
	mac := regexp.MustCompile(`dl_dst=([0-9a-f:]{17})`)
	var victims []string // MACs of ports elsewhere, of which node1 has flows in table 80
	flows, err := b.node("node1").Flows(b.ctx)
	b.must(err)
	for _, f := range flows {
		if m := mac.FindStringSubmatch(f); m != nil && strings.Contains(f, "table=80,") && m[1] != a1.MAC && m[1] != a2.MAC && m[1] != b1.MAC && m[1] != b2.MAC {
			victims = append(victims, m[1])
		}
	}
	const rounds = 100
	took := map[string][]time.Duration{}
	for i := range rounds {
		victim := fmt.Sprintf("table=80,dl_dst=%s", victims[i])
		for _, tt := range []struct {
			what string
			args []string
			// done and undone are words of the two events.
			done, undone []string
		}{
			{
				"added", []string{"add-flow", "br-int", fmt.Sprintf("table=80,priority=7,tcp,tp_dst=%d,actions=drop", 1000+i)},
				[]string{"event=ADDED", fmt.Sprintf("tp_dst=%d", 1000+i)}, []string{"event=DELETED", fmt.Sprintf("tp_dst=%d", 1000+i)},
			},
			{
				"deleted", []string{"del-flows", "br-int", victim},
				[]string{"event=DELETED", victims[i]}, []string{"event=ADDED", victims[i]},
			},
			{
				"modified", []string{"mod-flows", "br-int", victim + ",actions=drop"},
				// Repaired by replacing it; the bundle's deletion comes first.
				[]string{"event=MODIFIED", victims[i]}, []string{"event=", victims[i]},
			},
		} {
			before := len(w.matching())
			_, err := b.node("node1").OFCtl(b.ctx, tt.args...)
			b.must(err)
			d, err := undone(b, w, before, tt.done, tt.undone)
			b.must(err)
			took[tt.what] = append(took[tt.what], d)
		}
	}
	ps.lossless()
	for what, all := range took {
		slices.Sort(all)
		t.Logf("%s: of %d at 10,000 flows, undone within p50 %v, p99 %v", what, len(all), all[len(all)/2], all[len(all)*99/100])
	}
	for _, word := range []string{"added", "deleted", "modified"} {
		if n := b.drifts(word); n != rounds {
			t.Errorf("sdnd counts %d flows %s, want %d", n, word, rounds)
		}
	}
	if out := b.sdnctl("drift"); !strings.Contains(out, "node1") || !strings.Contains(out, "forward") || !strings.Contains(out, "deleted") {
		t.Errorf("sdnctl drift does not show what was done:\n%s", tail(out, 5))
	}
	b.verify()
}

// undone waits until a witness has reported a change and then its opposite,
// after the first so many events, and returns the time between the two.
func undone(b *bed, w *witness, after int, done, opposite []string) (time.Duration, error) {
	var took time.Duration
	err := lab.PollFor(b.ctx, 10*time.Second, strings.Join(done, " ")+" to be undone", func(context.Context) error {
		all := w.matching()[after:]
		at := slices.IndexFunc(all, func(e event) bool { return containsAll(e.text, done) })
		if at < 0 {
			return errors.New("not even reported")
		}
		back := slices.IndexFunc(all[at+1:], func(e event) bool { return containsAll(e.text, opposite) })
		if back < 0 {
			return fmt.Errorf("reported: %v", all)
		}
		took = all[at+1+back].at.Sub(all[at].at)
		return nil
	})
	return took, err
}

// drifts returns how many flows of node1 sdnd counts that were changed in this way.
func (b *bed) drifts(what string) int {
	b.t.Helper()
	n := 0
	for labels, v := range b.metric("sdnd_drifts_total") {
		if strings.Contains(labels, `node="node1"`) && strings.Contains(labels, `what="`+what+`"`) {
			n += int(v)
		}
	}
	return n
}
