package session

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// another returns a second session with br0, over its management socket: a
// connection like that of ovs-ofctl.
func (o *ovs) another() *Session {
	o.tb.Helper()
	conn, err := net.Dial("unix", o.Path("br0.mgmt"))
	if err != nil {
		o.tb.Fatal(err)
	}
	s, err := Handshake(context.Background(), conn, Config{})
	if err != nil {
		o.tb.Fatal(err)
	}
	runSession(o.tb, s)
	return s
}

// monitorAll begins to monitor all flows.
func monitorAll(tb testing.TB, s *Session) *FlowMonitor {
	tb.Helper()
	m, err := s.MonitorFlows(testContext(tb), openflow.AllFlowChanges())
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// taken returns what waits in a monitor in words.
func taken(m *FlowMonitor) string {
	changes, lost := m.Take()
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintln(&b, c.String())
	}
	if lost {
		b.WriteString("lost\n")
	}
	return b.String()
}

// reported waits for the monitor to have something and returns that.
func reported(tb testing.TB, m *FlowMonitor) string {
	tb.Helper()
	timeout := time.After(15 * time.Second)
	for {
		select {
		case <-m.Changed():
			if got := taken(m); got != "" { // or it was taken before
				return got
			}
		case <-timeout:
			tb.Fatal("nothing is reported")
		}
	}
}

func TestOVSMonitor(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	m := monitorAll(t, s)
	for _, tt := range []struct {
		name string
		do   []string
		want string
	}{
		{"add", []string{"add-flow", "table=3,priority=7,cookie=0x55,idle_timeout=60,ip,nw_dst=10.1.2.3,actions=dec_ttl,output:2,goto_table:5"},
			"ADDED table=3, cookie=0x55, idle_timeout=60, priority=7,ip,nw_dst=10.1.2.3 actions=dec_ttl,output:2,goto_table:5\n"},
		{"modify", []string{"mod-flows", "table=3,ip,actions=output:1"},
			"MODIFIED table=3, cookie=0x55, idle_timeout=60, priority=7,ip,nw_dst=10.1.2.3 actions=output:1\n"},
		{"modify nothing", []string{"mod-flows", "table=3,ip,actions=output:1"}, ""},
		{"replace", []string{"add-flow", "table=3,priority=7,cookie=0x56,ip,nw_dst=10.1.2.3,actions=output:1"},
			"ADDED table=3, cookie=0x56, priority=7,ip,nw_dst=10.1.2.3 actions=output:1\n"},
		{"replace by the same", []string{"add-flow", "table=3,priority=7,cookie=0x56,ip,nw_dst=10.1.2.3,actions=output:1"},
			"ADDED table=3, cookie=0x56, priority=7,ip,nw_dst=10.1.2.3 actions=output:1\n"},
		{"delete", []string{"del-flows", "table=3"},
			"DELETED (delete) table=3, cookie=0x56, priority=7,ip,nw_dst=10.1.2.3 actions=output:1\n"},
		{"delete nothing", []string{"del-flows"}, ""},
		{"bundle", []string{"--bundle", "replace-flows", "/dev/null"}, ""},
		{"group", []string{"add-group", "group_id=9,type=all,bucket=output:1"}, ""},
		{"flow to group", []string{"add-flow", "table=4,actions=group:9"}, "ADDED table=4, cookie=0x0, priority=32768 actions=group:9\n"},
		{"group's end", []string{"del-groups", "group_id=9"}, "DELETED (group_delete) table=4, cookie=0x0, priority=32768 actions=group:9\n"},
	} {
		if tt.do[0] == "--bundle" {
			o.Run("ovs-ofctl", "-O", "OpenFlow13", "--bundle", tt.do[1], "unix:"+o.Path("br0.mgmt"), tt.do[2])
		} else {
			o.Ofctl(tt.do[0], tt.do[1:]...)
		}
		// ovs-ofctl waits until the switch has done it, so by now it is on its
		// way to us, before the answer to this.
		if err := s.Barrier(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, taken(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}

	o.Ofctl("add-flow", "table=3,hard_timeout=1,actions=drop")
	reported(t, m)
	if got, want := reported(t, m), "DELETED (hard) table=3, cookie=0x0, hard_timeout=1, priority=32768 actions=drop\n"; got != want {
		t.Errorf("expired: %s", got)
	}

	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
	o.Ofctl("add-flow", "actions=drop")
	if err := s.Barrier(ctx); err != nil || taken(m) != "" {
		t.Errorf("after Close there are reports, or %v", err)
	}
	m = monitorAll(t, s)
	o.Ofctl("del-flows")
	if got := reported(t, m); got != "DELETED (delete) table=0, cookie=0x0, priority=32768 actions=drop\n" {
		t.Errorf("a new monitor: %s", got)
	}
}

// A selection of flows is the switch's work.
func TestOVSMonitorSelects(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	q := openflow.AllFlowChanges()
	q.Table, q.OutPort, q.Match, q.Flags = 3, 2, openflow.Match{}.EthType(0x0800), openflow.MonitorAdd
	m, err := s.MonitorFlows(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"table=4,ip,actions=output:2", "table=3,ip,actions=output:1", "table=3,arp,actions=output:2",
		"table=3,icmp,actions=output:2"} {
		o.Ofctl("add-flow", f)
	}
	o.Ofctl("del-flows")
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	if got := taken(m); got != "ADDED table=3, cookie=0x0, priority=32768,icmp actions=drop\n" {
		t.Errorf("reported: %s", got)
	}
}

// Tables can be left out of a monitor that runs, and Close ends what is left.
func TestOVSMonitorExcept(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	m := monitorAll(t, s)
	o.Ofctl("add-flow", "table=28,priority=1,actions=drop")
	if got := reported(t, m); !strings.Contains(got, "table=28") {
		t.Errorf("before Except: %s", got)
	}
	if err := m.Except(ctx, 28, 99); err != nil {
		t.Fatal(err)
	}
	for _, table := range []int{0, 27, 28, 29, 99, 253} {
		o.Ofctl("add-flow", fmt.Sprintf("table=%d,actions=drop", table))
	}
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	var tables []openflow.TableID
	changes, _ := m.Take()
	for _, c := range changes {
		tables = append(tables, c.Table)
	}
	if diff := cmp.Diff([]openflow.TableID{0, 27, 29, 253}, tables); diff != "" {
		t.Errorf("reported tables (-want +got):\n%s", diff)
	}
	if err := m.Close(ctx); err != nil {
		t.Error(err)
	}
	o.Ofctl("del-flows")
	if err := s.Barrier(ctx); err != nil || taken(m) != "" {
		t.Errorf("after Close there are reports, or %v", err)
	}
}

// What the session does itself is no alarm, in whatever way it does it, also
// while others are at work.
func TestOVSMonitorOwnChanges(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s, foreign := o.session(Config{}), o.another()
	m := monitorAll(t, s)
	const n = 2000
	failed := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 200 && err == nil; i++ {
			_, err = foreign.Do(ctx, openflow.NewFlowMod(openflow.FlowAdd, openflow.Flow{Table: 77, Priority: uint16(i)}))
		}
		failed <- err
	}()
	mod := testFlow(1)
	mod.Instructions = nil
	for _, flags := range []openflow.BundleFlags{openflow.BundleAtomic | openflow.BundleOrdered, BundlePipelined, openflow.BundleAtomic} {
		for range 2 { // the second time all are replaced by the same
			if err := s.Bundle(ctx, flags, testMods(n)); err != nil {
				t.Fatal(err)
			}
		}
		for _, cmd := range []openflow.FlowCommand{openflow.FlowModify, openflow.FlowModifyStrict, openflow.FlowAdd, openflow.FlowDeleteStrict} {
			if _, err := s.Do(ctx, openflow.NewFlowMod(cmd, mod)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Bundle(ctx, flags, slices.Values([][]byte{
			openflow.AppendFlowDeleteByCookie(nil, 0, 10, 7), encode(t, openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: 10}))})); err != nil {
			t.Fatal(err)
		}
		if err := s.Bundle(ctx, flags, slices.Values(withBad(20, 10, badMods[1].flow))); err == nil {
			t.Error("a bad bundle succeeds")
		}
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	changes, lost := m.Take()
	if lost {
		t.Error("some are lost")
	}
	for i, c := range changes {
		if c.Table != 77 || int(c.Priority) != i || c.Event != openflow.FlowAdded {
			t.Fatalf("report %d: %v", i, &c)
		}
	}
	if len(changes) != 200 {
		t.Errorf("%d foreign changes are reported, of 200", len(changes))
	}
}

// TestOVSMonitorManyChanges has another delete 10,000 flows at once: each is
// reported, or it is that some are lost because Open vSwitch paused.
func TestOVSMonitorManyChanges(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	const n = 10_000
	if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, testMods(n)); err != nil {
		t.Fatal(err)
	}
	m := monitorAll(t, s)
	begin := time.Now()
	o.Ofctl("del-flows")
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	changes, lost := m.Take()
	if len(changes) == 0 {
		t.Fatal("nothing is reported")
	}
	t.Logf("%d of %d reported, lost %v; first after %v, last after %v of which ovs-ofctl takes some",
		len(changes), n, lost, changes[0].At.Sub(begin), changes[len(changes)-1].At.Sub(begin))
	gone := make(map[openflow.Cookie]bool)
	for _, c := range changes {
		if c.Event != openflow.FlowDeleted || c.Match.String() != testFlow(int(c.Cookie)-1).Match.String() {
			t.Fatalf("reported: %v", &c)
		}
		gone[c.Cookie] = true
	}
	if len(gone) != n && !lost {
		t.Errorf("%d deletions are reported, of %d, and none lost", len(gone), n)
	}
	// However that was, what comes after is reported.
	eventually(t, "reports are complete again", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return !m.paused
	})
	m.Take()
	o.Ofctl("add-flow", "table=1,actions=drop")
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	if got := taken(m); got != "ADDED table=1, cookie=0x0, priority=32768 actions=drop\n" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestOVSMonitorOrder shows that reports and replies come in the order in which
// the switch made the changes and read the requests: at every reply with flows,
// those known from reports are those of the reply.
func TestOVSMonitorOrder(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	conn := &recordingConn{Conn: o.accept()}
	s, err := Handshake(ctx, conn, Config{})
	if err != nil {
		t.Fatal(err)
	}
	runSession(t, s)
	monitorAll(t, s)
	foreign := o.another()

	const rounds, keys = 300, 50
	failed := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < rounds && err == nil; i++ {
			f := testFlow(i % keys)
			f.Cookie = openflow.Cookie(i)
			switch i % 7 {
			case 3:
				_, err = foreign.Do(ctx, openflow.NewFlowMod(openflow.FlowDeleteStrict, testFlow((i+keys/2)%keys)))
			case 5:
				g := testFlow((i + 1) % keys)
				g.Cookie = openflow.Cookie(i) | 1<<32
				err = foreign.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, slices.Values([][]byte{f.AppendAdd(nil, 0), g.AppendAdd(nil, 0)}))
			default:
				_, err = foreign.Do(ctx, openflow.NewFlowMod(openflow.FlowAdd, f))
			}
		}
		failed <- err
	}()
	query := openflow.AllFlows()
	query.Table = 10
	for working := true; working; {
		select {
		case err := <-failed:
			if err != nil {
				t.Fatal(err)
			}
			working = false
		default:
		}
		own := openflow.Flow{Table: 20, Priority: 1}
		if err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{own.AppendAdd(nil, 0)})); err != nil {
			t.Fatal(err)
		}
		if err := s.Flows(ctx, query, func(*openflow.FlowStats) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()

	conn.mu.Lock()
	defer conn.mu.Unlock()
	known := map[openflow.FlowKey]openflow.Cookie{}
	replies := 0
	for _, m := range conn.said {
		if !m.bySwitch || openflow.FrameType(m.frame) != openflow.TypeMultipartReply {
			continue
		}
		msg, err := openflow.DecodeMessage(m.frame)
		if err != nil {
			t.Fatal(err)
		}
		r := msg.(*openflow.MultipartReply)
		switch {
		case openflow.IsFlowUpdates(m.frame):
			for u, err := range r.FlowUpdates() {
				switch {
				case err != nil:
					t.Fatal(err)
				case u.Event == openflow.FlowDeleted:
					delete(known, u.Key())
				case u.Event != openflow.FlowAbbrev:
					known[u.Key()] = u.Cookie
				}
			}
		case r.Kind == openflow.MultipartFlow: // in one part, as the flows are few
			there := map[openflow.FlowKey]openflow.Cookie{}
			for f, err := range r.Flows() {
				if err != nil {
					t.Fatal(err)
				}
				there[f.Key()] = f.Cookie
			}
			if diff := cmp.Diff(there, known); diff != "" {
				t.Fatalf("reply %d: read (-) and reported before (+):\n%s", replies, diff)
			}
			replies++
		}
	}
	t.Logf("%d replies compared", replies)
	if len(known) == 0 || replies < 10 {
		t.Errorf("%d flows and %d replies prove nothing", len(known), replies)
	}
}

// The answer of an Open vSwitch without the extension is known from that to a
// request which no version has.
func TestOVSMonitorUnsupported(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{})
	err := s.Multipart(testContext(t), &openflow.MultipartRequest{Kind: openflow.MultipartExperimenter,
		Body: experimenterBody(1879)}, func(*openflow.MultipartReply) error { return nil })
	if !unsupported(err) {
		t.Errorf("not taken for a request that the switch does not know: %v", err)
	}
}

// TestOVSMonitorPause has the session read nothing while others change flows,
// until Open vSwitch pauses, and go on changing them.
func TestOVSMonitorPause(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	conn := o.accept()
	conn.(*net.TCPConn).SetReadBuffer(256 << 10)
	held := &holdable{Conn: conn}
	s, err := Handshake(ctx, held, Config{EchoInterval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	runSession(t, s)
	m := monitorAll(t, s)
	foreign := o.another()

	release := held.hold()
	var long openflow.Actions
	for i := range 60 {
		long = long.SetReg(1, uint32(i))
	}
	add := func(from, to int) {
		t.Helper()
		if err := foreign.Bundle(ctx, openflow.BundleAtomic, func(yield func([]byte) bool) {
			var b []byte
			for i := from; i < to; i++ {
				f := testFlow(i)
				f.Instructions = openflow.Instructions{}.ApplyActions(long)
				if b = f.AppendAdd(b[:0], 0); !yield(b) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 8000) // 12 MB of reports, more than what sockets buffer
	add(8000, 8010)
	release()
	eventually(t, "the switch has paused and resumed", func() bool { return s.Stats().In[openflow.TypeExperimenter] == 2 })
	if _, lost := m.Take(); !lost {
		t.Error("nothing is said to be lost")
	}
	if strings.TrimSpace(o.Appctl("coverage/read-counter", "ofmonitor_pause")) == "0" {
		t.Error("the switch did not pause, which was to be tested")
	}
	o.Ofctl("del-flows", "table=10,ip,nw_dst=10.0.0.1")
	if err := s.Barrier(ctx); err != nil {
		t.Fatal(err)
	}
	if got := taken(m); !strings.HasPrefix(got, "DELETED (delete) table=10, cookie=0x2,") || strings.Count(got, "\n") != 1 {
		t.Errorf("afterwards: %q", got)
	}
}

// holdable is a connection that can be made to stop reading.
type holdable struct {
	net.Conn
	mu sync.Mutex // held while a reader takes what it has read, or may not
}

// hold has reads that begin from now on, and one that is under way, return only
// after release.
func (h *holdable) hold() (release func()) {
	h.mu.Lock()
	return h.mu.Unlock
}

func (h *holdable) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.mu.Lock()
	defer h.mu.Unlock()
	return n, err
}
