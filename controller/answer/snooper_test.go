package answer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// listening is a host behind a port that reports groups by a version of IGMP or MLD.
type listening struct {
	port    string
	version string
	src     netip.Addr
	mac     topology.MAC
	groups  []string
	// silent says that it answers no question.
	silent bool
}

// snoopTest is hosts, the switch that they are at, and the snooper. Its view has what was reported.
type snoopTest struct {
	*bed
	s     *Snooper
	now   time.Time
	away  bool
	hosts []*listening
	// asked are the questions that came to ports since they were read last, and waiting those that hosts
	// have yet to answer.
	asked, waiting []posed
	changes        []string
}

type posed struct {
	port string
	query
}

func newSnoopTest(t testing.TB) *snoopTest {
	b := &snoopTest{now: time.Unix(1e9, 0)}
	b.bed = newBed(t, func(n *topology.NetworkSpec) { n.Multicast = model.MulticastSnoop })
	for _, name := range []string{"alone", "pods"} {
		n, _ := b.view.Topo.Network(name)
		spec := n.Spec
		spec.Multicast = model.MulticastSnoop
		r, err := topology.Plan(b.view.Topo, []topology.Op{{Verb: topology.Put, Ref: n.Ref(), Spec: spec}}, b.now)
		if err != nil {
			t.Fatal(err)
		}
		b.view = b.view.Next(pipeline.Update{Topo: r.Next, Changes: r.Changes})
	}
	b.s = NewSnooper(func() time.Time { return b.now })
	return b
}

func (b *snoopTest) View() *pipeline.View                   { return b.view }
func (b *snoopTest) CTFlush(string, *openflow.CTFlush) bool { return true }

// PacketOut reads a question with a library of others, and has its checksums checked.
func (b *snoopTest) PacketOut(_ string, m *openflow.PacketOut) bool {
	b.t.Helper()
	if b.away {
		return false
	}
	var q posed
	for p := range b.view.Topo.Ports() {
		if string(m.Actions) == string(openflow.Actions(nil).Output(b.at(p.Name).No)) {
			q.port = p.Name
		}
	}
	p := gopacket.NewPacket(m.Data, layers.LayerTypeEthernet, gopacket.Default)
	if p.ErrorLayer() != nil {
		b.t.Fatalf("question: %v", p.ErrorLayer().Error())
	}
	if f, err := read(m.Data); err != nil || f.hops != 1 {
		b.t.Fatalf("question: %v, hop limit %d", err, f.hops)
	}
	copy(q.srcMAC[:], p.LinkLayer().LinkFlow().Src().Raw())
	q.src, _ = netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
	to, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
	all := to == netip.MustParseAddr("224.0.0.1") || to == netip.MustParseAddr("ff02::1")
	switch l := p.Layers()[len(p.Layers())-1].(type) {
	case *layers.IGMP:
		q.group, _ = netip.AddrFromSlice(l.GroupAddress.To4())
		q.within = l.MaxResponseTime
		if l.Type != layers.IGMPMembershipQuery || l.RobustnessValue != 2 || m.Data[14+24+9] != 125 || checksum(0, m.Data[14+24:]) != 0 || checksum(0, m.Data[14:14+24]) != 0 || m.Data[14] != 0x46 {
			b.t.Fatalf("question %+v", l)
		}
	case *layers.MLDv2MulticastListenerQueryMessage:
		q.group, _ = netip.AddrFromSlice(l.MulticastAddress)
		q.within = l.MaximumResponseDelay()
		if l.QueriersRobustnessVariable != 2 || l.QQI() != 125*time.Second || checksum(pseudoSum(q.src, to, 28), m.Data[62:]) != 0 || !q.src.IsLinkLocalUnicast() {
			b.t.Fatalf("question %+v", l)
		}
	default:
		b.t.Fatalf("question: %v", p)
	}
	if all != q.group.IsUnspecified() || !all && to != q.group {
		b.t.Errorf("a question for %v goes to %v", q.group, to)
	}
	b.asked = append(b.asked, q)
	b.waiting = append(b.waiting, q)
	return true
}

// host is a host behind a port; the last byte of its addresses and its MAC is number.
func (b *snoopTest) host(port, version string, number byte) *listening {
	h := &listening{port: port, version: version, mac: b.port(port).MAC, src: netip.AddrFrom4([4]byte{10, 0, 0, number})}
	if strings.HasPrefix(version, "mld") {
		h.src = netip.AddrFrom16([16]byte{0xfe, 0x80, 15: number})
	}
	h.mac[5] = number
	b.hosts = append(b.hosts, h)
	return h
}

// group returns the address of a group as the host writes it.
func (h *listening) group(n string) netip.Addr {
	if strings.HasPrefix(h.version, "mld") {
		return netip.MustParseAddr("ff15::" + n)
	}
	return netip.MustParseAddr("239.0.0." + n)
}

// joins has a host join groups, and leaves leave one.
func (b *snoopTest) joins(h *listening, groups ...string) {
	b.t.Helper()
	h.groups = append(h.groups, groups...)
	for _, g := range groups {
		b.sends(h, h.group(g), false)
	}
	b.report()
}

func (b *snoopTest) leaves(h *listening, group string) {
	b.t.Helper()
	h.groups = slices.DeleteFunc(h.groups, func(g string) bool { return g == group })
	b.sends(h, h.group(group), true)
	b.report()
}

func (b *snoopTest) sends(h *listening, group netip.Addr, leaves bool) packetin.Reply {
	b.t.Helper()
	return b.s.received(b.view, b.at(h.port), b.packetIn(h.port, reportFrame(h, group, leaves)))
}

// reportFrame returns the frame by which a host says that it has joined a group, or leaves it.
func reportFrame(h *listening, group netip.Addr, leaves bool) []byte {
	var m []byte
	to := group
	kind := func(join, leave byte) byte {
		if leaves {
			return leave
		}
		return join
	}
	switch h.version {
	case "igmp1":
		m = append([]byte{igmpV1Report, 0, 0, 0}, group.AsSlice()...)
	case "igmp2":
		m = append([]byte{kind(igmpV2Report, igmpV2Leave), 0, 0, 0}, group.AsSlice()...)
	case "igmp3":
		m = append([]byte{igmpV3Report, 0, 0, 0, 0, 0, 0, 1, kind(toExclude, toInclude), 0, 0, 0}, group.AsSlice()...)
	case "mld1":
		m = append([]byte{kind(mldV1Report, mldV1Done), 0, 0, 0, 0, 0, 0, 0}, group.AsSlice()...)
	case "mld2":
		to = netip.MustParseAddr("ff02::16")
		m = append([]byte{mldV2Report, 0, 0, 0, 0, 0, 0, 1, kind(modeIsExclude, toInclude), 0, 0, 0}, group.AsSlice()...)
	}
	return framed(h, to, m)
}

// framed returns a frame with a message of IGMP or MLD, whose checksum it fills in.
func framed(h *listening, to netip.Addr, m []byte) []byte {
	dst := groupMAC(to)
	b := append(append([]byte(nil), dst[:]...), h.mac[:]...)
	if h.src.Is4() {
		binary.BigEndian.PutUint16(m[2:], checksum(0, m))
		ip := []byte{0x46, 0xc0, 0, byte(24 + len(m)), 0, 0, 0, 0, 1, 2, 0, 0}
		ip = append(append(append(ip, h.src.AsSlice()...), to.AsSlice()...), 0x94, 4, 0, 0)
		binary.BigEndian.PutUint16(ip[10:], checksum(0, ip))
		return append(append(append(b, 8, 0), ip...), m...)
	}
	binary.BigEndian.PutUint16(m[2:], checksum(pseudoSum(h.src, to, len(m)), m))
	ip := []byte{0x60, 0, 0, 0, 0, byte(8 + len(m)), 0, 1}
	ip = append(append(append(ip, h.src.AsSlice()...), to.AsSlice()...), 58, 0, 5, 2, 0, 0, 1, 0)
	return append(append(append(b, 0x86, 0xdd), ip...), m...)
}

// report puts what is to be reported into the view.
func (b *snoopTest) report() {
	all := b.s.take()
	for _, c := range all {
		verb := "joins"
		if c.Left {
			verb = "leaves"
		}
		b.changes = append(b.changes, fmt.Sprintf("%s %s %s", c.Port, verb, c.Group))
	}
	if len(all) > 0 {
		b.view = b.view.Next(pipeline.Update{Joins: all})
	}
}

// passes lets a time pass. Hosts answer the questions of each tick before the next.
func (b *snoopTest) passes(d time.Duration) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(snoopTick)
		b.s.tick(b)
		b.report()
		waiting := b.waiting
		b.waiting = nil
		for _, q := range waiting {
			for _, h := range b.hosts {
				if h.port != q.port || h.silent || q.src.Is4() != h.src.Is4() {
					continue
				}
				for _, g := range h.groups {
					if q.group.IsUnspecified() || q.group == h.group(g) {
						b.sends(h, h.group(g), false)
					}
				}
			}
		}
		b.report()
	}
}

// changed checks what has been reported since it was called last.
func (b *snoopTest) changed(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.changes, want) {
		b.t.Errorf("reported %q, want %q", b.changes, want)
	}
	b.changes = nil
}

// questions counts those that came to a port since it was called last, for a group or for all.
func (b *snoopTest) questions(port string) (all, groups int) {
	for _, q := range b.asked {
		switch {
		case q.port != port:
		case q.group.IsUnspecified():
			all++
		default:
			groups++
		}
	}
	b.asked = nil
	return all, groups
}

// TestGroupReports: hosts join and leave by each version. P-MC-01: a host that leaves is asked about, and
// costs neither another port nor another host behind its port anything; the last one's membership ends
// after two questions. IGMPv1 knows no leaving: it ends by time.
func TestGroupReports(t *testing.T) {
	for _, version := range []string{"igmp1", "igmp2", "igmp3", "mld1", "mld2"} {
		t.Run(version, func(t *testing.T) {
			b := newSnoopTest(t)
			b.passes(time.Second)
			one, two, own := b.host("web.1", version, 2), b.host("web.1", version, 3), b.host("own", version, 4)
			group := one.group("1").String()
			b.joins(one, "1")
			b.changed("web.1 joins " + group)
			b.joins(two, "1")
			b.changed()
			b.joins(own, "1")
			b.changed("own joins " + group)
			b.passes(10 * time.Minute)
			b.questions("")
			b.changed()
			if version == "igmp1" {
				one.groups, two.groups = nil, nil // which says nothing
				b.passes(membershipInterval + time.Second)
				b.changed("web.1 leaves " + group)
				return
			}
			b.leaves(one, "1")
			b.passes(time.Minute)
			b.changed()
			b.questions("")
			b.leaves(two, "1")
			b.passes(time.Second)
			b.changed()
			b.passes(2 * time.Second)
			b.changed("web.1 leaves " + group)
			if _, groups := b.questions("web.1"); groups != lastMemberCount {
				t.Errorf("asked %d times who is left, want %d", groups, lastMemberCount)
			}
			b.leaves(one, "1") // again
			b.passes(time.Hour)
			b.changed()
		})
	}
}

// TestSuppressedReports: P-MC-01: a host that was never known because another one behind its port
// reported first stays a member when that one leaves: it answers the question.
func TestSuppressedReports(t *testing.T) {
	for _, version := range []string{"igmp2", "mld1"} {
		b := newSnoopTest(t)
		b.passes(time.Second)
		one, quiet := b.host("web.1", version, 2), b.host("web.1", version, 3)
		b.joins(one, "1")
		quiet.groups = []string{"1"}
		b.changes = nil
		b.leaves(one, "1")
		b.passes(time.Hour)
		b.changed()
		quiet.silent = true
		b.passes(membershipInterval + time.Second)
		b.changed("web.1 leaves " + one.group("1").String())
	}
}

// TestManyReporters: of more hosts behind a port than are known, each leaves, and the last one is a
// member until it leaves.
func TestManyReporters(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	var all []*listening
	for i := range 2 * maxReporters {
		all = append(all, b.host("web.1", "igmp3", byte(i+2)))
		b.joins(all[i], "1")
	}
	b.changed("web.1 joins 239.0.0.1")
	for _, h := range all[:len(all)-1] {
		b.leaves(h, "1")
		b.passes(5 * time.Second)
	}
	b.changed()
	b.leaves(all[len(all)-1], "1")
	b.passes(5 * time.Second)
	b.changed("web.1 leaves 239.0.0.1")
}

// TestAddressLater: a host that reports before it has an address, and leaves when it has one, is one host.
func TestAddressLater(t *testing.T) {
	for _, version := range []string{"igmp3", "mld2"} {
		b := newSnoopTest(t)
		b.passes(time.Second)
		h := b.host("web.1", version, 2)
		later := h.src
		h.src = map[string]netip.Addr{"igmp3": netip.IPv4Unspecified(), "mld2": netip.IPv6Unspecified()}[version]
		b.joins(h, "1")
		h.src = later
		b.sends(h, h.group("1"), false)
		b.changes = nil
		b.leaves(h, "1")
		b.passes(3 * time.Second)
		b.changed("web.1 leaves " + h.group("1").String())
	}
}

// TestSilentHost: a host that reports no more is a member for a membership interval.
func TestSilentHost(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	h := b.host("web.1", "igmp3", 2)
	h.silent = true
	b.joins(h, "1")
	b.changed("web.1 joins 239.0.0.1")
	b.passes(membershipInterval - time.Second)
	b.changed()
	b.passes(2 * time.Second)
	b.changed("web.1 leaves 239.0.0.1")
}

// TestOwnQuestions: P-MC-02: what another querier asks keeps sdnd from nothing: each port is asked every
// 125 s, by IGMP and MLD, while the other one asks for ten minutes and after it has gone, and no member
// is lost.
func TestOwnQuestions(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	for _, h := range []*listening{b.host("web.1", "igmp3", 2), b.host("own", "mld2", 3)} {
		b.joins(h, "1")
	}
	b.changes = nil
	b.passes(startupEvery)
	b.questions("")
	querier := &listening{port: "own", mac: b.port("own").MAC, src: netip.MustParseAddr("10.0.0.1")}
	for range 10 {
		frame := framed(querier, netip.MustParseAddr("224.0.0.1"), []byte{igmpQuery, 100, 0, 0, 0, 0, 0, 0})
		if r := b.s.received(b.view, b.at("own"), b.packetIn("own", frame)); !strings.Contains(r.What, "sdnd does itself") {
			t.Errorf("a question of another querier: %q", r.What)
		}
		b.passes(time.Minute)
	}
	if all, _ := b.questions("web.1"); all != 2*4 {
		t.Errorf("asked %d times within ten minutes of another querier, want 4 by each family", all)
	}
	b.passes(time.Hour)
	if all, _ := b.questions("web.1"); all < 2*28 || all > 2*29 {
		t.Errorf("asked %d times within an hour", all)
	}
	b.changed()
}

// TestQuestionsWithoutGateway: P-MC-03: ports of networks that no router joins are asked from 0.0.0.0 and from
// a link-local address, others from their gateway, and members stay.
func TestQuestionsWithoutGateway(t *testing.T) {
	b := newSnoopTest(t)
	b.joins(b.host("lone", "igmp2", 2), "1")
	b.passes(20 * time.Minute)
	b.changed("lone joins 239.0.0.1")
	got := map[string]map[netip.Addr]bool{}
	for _, q := range b.asked {
		if got[q.port] == nil {
			got[q.port] = map[netip.Addr]bool{}
		}
		got[q.port][q.src] = true
	}
	blue, _ := b.view.Topo.Network("blue")
	for port, want := range map[string][]netip.Addr{
		"lone":  {netip.IPv4Unspecified()},
		"web.1": {blue.Spec.Subnets[0].Gateway.Addr, model.LinkLocal(blue.GatewayMAC)},
	} {
		if len(got[port]) != len(want) || !got[port][want[0]] || !got[port][want[len(want)-1]] {
			t.Errorf("%s is asked from %v, want %v", port, got[port], want)
		}
	}
}

// TestSnooperRestarts: a new sdnd reports nothing, and ends no membership before hosts had a whole
// membership interval to report it again.
func TestSnooperRestarts(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	one, gone := b.host("web.1", "igmp3", 2), b.host("own", "mld2", 3)
	b.joins(one, "1")
	b.joins(gone, "1")
	b.changes, gone.groups = nil, nil
	b.s = NewSnooper(func() time.Time { return b.now })
	b.passes(membershipInterval - time.Second)
	b.changed()
	b.passes(2 * time.Second)
	b.changed("own leaves ff15::1")
	b.passes(time.Hour)
	b.leaves(one, "1")
	b.passes(3 * time.Second)
	b.changed("web.1 leaves 239.0.0.1")
}

// TestSwitchIsAway: while a switch is away nobody can report, and members stay. When it is back they
// are asked at once.
func TestSwitchIsAway(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	h := b.host("web.1", "igmp2", 2)
	b.joins(h, "1", "2")
	b.leaves(h, "2")
	b.changes = nil
	b.away = true
	b.passes(time.Hour)
	b.changed()
	b.away, h.groups = false, []string{"1"}
	b.questions("")
	b.passes(retryEvery)
	if all, _ := b.questions("web.1"); all != 2 {
		t.Errorf("asked %d times at once, want once by each family", all)
	}
	b.passes(membershipInterval)
	b.changed("web.1 leaves 239.0.0.2")
}

// TestGroupBounds: a port that joins more groups than are kept of a port, and ports that join more than
// of a network, are refused the rest, and other networks none. Reports are counted.
func TestGroupBounds(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	h := b.host("web.1", "mld2", 2)
	for i := range pipeline.MaxPortGroups + 3 {
		b.joins(h, fmt.Sprintf("%x", i))
	}
	r := b.sends(h, h.group("fff"), false)
	if len(b.changes) != pipeline.MaxPortGroups || r.What != "has no room for ff15::fff (as many as there may be of a port)" {
		t.Errorf("%d groups; %q", len(b.changes), r.What)
	}
	blue, _ := b.view.Topo.Network("blue")
	if full := b.view.Exhausted(blue); !slices.Equal(full.Ports, []string{"web.1"}) || full.Groups || full.Joins {
		t.Errorf("bounds that are reached: %+v", full)
	}
	for i := range pipeline.MaxNetworkGroups {
		b.s.groups["blue"][netip.AddrFrom4([4]byte{239, 9, byte(i >> 8), byte(i)})]++
	}
	own := b.host("own", "igmp3", 3)
	b.changes = nil
	b.joins(own, "1")
	b.joins(b.host("lone", "igmp3", 4), "1")
	b.changed("lone joins 239.0.0.1")
	b.s.total = pipeline.MaxJoins
	b.joins(b.host("job", "igmp3", 5), "1")
	b.changed()
	for bound, want := range map[string]float64{"port": 4, "network": 1, "daemon": 1} {
		if n := testutil.ToFloat64(b.s.refused.WithLabelValues(bound)); n != want {
			t.Errorf("%v reports are refused by the bound of a %s, want %v", n, bound, want)
		}
	}
}

// TestPortsComeAndGo: the snooper forgets what joined at a place that is none any more, asks what comes
// there, and repairs a membership that was reported too late.
func TestPortsComeAndGo(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	h := b.host("web.1", "igmp3", 2)
	b.joins(h, "1", "2")
	b.changes = nil
	at := b.view.Place("web.1")
	place := func(before, after pipeline.Place) {
		b.view = b.view.Next(pipeline.Update{Places: []pipeline.PlaceChange{{Port: "web.1", Before: before, After: after}}})
	}
	place(at, pipeline.Place{})
	h.groups, h.silent = nil, true
	b.passes(time.Minute)
	b.changed()
	if n := len(slices.Collect(b.view.Joins())); n != 0 || b.s.total != 0 {
		t.Errorf("%d memberships of the view and %d of the snooper are left", n, b.s.total)
	}
	b.questions("")
	place(pipeline.Place{}, at)
	b.passes(snoopTick)
	if all, _ := b.questions("web.1"); all != 2 {
		t.Errorf("asked %d times, want once by each family", all)
	}
	b.passes(time.Minute)
	b.view = b.view.Next(pipeline.Update{Joins: []pipeline.JoinChange{{Join: pipeline.Join{Port: "web.1", Group: netip.MustParseAddr("239.0.0.7")}}}})
	b.passes(2 * compareEvery)
	b.changed("web.1 leaves 239.0.0.7")
}

// TestReportsRefused: what is no report of a port of the network counts for nothing, nor do groups that
// go to all ports anyway.
func TestReportsRefused(t *testing.T) {
	b := newSnoopTest(t)
	b.passes(time.Second)
	v4, v6 := b.host("web.1", "igmp3", 2), b.host("web.1", "mld2", 2)
	said := func(want string, frame []byte) {
		t.Helper()
		if r := b.s.received(b.view, b.at("web.1"), b.packetIn("web.1", frame)); !strings.Contains(r.What, want) {
			t.Errorf("said %q, want %q", r.What, want)
		}
		b.report()
		b.changed()
	}
	for _, group := range []string{"224.0.0.251", "224.0.0.1", "10.0.0.1"} {
		said("reports no groups", reportFrame(v4, netip.MustParseAddr(group), false))
	}
	for _, group := range []string{"ff02::1", "ff02::1:ff00:7", "ff01::5", "fd00::1"} {
		said("reports no groups", reportFrame(v6, netip.MustParseAddr(group), false))
	}
	wrong := reportFrame(v4, v4.group("1"), false)
	wrong[len(wrong)-1]++
	said("checksum is wrong", wrong)
	wrong = reportFrame(v6, v6.group("1"), false)
	wrong[len(wrong)-1]++
	said("checksum is wrong", wrong)
	far := reportFrame(v6, v6.group("1"), false)
	far[14+7] = 64
	said("another link", far)
	v6.src = netip.MustParseAddr("fd00:1::5")
	said("another link", reportFrame(v6, v6.group("1"), false))
	v6.src = netip.IPv6Unspecified() // of a host without an address
	if r := b.sends(v6, v6.group("1"), false); r.What != "has joined ff15::1" {
		t.Errorf("said %q", r.What)
	}
	b.report()
	b.changed("web.1 joins ff15::1")
	cut := framed(v4, netip.MustParseAddr("224.0.0.22"), []byte{igmpV3Report, 0, 0, 0, 0, 0, 0, 2, toExclude, 0, 0, 0, 239, 0, 0, 1})
	said("cut off", cut)
	said("cannot be read", []byte{1, 2, 3})
}

// TestRecords: what the records of a report mean.
func TestRecords(t *testing.T) {
	record := func(kind, sources byte) (all []byte) {
		all = []byte{igmpV3Report, 0, 0, 0, 0, 0, 0, 1, kind, 1, 0, sources, 239, 0, 0, 1}
		return append(append(all, make([]byte, 4*int(sources))...), 1, 2, 3, 4)
	}
	for _, c := range []struct {
		kind, sources byte
		want          string
	}{
		{modeIsInclude, 2, "joins"}, {modeIsInclude, 0, "leaves"}, {modeIsExclude, 0, "joins"}, {modeIsExclude, 1, "joins"},
		{toInclude, 0, "leaves"}, {toInclude, 1, "joins"}, {toExclude, 0, "joins"}, {allowNew, 1, "joins"}, {blockOld, 1, "leaves"}, {9, 1, "nothing"},
	} {
		all, err := readRecords(record(c.kind, c.sources), 4)
		got := "nothing"
		if len(all) == 1 {
			if got = "joins"; all[0].leaves {
				got = "leaves"
			}
		}
		if err != nil || got != c.want {
			t.Errorf("a record of kind %d with %d sources: %s, %v; want %s", c.kind, c.sources, got, err, c.want)
		}
	}
}

// FuzzReports: whatever a host sends is read without a fault.
func FuzzReports(f *testing.F) {
	for _, version := range []string{"igmp1", "igmp2", "igmp3", "mld1", "mld2"} {
		h := &listening{version: version, src: netip.MustParseAddr("10.0.0.1")}
		if strings.HasPrefix(version, "mld") {
			h.src = netip.MustParseAddr("fe80::1")
		}
		f.Add(reportFrame(h, h.group("1"), false))
		f.Add(reportFrame(h, h.group("1"), true))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := read(data)
		if err != nil {
			return
		}
		all, _ := readReports(m)
		for _, r := range all {
			if !r.group.IsValid() {
				t.Errorf("a report of no group: %+v", r)
			}
		}
	})
}
