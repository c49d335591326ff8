package topology

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

func floatingOp(name, uplink, address, port string, forwards ...model.FloatingForward) Op {
	return Op{Verb: Put, Ref: Ref{Kind: KindFloatingIP, Name: name}, Spec: model.FloatingIPSpec{
		Uplink: uplink, Address: netip.MustParseAddr(address), Port: port, Forwards: forwards,
	}}
}

// floatingBase has what floating addresses name.
func floatingBase(t *testing.T) *Snapshot {
	network := func(name, subnet string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: KindNetwork, Name: name}, Spec: NetworkSpec{Subnets: []Subnet{{Prefix: netip.MustParsePrefix(subnet)}}}}
	}
	port := func(name, network string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: KindPort, Name: name}, Spec: PortSpec{Network: network}}
	}
	return planned(t, NewSnapshot(), uplinkOp("wan"), dualOp("ext", "192.0.2.0/24", "2001:db8::/64", "192.0.2.64/26", "192.0.2.9/32", "2001:db8::/64"),
		network("blue", "10.0.0.0/24"), network("six", "fd00::/64"), network("pub", "2001:db8:1::/64"), port("web", "blue"), port("db", "blue"), port("new", "six"), port("pub", "pub"),
		leavingRouter("six", "ext", "six"), Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: "pub"}, Spec: RouterSpec{Networks: []string{"pub"}, Egress: &model.RouterEgress{Uplink: "ext", IPv6: model.IPv6Routed}}},
		Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n1"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.1"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}},
		floatingOp("web", "ext", "192.0.2.70", "web"), floatingOp("parts", "ext", "192.0.2.71", "", model.FloatingForward{Port: 80, To: "web"}, model.FloatingForward{Port: 81, To: "db"}),
		floatingOp("six", "ext", "2001:db8::70", "new")).Next
}

// TestFloatingProblems has what is refused for floating addresses, and for what they name.
func TestFloatingProblems(t *testing.T) {
	s := floatingBase(t)
	node := Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n2"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.2"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.70")}}}
	narrow := dualOp("ext", "192.0.2.0/24", "2001:db8::/64", "192.0.2.0/26", "192.0.2.70/32", "2001:db8::/64")
	for name, tt := range map[string]struct {
		op   Op
		kind ProblemKind
		want string
	}{
		"of no uplink":      {floatingOp("x", "lan", "192.0.2.72", "db"), NotFound, `there is no uplink "lan"`},
		"of no port":        {floatingOp("x", "ext", "192.0.2.72", "none"), NotFound, `there is no port "none"`},
		"of a kernel":       {floatingOp("x", "wan", "192.0.2.72", "db"), Conflict, "of the type host"},
		"gateway":           {floatingOp("x", "ext", "192.0.2.1", "db"), Conflict, "none of the addresses of uplink/ext"},
		"of a node":         {floatingOp("x", "ext", "192.0.2.9", "db"), Conflict, "192.0.2.9 belongs to node/n1"},
		"of another":        {floatingOp("x", "ext", "192.0.2.71", "db"), Conflict, "192.0.2.71 belongs to floatingip/parts"},
		"second of a port":  {floatingOp("x", "ext", "192.0.2.72", "web"), Conflict, "floatingip/web leads to the port already"},
		"IPv6 alone":        {floatingOp("x", "ext", "192.0.2.72", "new"), Conflict, "port/new has no IPv4 address"},
		"IPv6 of IPv4":      {floatingOp("x", "ext", "2001:db8::72", "db"), Conflict, "port/db has no IPv6 address"},
		"IPv6 of others":    {floatingOp("x", "ext", "2001:db8:2::72", "", model.FloatingForward{Port: 80, To: "new"}), Conflict, "2001:db8:2::72 of floatingip/x is none of the addresses of uplink/ext"},
		"zone":              {floatingOp("x", "ext", "2001:db8::72%eth0", "new"), Invalid, "has a zone"},
		"second by IPv6":    {floatingOp("x", "ext", "2001:db8::72", "new"), Conflict, "floatingip/six leads to the port already, and what the port sends by IPv6"},
		"routed":            {floatingOp("x", "ext", "2001:db8::72", "pub"), Conflict, "floatingip/x leads to port/pub, whose IPv6 leaves router/pub routed by ext, with its own address"},
		"router routes":     {Op{Verb: Put, Ref: Ref{Kind: KindRouter, Name: "six"}, Spec: RouterSpec{Networks: []string{"six"}, Egress: &model.RouterEgress{Uplink: "ext", IPv6: model.IPv6Routed}}}, Conflict, "floatingip/six leads to port/new, whose IPv6 leaves router/six routed by ext"},
		"nobody":            {floatingOp("x", "ext", "192.0.2.72", ""), Invalid, "leads to no port"},
		"twice":             {floatingOp("x", "ext", "192.0.2.72", "", model.FloatingForward{Port: 80, To: "web"}, model.FloatingForward{Port: 80, To: "db"}), Invalid, "tcp/80 is forwarded twice"},
		"VXLAN":             {floatingOp("x", "ext", "192.0.2.72", "", model.FloatingForward{Protocol: model.ProtocolUDP, Port: 4789, To: "web"}), Invalid, "is VXLAN"},
		"address of a node": {node, Conflict, "192.0.2.70 belongs to floatingip/web"},
		"fewer addresses":   {narrow, Conflict, "192.0.2.71 of floatingip/parts is none of the addresses"},
		"uplink used":       {Op{Verb: Delete, Ref: Ref{Kind: KindUplink, Name: "ext"}}, InUse, "floatingip/parts and 2 more"},
		"port used":         {Op{Verb: Delete, Ref: Ref{Kind: KindPort, Name: "db"}}, InUse, "floatingip/parts"},
	} {
		_, err := Plan(s, []Op{tt.op}, time.Time{})
		var problems Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Kind != tt.kind || !strings.Contains(problems[0].Message, tt.want) {
			t.Errorf("%s: got %v, want one %s about %q", name, err, tt.kind, tt.want)
		}
	}
}

// TestFloatingIndexes: a floating address is found by what it names, and gives its address back.
func TestFloatingIndexes(t *testing.T) {
	s := floatingBase(t)
	names := func(s *Snapshot, ref Ref) (all []string) {
		for f := range s.FloatingIPsNaming(ref) {
			all = append(all, f.Name)
		}
		return all
	}
	if got := strings.Join(names(s, Ref{Kind: KindPort, Name: "web"}), " "); got != "parts web" {
		t.Errorf("web has %q", got)
	}
	s = planned(t, s, Op{Verb: Delete, Ref: Ref{Kind: KindFloatingIP, Name: "web"}}, floatingOp("parts", "ext", "192.0.2.70", "db")).Next
	if got := names(s, Ref{Kind: KindPort, Name: "web"}); len(got) > 0 {
		t.Errorf("web has %q after they are gone", got)
	}
	l := NewLoader()
	for _, k := range model.Kinds() {
		for o := range s.Objects(k) {
			if err := l.Add(Clone(o)); err != nil {
				t.Fatal(err)
			}
		}
	}
	o, _ := l.Snapshot(s.Revision()).FloatingIP("parts")
	if o == nil || o.Spec.Address != netip.MustParseAddr("192.0.2.70") {
		t.Errorf("loaded: %+v", o)
	}
}
