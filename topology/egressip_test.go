package topology

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology/model"
)

func egressIPOp(name, uplink, address, app string, nodes ...string) Op {
	return Op{Verb: Put, Ref: Ref{Kind: KindEgressIP, Name: name}, Spec: model.EgressIPSpec{
		Uplink: uplink, Addresses: []netip.Addr{netip.MustParseAddr(address)}, Nodes: nodes,
		Ports: model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}},
	}}
}

// TestEgressIPProblems has what is refused for egress addresses, and for what they name.
func TestEgressIPProblems(t *testing.T) {
	s := planned(t, floatingBase(t), egressIPOp("out", "ext", "192.0.2.80", "web", "n1"), egressIPOp("six", "ext", "2001:db8::61ff:8f00:da1a:ec0d", "web", "n1")).Next
	spec := func(change func(*model.EgressIPSpec)) Op {
		op := egressIPOp("x", "ext", "192.0.2.81", "web", "n1")
		e := op.Spec.(model.EgressIPSpec)
		change(&e)
		op.Spec = e
		return op
	}
	narrow := dualOp("ext", "192.0.2.0/24", "2001:db8::/64", "192.0.2.0/26", "192.0.2.70/31", "2001:db8::/64")
	for name, tt := range map[string]struct {
		op   Op
		kind ProblemKind
		want string
	}{
		"of no uplink":          {egressIPOp("x", "lan", "192.0.2.81", "web", "n1"), NotFound, `there is no uplink "lan"`},
		"of a kernel":           {egressIPOp("x", "wan", "192.0.2.81", "web", "n1"), Conflict, "of the type host"},
		"by no node":            {egressIPOp("x", "ext", "192.0.2.81", "web", "none"), NotFound, `there is no node "none"`},
		"nodes missing":         {egressIPOp("x", "ext", "192.0.2.81", "web"), Invalid, "has 0 nodes"},
		"node twice":            {egressIPOp("x", "ext", "192.0.2.81", "web", "n1", "n1"), Invalid, "n1"},
		"gateway":               {egressIPOp("x", "ext", "192.0.2.1", "web", "n1"), Conflict, "none of the addresses of uplink/ext"},
		"not of the subnet":     {egressIPOp("x", "ext", "198.51.100.1", "web", "n1"), Conflict, "none of the addresses of uplink/ext"},
		"of a node":             {egressIPOp("x", "ext", "192.0.2.9", "web", "n1"), Conflict, "192.0.2.9 belongs to node/n1"},
		"of a floating address": {egressIPOp("x", "ext", "192.0.2.70", "web", "n1"), Conflict, "192.0.2.70 belongs to floatingip/web"},
		"of another":            {egressIPOp("x", "ext", "192.0.2.80", "web", "n1"), Conflict, "192.0.2.80 belongs to egressip/out"},
		"IPv6 of a floating":    {egressIPOp("x", "ext", "2001:db8::70", "web", "n1"), Conflict, "2001:db8::70 belongs to floatingip/six"},
		"IPv6 not of it":        {egressIPOp("x", "ext", "2001:db8:2::1", "web", "n1"), Conflict, "none of the addresses of uplink/ext"},
		"zone":                  {egressIPOp("x", "ext", "2001:db8::1%eth0", "web", "n1"), Invalid, "has a zone"},
		"MAC of another":        {egressIPOp("x", "ext", "2001:db8::f4fd:92bc:a865:fd71", "web", "n1"), Conflict, "gets the same MAC as 2001:db8::61ff:8f00:da1a:ec0d of egressip/six, 1e:"},
		"MAC of a node":         {Op{Verb: Put, Ref: Ref{Kind: KindNode, Name: "n1"}, Spec: NodeSpec{TunnelIP: netip.MustParseAddr("10.0.0.1"), UplinkAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::f4fd:92bc:a865:fd71")}}}, Conflict, "gets the same MAC as 2001:db8::61ff:8f00:da1a:ec0d of egressip/six"},
		"two with one MAC": {spec(func(s *model.EgressIPSpec) {
			s.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::61ff:8f00:da1a:ec0d"), netip.MustParseAddr("2001:db8::f4fd:92bc:a865:fd71")}
		}), Invalid, "2001:db8::f4fd:92bc:a865:fd71 gets the same MAC as 2001:db8::61ff:8f00:da1a:ec0d"},
		"twice":            {spec(func(s *model.EgressIPSpec) { s.Addresses = append(s.Addresses, s.Addresses[0]) }), Invalid, "192.0.2.81 is listed twice"},
		"no address":       {spec(func(s *model.EgressIPSpec) { s.Addresses = nil }), Invalid, "has 0 addresses"},
		"no ports":         {spec(func(s *model.EgressIPSpec) { s.Ports = model.PolicySelection{} }), Invalid, "selects no port"},
		"no group":         {spec(func(s *model.EgressIPSpec) { s.Ports = model.PolicySelection{PortGroup: "g"} }), NotFound, `there is no portgroup "g"`},
		"floating address": {floatingOp("x", "ext", "192.0.2.80", "db"), Conflict, "192.0.2.80 belongs to egressip/out"},
		"fewer addresses":  {narrow, Conflict, "192.0.2.80 of egressip/out is none of the addresses"},
		"node used":        {Op{Verb: Delete, Ref: Ref{Kind: KindNode, Name: "n1"}}, InUse, "egressip/out"},
	} {
		_, err := Plan(s, []Op{tt.op}, time.Time{})
		var problems Problems
		if !errors.As(err, &problems) || !slices.ContainsFunc(problems, func(p Problem) bool { return p.Kind == tt.kind && strings.Contains(p.Message, tt.want) }) {
			t.Errorf("%s: %v, want one %s about %q", name, err, tt.kind, tt.want)
		}
	}
}

// TestEgressIPsOf: an egress address keeps its number when it changes, and selects ports by label.
func TestEgressIPsOf(t *testing.T) {
	label := func(name, app string) Op {
		return Op{Verb: Put, Ref: Ref{Kind: KindPort, Name: name}, Spec: PortSpec{Network: "blue"}, Labels: map[string]string{"app": app}}
	}
	s := planned(t, floatingBase(t), egressIPOp("out", "ext", "192.0.2.80", "web", "n1"), egressIPOp("also", "ext", "192.0.2.81", "web", "n1"), label("web", "web"), label("db", "db")).Next
	names := func(port string) (all []string) {
		p, _ := s.Port(port)
		for _, e := range s.EgressIPsOf(p) {
			all = append(all, e.Name)
		}
		return all
	}
	if got := names("web"); !slices.Equal(got, []string{"also", "out"}) {
		t.Errorf("web leaves with %v", got)
	}
	if got := names("db"); got != nil {
		t.Errorf("db leaves with %v", got)
	}
	before, _ := s.EgressIP("out")
	s = planned(t, s, egressIPOp("out", "ext", "192.0.2.82", "db", "n1")).Next
	if after, _ := s.EgressIP("out"); after.ID != before.ID {
		t.Errorf("its number was %d and is %d", before.ID, after.ID)
	}
	if got := names("db"); !slices.Equal(got, []string{"out"}) {
		t.Errorf("db leaves with %v", got)
	}
}
