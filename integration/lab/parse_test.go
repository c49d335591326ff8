package lab

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseTrace(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Trace
	}{
		{
			name: "local port",
			text: "Flow: icmp,in_port=1,dl_dst=02:00:00:00:00:03,nw_ttl=64\n\n" +
				"bridge(\"br-int\")\n----------------\n 0. in_port=1, priority 1\n    output:2\n\n" +
				"Final flow: unchanged\nMegaflow: recirc_id=0\nDatapath actions: 5\n",
			want: Trace{Ports: []int{2}, Final: map[string]string{"icmp": "", "in_port": "1", "dl_dst": "02:00:00:00:00:03", "nw_ttl": "64"}},
		},
		{
			name: "answered",
			text: "Flow: icmp,nw_ttl=64\n\nbridge(\"br-int\")\n----------------\n 0. arp, priority 10\n    IN_PORT\n\nFinal flow: icmp,nw_ttl=63\nDatapath actions: 4\n",
			want: Trace{Ports: []int{InPort}, Final: map[string]string{"icmp": "", "nw_ttl": "63"}},
		},
		{
			name: "tunnel",
			text: "Flow: icmp\n\nbridge(\"br-int\")\n----------------\n 5. priority 32768\n    output:3\n     -> output to native tunnel\n\n" +
				"bridge(\"br-phy\")\n----------------\n 0. priority 0\n    output:1\n\nFinal flow: unchanged\n" +
				"Datapath actions: tnl_push(tnl_port(3),header(size=50,type=4,eth(dst=be:fb:98:24:b1:48,src=aa:bb:cc:dd:ee:ff,dl_type=0x0800)," +
				"ipv4(src=172.16.56.2,dst=172.16.56.3,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x64)),out_port(1)),2\n",
			want: Trace{Ports: []int{3}, Tunnels: []Tunnel{{100, netip.MustParseAddr("172.16.56.3")}}, Final: map[string]string{"icmp": ""}},
		},
		{
			name: "dropped",
			text: "Flow: icmp\n\nbridge(\"br-int\")\n----------------\n 0. priority 0\n    drop\n\nFinal flow: unchanged\nDatapath actions: drop\n",
			want: Trace{Final: map[string]string{"icmp": ""}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseTrace(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Text = tt.text
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("parseTrace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseReplies(t *testing.T) {
	const out = `PING 10.244.1.4 (10.244.1.4) 56(84) bytes of data.
64 bytes from 10.244.1.4: icmp_seq=1 ttl=63 time=0.690 ms
From 10.244.1.3 icmp_seq=2 Destination Host Unreachable
64 bytes from 10.244.1.4: icmp_seq=3 ttl=64 time=12 ms
`
	want := []Reply{{1, 63, 690 * time.Microsecond}, {3, 64, 12 * time.Millisecond}}
	if diff := cmp.Diff(want, parseReplies(out)); diff != "" {
		t.Errorf("parseReplies (-want +got):\n%s", diff)
	}
}

func TestFrames(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	a := ARP{Op: ARPRequest, SenderMAC: mac, SenderIP: netip.MustParseAddr("10.0.0.1"), TargetIP: netip.MustParseAddr("10.0.0.2")}
	got, ok := Frame{Data: a.Frame()}.ARP()
	if !ok || got.Op != a.Op || got.SenderIP != a.SenderIP || got.TargetIP != a.TargetIP || got.SenderMAC.String() != a.SenderMAC.String() {
		t.Errorf("ARP came back as %v, %v", got, ok)
	}
	e := Echo{EtherSrc: mac, EtherDest: mac, From: a.SenderIP, To: a.TargetIP, TTL: 9, ID: 77}
	data := e.Frame()
	back, ok := Frame{Data: data}.Echo()
	if !ok || back.TTL != 9 || back.ID != 77 || back.From != e.From || back.To != e.To {
		t.Errorf("echo came back as %v, %v", back, ok)
	}
	if Checksum(data[14:34]) != 0 || Checksum(data[34:]) != 0 {
		t.Error("wrong checksum")
	}
	if _, ok := (Frame{Data: data[:40]}).Echo(); ok {
		t.Error("a truncated frame was taken for an echo request")
	}
}

func TestEnded(t *testing.T) {
	for _, tt := range []struct {
		name, stat string
		want       bool
	}{
		{"runs", "7 (ovs-vswitchd) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 12 0 99", false},
		{"waits to be reaped", "7 (ovs-vswitchd) Z 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 99", true},
		{"other threads have yet to end", "7 (ovs-vswitchd) Z 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 11 0 99", false},
		{"a name with a parenthesis", "7 (a) Z) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 99", false},
	} {
		if got := ended(tt.stat); got != tt.want {
			t.Errorf("%s: ended = %t, want %t", tt.name, got, tt.want)
		}
	}
}
