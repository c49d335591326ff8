package packetin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sdnctl/sdnctl/openflow"
)

func from(table openflow.TableID, n int) *openflow.PacketIn {
	return &openflow.PacketIn{Table: table, Reason: openflow.ReasonAction, Data: []byte{byte(n)}}
}

// TestQueues: a cause that does not answer loses its oldest packets and delays no
// other; what no cause accounts for is refused; everything is counted.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var slow, quick []string
		release := make(chan struct{})
		note := func(to *[]string) func(context.Context, string, *openflow.PacketIn) {
			return func(_ context.Context, node string, m *openflow.PacketIn) {
				*to = append(*to, fmt.Sprint(node, m.Data[0]))
			}
		}
		reg := prometheus.NewRegistry()
		q, err := New(reg,
			Cause{Name: "slow", Table: 15, Queue: 3, Answer: func(ctx context.Context, node string, m *openflow.PacketIn) {
				<-release
				note(&slow)(ctx, node, m)
			}},
			Cause{Name: "quick", Table: 16, Queue: 3, Answer: note(&quick)})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- q.Run(ctx) }()
		for i := range 9 {
			if !q.Offer("a", from(15, i)) || !q.Offer("b", from(16, i)) {
				t.Fatal("refused")
			}
			synctest.Wait()
		}
		if missing := from(15, 0); q.Offer("a", from(17, 0)) || q.Offer("a", &openflow.PacketIn{Table: missing.Table, Reason: openflow.ReasonNoMatch}) {
			t.Error("a packet was taken that no cause accounts for")
		}
		if want := []string{"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8"}; !slices.Equal(quick, want) {
			t.Errorf("answered %v, want %v", quick, want)
		}
		close(release)
		synctest.Wait()
		if want := []string{"a0", "a6", "a7", "a8"}; !slices.Equal(slow, want) {
			t.Errorf("answered %v, want %v", slow, want)
		}
		want := `# HELP sdnd_packet_ins_dropped_total Packets that were dropped because newer ones came faster than they were answered, by cause.
# TYPE sdnd_packet_ins_dropped_total counter
sdnd_packet_ins_dropped_total{cause="quick"} 0
sdnd_packet_ins_dropped_total{cause="slow"} 5
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "sdnd_packet_ins_dropped_total"); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestCausesAreDistinct: two causes have neither a name nor a table in common, and a
// queue holds something.
func TestCausesAreDistinct(t *testing.T) {
	for _, all := range [][]Cause{
		{{Name: "a", Table: 1, Queue: 1}, {Name: "b", Table: 1, Queue: 1}},
		{{Name: "a", Table: 1, Queue: 1}, {Name: "a", Table: 2, Queue: 1}},
		{{Name: "a", Table: 1}},
	} {
		if _, err := New(nil, all...); err == nil {
			t.Errorf("%+v: no error", all)
		}
	}
	var none *Queues
	if none.Offer("a", from(1, 0)) {
		t.Error("taken without a cause")
	}
}
