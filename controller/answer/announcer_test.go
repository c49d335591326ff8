package answer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/ndp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// announced is switches that note what they send.
type announced struct {
	view atomic.Pointer[pipeline.View]

	mu   sync.Mutex // guards sent
	sent []string
}

func (a *announced) View() *pipeline.View                   { return a.view.Load() }
func (a *announced) CTFlush(string, *openflow.CTFlush) bool { return true }

func (a *announced) PacketOut(node string, m *openflow.PacketOut) bool {
	got := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.Default)
	what := "?"
	if arp, ok := got.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		what = fmt.Sprintf("arp op %d %v is-at %x, asks %v", arp.Operation, netip.AddrFrom4([4]byte(arp.SourceProtAddress)), arp.SourceHwAddress, netip.AddrFrom4([4]byte(arp.DstProtAddress)))
	} else if icmp, ok := got.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok {
		if sum := icmp.Checksum; sum != checksumOf(got) {
			what = fmt.Sprintf("checksum %#x", sum)
		}
		message, err := ndp.ParseMessage(slices.Concat(icmp.Contents, icmp.Payload))
		if na, ok := message.(*ndp.NeighborAdvertisement); ok && err == nil && what == "?" {
			what = fmt.Sprintf("na %v is-at %x R=%v S=%v O=%v to %v", na.TargetAddress, []byte(na.Options[0].(*ndp.LinkLayerAddress).Addr), na.Router, na.Solicited, na.Override, got.NetworkLayer().NetworkFlow().Dst())
		}
	}
	eth := got.LinkLayer().LinkFlow()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, fmt.Sprintf("%s %v: %v > %v %s", node, m.Actions, eth.Src(), eth.Dst(), what))
	return true
}

// checksumOf returns the checksum that a message of ICMPv6 should have.
func checksumOf(p gopacket.Packet) uint16 {
	icmp := *p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	b := gopacket.NewSerializeBuffer()
	if icmp.SetNetworkLayerForChecksum(p.NetworkLayer()) != nil || gopacket.SerializeLayers(b, gopacket.SerializeOptions{ComputeChecksums: true}, &icmp, gopacket.Payload(icmp.Payload)) != nil {
		return 0
	}
	return binary.BigEndian.Uint16(b.Bytes()[2:])
}

// take returns what was sent since the last call.
func (a *announced) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(a.sent)
	sent := a.sent
	a.sent = nil
	return sent
}

// TestAnnouncer: when an address gets another MAC, in one revision or in two, the other ports
// of the network that have an interface learn it twice; nobody hears of an address that
// keeps its MAC, of a new one, or of one whose new port is gone again.
func TestAnnouncer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &announced{}
		to.view.Store(newBed(t, nil).view)
		a := NewAnnouncer()
		ctx := t.Context()
		go a.Run(ctx, to)
		// The bed's ports have interfaces; those of this test have none. apply makes a revision of each
		// list; the announcer learns of all of them before it announces.
		apply := func(revisions ...[]topology.Op) {
			t.Helper()
			var made []topology.Result
			for _, ops := range revisions {
				r, err := topology.Plan(to.View().Topo, ops, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				to.view.Store(to.View().Next(pipeline.Update{Topo: r.Next, Changes: r.Changes}))
				made = append(made, r)
			}
			for _, r := range made {
				a.Changed(r.Next.Revision(), r.Changes)
			}
		}
		op := func(v topology.Verb, name string, spec topology.PortSpec) topology.Op {
			o := topology.Op{Verb: v, Ref: topology.Ref{Kind: topology.KindPort, Name: name}}
			if v != topology.Delete {
				o.Spec = spec
			}
			return o
		}
		spec := func(mac byte) topology.PortSpec {
			s := topology.PortSpec{Network: "blue", IPs: []netip.Addr{netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("fd00:1::77")}}
			if mac != 0 {
				s.MAC = topology.MAC{2, 0, 0, 0, 0, mac}
			}
			return s
		}
		two := to.View().Place("own").OFPort
		other := to.View().Place("web.1").OFPort
		want := func(mac string) []string {
			out := fmt.Sprintf("n1 %v", openflow.Actions(nil).Output(min(two, other)).Output(max(two, other)))
			sender := "02:00:00:00:00:" + mac
			hex := strings.ReplaceAll(sender, ":", "")
			return []string{
				out + ": " + sender + " > 33:33:00:00:00:01 na fd00:1::77 is-at " + hex + " R=false S=false O=true to ff02::1",
				out + ": " + sender + " > ff:ff:ff:ff:ff:ff arp op 1 10.0.0.77 is-at " + hex + ", asks 10.0.0.77",
			}
		}
		renamed := spec(2)
		renamed.InterfaceID = "vip0"
		for _, step := range []struct {
			what      string
			revisions [][]topology.Op
			mac       string // announced; none if empty
		}{
			{"a new port", [][]topology.Op{{op(topology.Create, "vip", spec(1))}}, ""},
			{"another MAC", [][]topology.Op{{op(topology.Put, "vip", spec(2))}}, "02"},
			{"no change of it", [][]topology.Op{{op(topology.Put, "vip", renamed)}}, ""},
			{"deleted", [][]topology.Op{{op(topology.Delete, "vip", spec(0))}}, ""},
			{"taken by another port", [][]topology.Op{{op(topology.Create, "heir", spec(3))}}, "03"},
			{"given to another port at once", [][]topology.Op{{op(topology.Delete, "heir", spec(0)), op(topology.Create, "next", spec(4))}}, "04"},
			{"with the MAC that it had", [][]topology.Op{{op(topology.Delete, "next", spec(0)), op(topology.Create, "same", spec(4))}}, ""},
			{"gone before it is announced", [][]topology.Op{{op(topology.Put, "same", spec(5))}, {op(topology.Delete, "same", spec(0))}}, ""},
		} {
			apply(step.revisions...)
			var expected []string
			if step.mac != "" {
				expected = want(step.mac)
			}
			for i, after := range []time.Duration{announceAgain / 2, announceAgain} {
				time.Sleep(after)
				synctest.Wait()
				got := to.take()
				if diff := cmp.Diff(expected, got); diff != "" {
					t.Errorf("%s, announcement %d (-want +got):\n%s", step.what, i+1, diff)
				}
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := to.take(); len(got) > 0 {
				t.Errorf("%s: announced a third time: %v", step.what, got)
			}
		}
	})
}

// TestAnnouncerSleeps: while nothing waits there is no next time, and the second announcement is
// what the announcer sleeps for.
func TestAnnouncerSleeps(t *testing.T) {
	a, now := NewAnnouncer(), time.Now()
	if at, ok := a.next(now); ok {
		t.Errorf("nothing waits, and the next announcement is at %v", at)
	}
	a.again = []*moved{{at: now.Add(announceAgain)}}
	if at, ok := a.next(now); !ok || !at.Equal(now.Add(announceAgain)) {
		t.Errorf("the second announcement is made at %v, %t, want after %v", at, ok, announceAgain)
	}
	a.first = []*moved{{}}
	if at, ok := a.next(now); !ok || !at.Equal(now) {
		t.Errorf("a first announcement is made at %v, %t, want at once", at, ok)
	}
}

// TestAnnouncerIsBounded: of addresses that nobody has, the newest are remembered and
// the oldest forgotten; what moves while very many wait is not announced. Both are counted.
func TestAnnouncerIsBounded(t *testing.T) {
	a := NewAnnouncer()
	port := func(i int) *topology.Port {
		return &topology.Port{Spec: topology.PortSpec{Network: "blue"}, MAC: topology.MAC{2},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}}
	}
	const more = 1000
	for i := range maxReleased + more {
		a.Changed(1, []topology.Change{{Before: port(i)}})
	}
	if len(a.released) != maxReleased || len(a.order) != maxReleased {
		t.Errorf("%d addresses are remembered, %d in order, want %d", len(a.released), len(a.order), maxReleased)
	}
	taken := port(more)
	taken.MAC = topology.MAC{2, 1}
	a.Changed(2, []topology.Change{{After: port(more - 1)}, {After: taken}})
	if len(a.first) != 1 || a.first[0].addr != taken.Addresses[0] {
		t.Errorf("%d addresses are to be announced, want that of %v", len(a.first), taken.Addresses)
	}
	for i := range maxMoved + more {
		other := port(more + 1 + i)
		other.MAC = topology.MAC{2, 1}
		a.Changed(3, []topology.Change{{After: other}})
	}
	for reason, want := range map[string]int{"forgotten": more, "waiting": more + 1} {
		if got := testutil.ToFloat64(a.dropped.WithLabelValues(reason)); int(got) != want {
			t.Errorf("%v dropped as %s, want %d", got, reason, want)
		}
	}
	if len(a.first) != maxMoved {
		t.Errorf("%d addresses wait to be announced, want %d", len(a.first), maxMoved)
	}
}
