package session

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

func prefix32(ip [4]byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4(ip), 32) }

func testContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

func TestOVSHandshake(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{Role: openflow.RoleMaster, GenerationID: 7})
	if got := s.Features().DatapathID; got != 0xa1 {
		t.Errorf("datapath id %v, want a1", got)
	}
	if got := s.Desc(); got.Manufacturer != "Nicira, Inc." || !strings.HasPrefix(got.Software, "2.") && !strings.HasPrefix(got.Software, "3.") {
		t.Errorf("description %+v", got)
	}
	if got := portNames(s.Ports()); !slices.Equal(got, []string{"br0", "p1", "p2"}) {
		t.Errorf("ports %q", got)
	}
	m, err := s.Do(testContext(t), &openflow.RoleRequest{Role: openflow.RoleNoChange})
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := m.(*openflow.RoleReply); !ok || r.Role != openflow.RoleMaster || r.GenerationID != 7 {
		t.Errorf("role reply %+v", m)
	}
}

func portNames(ports []openflow.Port) []string {
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

func TestOVSBundle(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	const n = 10_000
	if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, testMods(n)); err != nil {
		t.Fatal(err)
	}
	got := make([]bool, n)
	err := s.Flows(ctx, openflow.AllFlows(), func(f *openflow.FlowStats) error {
		i := int(f.Cookie) - 1
		if i < 0 || i >= n || got[i] {
			t.Errorf("flow %v is not ours or there twice", f)
			return errors.New("stop")
		}
		got[i] = true
		if want := testFlow(i); f.Table != want.Table || f.Priority != want.Priority {
			t.Errorf("flow %d: table %d priority %d", i, f.Table, f.Priority)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.Index(got, false); i >= 0 {
		t.Errorf("flow %d is missing", i)
	}
	sum, err := s.Aggregate(ctx, openflow.AllFlows())
	if err != nil || sum.Flows != n {
		t.Errorf("aggregate: %+v, %v", sum, err)
	}
	tables, err := s.Tables(ctx)
	if err != nil || len(tables) < 11 || tables[10].Active != n {
		t.Errorf("tables: %v", err)
	}
	if err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, slices.Values([][]byte{
		openflow.AppendFlowDeleteByCookie(nil, 0, openflow.TableAll, 17),
		openflow.AppendFlowDeleteByCookie(nil, 0, 10, 18),
	})); err != nil {
		t.Fatal(err)
	}
	if got := o.countFlows(); got != "9998" {
		t.Errorf("ovs-ofctl sees %s flows", got)
	}
}

func TestOVSPorts(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{})
	next := func() *openflow.PortStatus {
		t.Helper()
		late := time.AfterFunc(15*time.Second, func() { s.Close() })
		defer late.Stop()
		e := nextEvent(s)
		p, ok := e.(*openflow.PortStatus)
		if !ok {
			t.Fatalf("event %+v", e)
		}
		return p
	}
	o.Vsctl("add-port", "br0", "p3", "--", "set", "interface", "p3", "type=dummy", "ofport_request=3")
	if p := next(); p.Reason != openflow.PortAdded || p.Port.No != 3 || p.Port.Name != "p3" {
		t.Errorf("after add-port: %+v", p)
	}
	o.Appctl("netdev-dummy/set-admin-state", "p3", "down")
	for p := next(); p.Port.LinkUp(); p = next() {
	}
	o.Vsctl("del-port", "p3")
	p := next()
	for ; p.Reason == openflow.PortModified; p = next() {
	}
	if p.Reason != openflow.PortDeleted || p.Port.No != 3 {
		t.Errorf("after del-port: %+v", p)
	}
	ports, err := s.PortDesc(testContext(t))
	if got := portNames(ports); err != nil || !slices.Equal(got, []string{"br0", "p1", "p2"}) {
		t.Errorf("ports %q, %v", got, err)
	}
	stats, err := s.PortStats(testContext(t), 1)
	if err != nil || len(stats) != 1 || stats[0].No != 1 {
		t.Errorf("port statistics %+v, %v", stats, err)
	}
}

// testPacketHex is an ICMP echo request in text as netdev-dummy/receive takes it,
// and the same in bytes.
const testPacketHex = "020000000002" + "020000000001" + "0800" +
	"4500001c" + "00000000" + "40016ade" + "0a000001" + "0a000002" + "0800f7ff" + "00000000" +
	"0000000000000000000000000000" + "00000000"

func TestOVSPackets(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	f := openflow.Flow{Table: 0, Priority: 1, Cookie: 0xc0ffee, Match: openflow.Match{}.InPort(1),
		Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.Controller(0xffff))}
	if err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{f.AppendAdd(nil, 0)})); err != nil {
		t.Fatal(err)
	}
	packet, err := hex.DecodeString(testPacketHex)
	if err != nil {
		t.Fatal(err)
	}
	o.Appctl("netdev-dummy/receive", "p1", testPacketHex)
	in, ok := nextEvent(s).(*openflow.PacketIn)
	if !ok || in.InPort() != 1 || in.Cookie != 0xc0ffee || !bytes.Equal(in.Data, packet) {
		t.Fatalf("packet-in %+v", in)
	}
	// Sent back, it leaves by the other port.
	if _, err := s.Do(ctx, openflow.NewPacketOut(in.Data, openflow.Actions{}.Output(2))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the packet is in p2's capture", func() bool {
		pcap, _ := os.ReadFile(o.Path("p2.pcap"))
		return bytes.Contains(pcap, packet)
	})
	// What the switch refuses of a packet-out is its answer.
	if _, err := s.Do(ctx, openflow.NewPacketOut(in.Data, openflow.Actions{}.Group(1))); !openflow.IsError(err, openflow.ErrTypeBadAction, 9) {
		t.Errorf("packet-out to an unknown group: %v", err)
	}
	if err := s.Send(ctx, openflow.NewPacketOut(in.Data, openflow.Actions{}.Group(1))); err != nil {
		t.Fatal(err)
	}
	if e, ok := nextEvent(s).(*openflow.ErrorMsg); !ok || e.Code != 9 {
		t.Errorf("event %+v", e)
	}
}

// TestOVSPacketInUserdata: a session that asks for it gets what the flow's action carried,
// over OpenFlow 1.3; one that does not gets the packet without.
func TestOVSPacketInUserdata(t *testing.T) {
	for _, ask := range []bool{true, false} {
		t.Run(fmt.Sprint("asked for: ", ask), func(t *testing.T) {
			o, ctx := startOVS(t), testContext(t)
			s := o.session(Config{PacketInUserdata: ask})
			f := openflow.Flow{Table: 0, Priority: 1, Cookie: 0xc0ffee, Match: openflow.Match{}.InPort(1),
				Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.ControllerUserdata(openflow.ControllerNoBuffer, []byte("dhcp")))}
			if err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{f.AppendAdd(nil, 0)})); err != nil {
				t.Fatal(err)
			}
			packet, err := hex.DecodeString(testPacketHex)
			if err != nil {
				t.Fatal(err)
			}
			o.Appctl("netdev-dummy/receive", "p1", testPacketHex)
			in, ok := nextEvent(s).(*openflow.PacketIn)
			if !ok || in.InPort() != 1 || in.Cookie != 0xc0ffee || in.Reason != openflow.ReasonAction || int(in.TotalLen) != len(packet) || !bytes.Equal(in.Data, packet) {
				t.Fatalf("packet-in %+v", in)
			}
			if want := map[bool]string{true: "dhcp"}[ask]; string(in.Userdata) != want {
				t.Errorf("userdata %q, want %q", in.Userdata, want)
			}
		})
	}
}

func TestOVSEcho(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{EchoInterval: 20 * time.Millisecond})
	eventually(t, "switch has answered echo requests", func() bool { return s.Stats().In[openflow.TypeEchoReply] >= 3 })
}

// Open vSwitch asks after 5 s of silence, no less.
func TestOVSAsksForEcho(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 s: not with -short")
	}
	o := startOVS(t)
	s := o.session(Config{EchoInterval: time.Hour})
	eventually(t, "switch has asked and was answered", func() bool { return s.Stats().Out[openflow.TypeEchoReply] > 0 })
	if err := s.Barrier(testContext(t)); err != nil {
		t.Error(err)
	}
}

// A switch that hangs is noticed by its silence, one that dies at once.
func TestOVSHangsOrDies(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		hangs  bool
	}{{syscall.SIGSTOP, true}, {syscall.SIGKILL, false}} {
		o := startOVS(t)
		s, err := Handshake(testContext(t), o.accept(), Config{EchoInterval: 50 * time.Millisecond, EchoTimeout: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ran := make(chan error, 1)
		go func() { ran <- s.Run(testContext(t)) }()
		o.Signal("ovs-vswitchd", test.signal)
		if err := s.Bundle(testContext(t), openflow.BundleAtomic, testMods(10_000)); !errors.Is(err, ErrClosed) {
			t.Errorf("%v: bundle: %v", test.signal, err)
		}
		if err := <-ran; errors.Is(err, ErrDeadPeer) != test.hangs {
			t.Errorf("%v: session ended: %v", test.signal, err)
		}
	}
}

// The user of a switch without OpenFlow 1.3 sees why, on either side.
func TestOVSVersionMismatch(t *testing.T) {
	o := startOVS(t)
	o.Vsctl("set", "bridge", "br0", "protocols=OpenFlow10,OpenFlow15")
	_, err := Handshake(testContext(t), o.accept(), Config{})
	var v *VersionError
	if !errors.As(err, &v) || !slices.Equal(v.Offered, []uint8{1, 6}) {
		t.Fatalf("error %v", err)
	}
	eventually(t, "switch has logged why", func() bool {
		log, _ := os.ReadFile(o.Path("ovs-vswitchd.log"))
		return bytes.Contains(log, []byte("peer supports version 0x04"))
	})
}
