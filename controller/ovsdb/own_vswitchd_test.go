package ovsdb

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/ovstest"
)

// TestOwnRowsForward: ovs-vswitchd does what rows of sdnd's own say. A Mirror copies what a
// port sends, an IPFIX row reports it, a QoS with its Queue is on its port; when the rows go,
// so does that, and the switch forwards as before.
func TestOwnRowsForward(t *testing.T) {
	ovs := ovstest.Start(t)
	collector, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	port, _, rec, _ := serveRecorded(t, Config{Logger: textLogger(t.Output()), Bridge: "br0"})
	ovs.Vsctl("set", "Bridge", "br0", "external_ids:sdnctl-node=node1")
	ovs.Run("ovs-appctl", "-t", ovs.Path("ovsdb-server.ctl"), "ovsdb-server/add-remote", "tcp:127.0.0.1:"+port)
	b := &ownBed{&private{t: t}, rec}
	b.next(" connected ")
	ovs.Ofctl("add-flow", "priority=1,actions=drop")

	rows := []OwnRow{
		{Table: "Mirror", Key: "mirror", On: "br0", Columns: map[string]Value{
			"name": Set(Text("m")), "select_src_port": Set(Row{"Port", "p1"}), "output_port": Set(Row{"Port", "p2"}),
		}},
		{Table: "IPFIX", Key: "ipfix", On: "br0", Columns: map[string]Value{
			"targets": Set(Text(collector.LocalAddr().String())), "sampling": Set(Int(1)),
		}},
		{Table: "QoS", Key: "qos", On: "p1", Columns: map[string]Value{"type": Set(Text("linux-noop")), "queues": Map([2]Atom{Int(0), Own("queue")})}},
		{Table: "Queue", Key: "queue", Columns: map[string]Value{"dscp": Set(Int(10))}},
	}
	// mirrored sends a packet into p1 and returns how many have left p2.
	mirrored := func() string {
		ovs.Appctl("netdev-dummy/receive", "p1", "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x1234)")
		_, after, _ := strings.Cut(ovs.Ofctl("dump-ports", "p2"), "tx pkts=")
		sent, _, _ := strings.Cut(after, ",")
		return sent
	}
	if n := mirrored(); n != "0" {
		t.Fatalf("%s packets have left the other port without a mirror", n)
	}
	b.writes("<nil>", rows...)
	awaitSwitch(t, "the mirror copies packets", func() bool { return mirrored() != "0" })
	if err := collector.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	report := make([]byte, 2048)
	// A message of IPFIX begins with its version, 10 (RFC 7011, 3.1).
	if n, err := collector.Read(report); err != nil || n < 16 || report[1] != 10 {
		t.Errorf("the collector got %d bytes: %v", n, err)
	}
	if got := strings.TrimSpace(ovs.Vsctl("get", "QoS", strings.TrimSpace(ovs.Vsctl("get", "Port", "p1", "qos")), "type")); got != "linux-noop" {
		t.Errorf("the port's QoS is of type %q", got)
	}

	b.writes("<nil>")
	awaitSwitch(t, "nothing is mirrored any more", func() bool { before := mirrored(); return mirrored() == before })
	for _, table := range []string{"Mirror", "IPFIX", "QoS", "Queue"} {
		if left := strings.TrimSpace(ovs.Vsctl("--columns=_uuid", "list", table)); left != "" {
			t.Errorf("%s: %s is left", table, left)
		}
	}
}

// awaitSwitch waits for what ovs-vswitchd does a moment after the database changed.
func awaitSwitch(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal("not in time: " + what)
		}
	}
}
