package packetin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// from is a packet from a table and port with a number, of 1 byte or more.
func from(table openflow.TableID, port openflow.PortNo, n, size int) *openflow.PacketIn {
	var m openflow.Match
	return &openflow.PacketIn{Table: table, Reason: openflow.ReasonAction, Match: m.InPort(port), Data: slices.Concat([]byte{byte(n)}, make([]byte, size-1))}
}

// cause has a budget of 3 packets for each port and 8 in all, and a second to answer.
func cause(name string, table openflow.TableID, answer answerer) Cause {
	return Cause{Name: name, Table: table, PerPort: Budget{3, 300}, Total: Budget{8, 800}, Deadline: time.Second, Answer: answer}
}

type answerer = func(*pipeline.View, Port, *openflow.PacketIn) Reply

// noted answers by noting what came: node, port and number.
func noted(to *[]string) answerer {
	return func(_ *pipeline.View, p Port, m *openflow.PacketIn) Reply {
		*to = append(*to, fmt.Sprintf("%s:%d:%d", p.Node, p.No, m.Data[0]))
		return Reply{Out: openflow.NewPacketOut(m.Data, nil), What: fmt.Sprint(m.Data[0])}
	}
}

// taker takes what is answered to any node but "away".
type taker struct{}

func (taker) View() *pipeline.View                   { return nil }
func (taker) CTFlush(string, *openflow.CTFlush) bool { return true }

func (taker) PacketOut(node string, _ *openflow.PacketOut) bool { return node != "away" }

// start runs the queues until the test's bubble ends.
func start(t *testing.T, q *Queues) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, taker{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// blocked answers nothing until release is closed.
func blocked(release chan struct{}, then answerer) answerer {
	return func(v *pipeline.View, p Port, m *openflow.PacketIn) Reply {
		<-release
		return then(v, p, m)
	}
}

// TestQueues: a cause that does not answer loses the oldest packets of the port that
// floods and delays no other; what no cause accounts for is refused; everything is
// counted.
func TestQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, quick []string
		release := make(chan struct{})
		reg := prometheus.NewRegistry()
		q, err := New(reg, cause("slow", 15, blocked(release, noted(&slow))), cause("quick", 16, noted(&quick)))
		if err != nil {
			t.Fatal(err)
		}
		start(t, q)
		for i := range 9 {
			if !q.Offer("a", from(15, 1, i, 1)) || !q.Offer("b", from(16, 1, i, 1)) {
				t.Fatal("refused")
			}
			synctest.Wait()
		}
		if q.Offer("a", from(17, 1, 0, 1)) || q.Offer("a", &openflow.PacketIn{Table: 15, Reason: openflow.ReasonNoMatch}) {
			t.Error("a packet was taken that no cause accounts for")
		}
		if want := []string{"b:1:0", "b:1:1", "b:1:2", "b:1:3", "b:1:4", "b:1:5", "b:1:6", "b:1:7", "b:1:8"}; !slices.Equal(quick, want) {
			t.Errorf("answered %v, want %v", quick, want)
		}
		close(release)
		synctest.Wait()
		if want := []string{"a:1:0", "a:1:6", "a:1:7", "a:1:8"}; !slices.Equal(slow, want) {
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
		if got, want := q.Ports(15)[Port{"a", 1}], (Counts{Received: 9, Dropped: 5, Answered: 4}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

// TestPortsTakeTurns: a port that floods neither takes the turns of others nor, when all
// together have too much, their packets; its budget is one of bytes, too.
func TestPortsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered []string
		release := make(chan struct{})
		q, err := New(nil, cause("test", 15, blocked(release, noted(&answered))))
		if err != nil {
			t.Fatal(err)
		}
		start(t, q)
		q.Offer("a", from(15, 9, 0, 1)) // is being answered
		synctest.Wait()
		for i := range 100 {
			q.Offer("a", from(15, 1, i, 100))
		}
		q.Offer("a", from(15, 1, 100, 301)) // more than all that it may have
		for i := range 100 {
			q.Offer("a", from(15, 1, i, 100))
		}
		for i := range 2 {
			q.Offer("a", from(15, 2, i, 10))
			q.Offer("b", from(15, 1, i, 10))
			q.Offer("b", from(15, 3, i, 10))
		}
		close(release)
		synctest.Wait()
		want := []string{"a:9:0", "a:1:98", "a:2:0", "b:1:0", "b:3:0", "a:1:99", "a:2:1", "b:1:1", "b:3:1"}
		if !slices.Equal(answered, want) {
			t.Errorf("answered %v, want %v", answered, want)
		}
		got := q.Ports(15)
		for p, want := range map[Port]Counts{
			{"a", 1}: {Received: 201, Dropped: 199, Answered: 2}, {"a", 2}: {Received: 2, Answered: 2}, {"b", 1}: {Received: 2, Answered: 2},
		} {
			if got[p] != want {
				t.Errorf("%v: %+v, want %+v", p, got[p], want)
			}
		}
	})
}

// TestDeadline: what waited for longer than the cause's deadline is not answered any more.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered []string
		q, err := New(nil, cause("test", 15, func(v *pipeline.View, p Port, m *openflow.PacketIn) Reply {
			time.Sleep(999 * time.Millisecond)
			return noted(&answered)(v, p, m)
		}))
		if err != nil {
			t.Fatal(err)
		}
		start(t, q)
		for i := range 4 {
			q.Offer("a", from(15, openflow.PortNo(i+1), i, 1))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"a:1:0", "a:2:1"}; !slices.Equal(answered, want) {
			t.Errorf("answered %v, want %v", answered, want)
		}
		if got, want := q.Ports(15)[Port{"a", 3}], (Counts{Received: 1, Expired: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

// TestRecent: the newest answers are remembered, newest first, and whether the switch
// took them is counted.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered []string
		q, err := New(nil, cause("test", 15, noted(&answered)))
		if err != nil {
			t.Fatal(err)
		}
		start(t, q)
		for i := range maxRecent + 3 {
			q.Offer("a", from(15, 1, i%200, 1))
			synctest.Wait()
		}
		q.Offer("away", from(15, 1, 201, 1))
		synctest.Wait()
		last := q.Recent("test")
		if len(last) != maxRecent || last[0].What != "201" || last[0].From.Node != "away" || last[1].What != fmt.Sprint((maxRecent+2)%200) || last[0].Out != nil {
			t.Errorf("%d answers, newest %+v", len(last), last[:2])
		}
		if got, want := q.Ports(15)[Port{"away", 1}], (Counts{Received: 1, Unanswered: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
		if q.Recent("other") != nil || !slices.Equal(q.Causes(), []string{"test"}) {
			t.Error("of another cause")
		}
	})
}

// TestPortsAreBounded: who makes ports up does not make the counts grow without end, and
// loses nothing that waits.
func TestPortsAreBounded(t *testing.T) {
	c := cause("test", 15, nil)
	c.Total.Packets = 2
	q, err := New(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxPorts + 100 {
		q.Offer("a", from(15, openflow.PortNo(i+1), 0, 1))
	}
	if n := len(q.Ports(15)); n != maxPorts {
		t.Errorf("%d ports are counted", n)
	}
	if n := q.byTable[15].packets; n != 2 {
		t.Errorf("%d packets wait", n)
	}
}

// TestCauses: two causes have neither a name nor a table in common; each has budgets and
// a deadline.
func TestCauses(t *testing.T) {
	a, b := cause("a", 1, nil), cause("b", 2, nil)
	sameTable, sameName, none, bytes, forever := b, b, a, a, a
	sameTable.Table, sameName.Name = 1, "a"
	none.PerPort.Packets, bytes.Total.Bytes, forever.Deadline = 0, 0, 0
	for _, all := range [][]Cause{{a, sameTable}, {a, sameName}, {none}, {bytes}, {forever}} {
		if _, err := New(nil, all...); err == nil {
			t.Errorf("%+v: no error", all)
		}
	}
	var no *Queues
	if no.Offer("a", from(1, 1, 0, 1)) || no.Ports(1) != nil {
		t.Error("taken without a cause")
	}
}

// TestLater: replies that need others are computed beside the others of their cause, some of
// a port and some of all at once; what is beyond that has no answer.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, ofPort = 3, 2
		release := make(chan struct{})
		c := cause("later", 1, func(_ *pipeline.View, _ Port, m *openflow.PacketIn) Reply {
			if m.Data[0] == 'n' {
				return Reply{Out: &openflow.PacketOut{}}
			}
			return Reply{What: "asked", Later: func(ctx context.Context) Reply {
				select {
				case <-release:
				case <-ctx.Done():
				}
				return Reply{Out: &openflow.PacketOut{}, What: "answered"}
			}}
		})
		c.MaxLater, c.MaxLaterPerPort = most, ofPort
		q, err := New(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		start(t, q)
		offer := func(port openflow.PortNo, what string) {
			m := from(1, port, 1, 1)
			m.Data = []byte(what)
			q.Offer("n", m)
			synctest.Wait()
		}
		for range ofPort + 1 {
			offer(1, "later")
		}
		offer(2, "later")
		offer(3, "later") // one too many
		offer(1, "now")
		p := q.Ports(1)
		if p[Port{"n", 1}] != (Counts{Received: ofPort + 2, Answered: 1, Unanswered: 1}) || p[Port{"n", 2}] != (Counts{Received: 1}) || p[Port{"n", 3}] != (Counts{Received: 1, Unanswered: 1}) {
			t.Errorf("while replies are computed: %v", p)
		}
		close(release)
		synctest.Wait()
		offer(3, "later")
		p = q.Ports(1)
		if p[Port{"n", 1}].Answered != ofPort+1 || p[Port{"n", 2}].Answered != 1 || p[Port{"n", 3}].Answered != 1 {
			t.Errorf("in the end: %v", p)
		}
	})
}
