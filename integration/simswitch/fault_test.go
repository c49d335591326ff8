package simswitch_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

func TestDropAfter(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	sim.SetFaults(simswitch.Faults{DropAfter: 4})
	d := drive(t, sim, 0) // its HELLO is the first message
	d.send()
	d.send()
	d.write(encode(t, &openflow.EchoRequest{}))
	d.until(func(f []byte) bool { return openflow.MessageType(f[1]) == openflow.TypeEchoReply })
	d.closed()
}

func TestRefuseFlows(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	d.send(sample()[0])
	sim.SetFaults(simswitch.Faults{RefuseFlows: true})
	d.send(sample()[0]) // is there
	if len(d.log) > 0 {
		t.Errorf("said %q to a flow that was there", d.log)
	}
	d.send(sample()[1], control(t, 1, openflow.BundleOpenRequest, both), put(1, both, sample()[2]),
		control(t, 1, openflow.BundleCommitRequest, both))
	wantErrors(t, d, "OFPFMFC_TABLE_FULL", "OFPFMFC_TABLE_FULL", "OFPBFC_MSG_FAILED")
	if n := sim.NumFlows(); n != 1 {
		t.Errorf("%d flows, want 1", n)
	}
}

// TestTableLimit: a table that is full still takes other words for a flow that
// it has, and other tables have room.
func TestTableLimit(t *testing.T) {
	sim := simulate(t, simswitch.Config{TableLimit: 3})
	d := drive(t, sim, 0)
	d.send(sample()...)
	d.send(add(openflow.Flow{Table: 0, Priority: 9}), sample()[0], openflow.AppendFlowDeleteByCookie(nil, 0, 0, 0x11),
		add(openflow.Flow{Table: 0, Priority: 9}))
	wantErrors(t, d, "OFPFMFC_TABLE_FULL")
}

func TestReplyDelay(t *testing.T) {
	const delay = 50 * time.Millisecond
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	sim.SetFaults(simswitch.Faults{ReplyDelay: delay})
	before := time.Now()
	d.send()
	if took := time.Since(before); took < delay {
		t.Errorf("answered within %v", took)
	}
}

func TestStopReading(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	sim.SetFaults(simswitch.Faults{StopReading: true})
	conn := sim.connect(0)
	defer conn.Close()
	// More than any socket takes that is not read from.
	if err := conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("64 MiB were written: %v", err)
	}
}

// TestReadsAgain: a switch that did not read goes on as if nothing had been.
func TestReadsAgain(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	sim.SetFaults(simswitch.Faults{StopReading: true})
	d := newDriver(t, sim.connect(0))
	d.write(encode(t, openflow.NewHello()))
	d.write(sample()[0])
	d.write(sample()[1])
	sim.SetFaults(simswitch.Faults{ReadRate: 2000})
	d.read() // HELLO
	d.send()
	if n := sim.NumFlows(); n != 2 {
		t.Errorf("%d flows, want 2", n)
	}
}

// TestProbe: a controller that is silent is asked for a sign of life, and given
// up when it gives none.
func TestProbe(t *testing.T) {
	d := drive(t, simulate(t, simswitch.Config{Probe: 50 * time.Millisecond}), 0)
	f := d.read()
	if openflow.MessageType(f[1]) != openflow.TypeEchoRequest {
		t.Fatalf("got % x", f)
	}
	d.write(patch(f, 1, byte(openflow.TypeEchoReply)))
	if f := d.read(); openflow.MessageType(f[1]) != openflow.TypeEchoRequest {
		t.Fatalf("got % x", f)
	}
	if f, err := d.tryRead(); err == nil {
		t.Errorf("given no answer, it says % x", f)
	}
}

func TestReset(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	d.send(sample()...)
	hash := sim.Hash()
	if want := simswitch.HashCookies(sim.Cookies()); hash != want || len(sim.Flows()) != len(sample()) {
		t.Errorf("hash %x, want %x; %d flows", hash, want, len(sim.Flows()))
	}
	sim.Reset()
	d.closed()
	if sim.NumFlows() != 0 || sim.Hash() == hash {
		t.Error("flows are left")
	}
}

func TestVersions(t *testing.T) {
	for name, hello := range map[string]*openflow.Hello{
		"1.0":          {Version: 1},
		"1.5 and 1.4":  {Version: 6, Bitmap: []uint32{1<<6 | 1<<5}},
		"not to begin": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, simulate(t, simswitch.Config{}).connect(0))
			if hello != nil {
				d.write(encode(t, hello))
			} else {
				d.write(encode(t, &openflow.EchoRequest{}))
			}
			d.closed()
		})
	}
	t.Run("1.3 of a newer one", func(t *testing.T) {
		d := newDriver(t, simulate(t, simswitch.Config{}).connect(0))
		d.write(encode(t, &openflow.Hello{Version: 6}))
		d.read()
		d.send()
	})
}

// TestRefusedMonitors is about what Open vSwitch 3.1 answers with garbage; see
// monitors.
func TestRefusedMonitors(t *testing.T) {
	d := drive(t, simulate(t, simswitch.Config{}), 0)
	ask := func(change func(*openflow.FlowMonitorRequest)) []byte {
		q := openflow.AllFlowChanges()
		q.ID = 1
		change(&q)
		return encode(t, q.Message())
	}
	d.send(ask(func(*openflow.FlowMonitorRequest) {}), ask(func(*openflow.FlowMonitorRequest) {}),
		ask(func(q *openflow.FlowMonitorRequest) { q.ID, q.Flags = 2, openflow.MonitorInitial }),
		ask(func(q *openflow.FlowMonitorRequest) { q.ID, q.Match = 2, none.IPv4Dst(host1) }),
		encode(t, &openflow.FlowMonitorCancel{MonitorID: 2}), encode(t, &openflow.FlowMonitorCancel{MonitorID: 1}))
	wantErrors(t, d, "OFPMOFC_MONITOR_EXISTS", "OFPMOFC_BAD_FLAGS", "OFPBMC_BAD_PREREQ", "OFPMOFC_UNKNOWN_MONITOR")
}

// TestManyWrites sends messages byte by byte, and many at once.
func TestManyWrites(t *testing.T) {
	sim := simulate(t, simswitch.Config{})
	d := drive(t, sim, 0)
	if err := d.conn.(*net.TCPConn).SetNoDelay(true); err != nil {
		t.Fatal(err)
	}
	for _, c := range sample()[0] {
		d.write([]byte{c})
	}
	d.send()
	var all []byte
	for m := range manyFlows(5000) {
		all = append(all, m...)
	}
	d.write(all)
	d.send()
	if n := sim.NumFlows(); n != 5001 {
		t.Errorf("%d flows, want 5001", n)
	}
}

// wantErrors compares the names of the errors that were written down.
func wantErrors(t *testing.T, d *driver, want ...string) {
	t.Helper()
	var got []string
	for _, line := range d.log {
		if words := strings.Fields(line); words[0] == "error" {
			got = append(got, words[2])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
