package topology_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func putPolicy(name string, change func(*model.PolicySpec)) topology.Op {
	spec := model.PolicySpec{
		Priority: model.DefaultPolicyPriority,
		Subject:  model.PolicySelection{Selector: &model.Selector{}},
		Isolates: []model.PolicyDirection{model.Ingress},
	}
	if change != nil {
		change(&spec)
	}
	return put(model.KindPolicy, name, spec)
}

func deny(priority int, d model.PolicyDirection) func(*model.PolicySpec) {
	return func(s *model.PolicySpec) {
		s.Priority = priority
		rules := []model.PolicyRule{{Action: model.ActionDeny}}
		if d == model.Ingress {
			s.Ingress = rules
		} else {
			s.Egress = rules
		}
	}
}

// TestPolicyReferences: an object that a policy names must exist, and cannot be deleted
// while the policy names it.
func TestPolicyReferences(t *testing.T) {
	naming := func(s *model.PolicySpec) {
		s.Subject.Networks = []string{"blue"}
		s.Egress = []model.PolicyRule{{Peers: []model.PolicyPeer{{PolicySelection: model.PolicySelection{PortGroup: "g"}}}}}
	}
	again := putPolicy("p", func(s *model.PolicySpec) { naming(s); s.Priority = 1 })
	s := plan(t, topology.NewSnapshot(), putPolicy("p", naming),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")),
		put(model.KindPortGroup, "g", model.PortGroupSpec{Selector: &model.Selector{}})).Next
	for _, tt := range []struct {
		ops  []topology.Op
		want string // "" if it is right
	}{
		{[]topology.Op{del(topology.KindNetwork, "blue")}, "network/blue: in use by policy/p"},
		{[]topology.Op{del(model.KindPortGroup, "g")}, "portgroup/g: in use by policy/p"},
		{[]topology.Op{del(model.KindPortGroup, "g"), putPolicy("p", nil)}, ""},
		{[]topology.Op{del(topology.KindNetwork, "blue"), del(model.KindPolicy, "p")}, ""},
		{[]topology.Op{del(topology.KindNetwork, "blue"), again}, `spec.subject.networks[0]: there is no network "blue"`},
		{[]topology.Op{del(model.KindPortGroup, "g"), again}, `spec.egress[0].peers[0].portGroup: there is no portgroup "g"`},
		// What depends on a group with a mistake is not checked.
		{[]topology.Op{put(model.KindPortGroup, "h", model.PortGroupSpec{}), putPolicy("q", func(s *model.PolicySpec) { s.Subject.PortGroup = "h" })}, "portgroup/h: spec: has neither a selector nor ports"},
	} {
		_, err := topology.Plan(s, tt.ops, epoch)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%v: %v", tt.ops, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "policy/p: "), tt.want)):
			t.Errorf("%v: %v, want %q", tt.ops, err, tt.want)
		}
	}
}

// TestPolicyOrder: two policies whose rules do not all allow have an order.
func TestPolicyOrder(t *testing.T) {
	s := plan(t, topology.NewSnapshot(), putPolicy("a", deny(7, model.Ingress)), putPolicy("b", deny(8, model.Ingress))).Next
	const want = "spec.priority: policy/a has priority 7 in the application tier too, and both have ingress rules that do not allow, so that their order is undefined; give one of them another priority"
	if _, err := topology.Plan(s, []topology.Op{putPolicy("c", deny(7, model.Ingress))}, epoch); err == nil || err.Error() != "policy/c: "+want {
		t.Errorf("equal priorities: %v", err)
	}
	allow := func(s *model.PolicySpec) { s.Priority, s.Ingress = 7, []model.PolicyRule{{}} }
	admin := func(s *model.PolicySpec) { deny(7, model.Ingress)(s); s.Tier = model.TierAdmin }
	plan(t, s, putPolicy("c", deny(7, model.Egress)), putPolicy("d", allow), putPolicy("e", allow), putPolicy("f", admin),
		// a and b swap their order.
		putPolicy("a", deny(8, model.Ingress)), putPolicy("b", deny(7, model.Ingress)))
}

// TestPolicyID: each policy has a number of its own and keeps it. A released number is not
// reused soon, also after a restart.
func TestPolicyID(t *testing.T) {
	id := func(s *topology.Snapshot, name string) uint32 {
		t.Helper()
		o, ok := s.Policy(name)
		if !ok {
			t.Fatalf("no policy %s", name)
		}
		return o.ID
	}
	s := plan(t, topology.NewSnapshot(), putPolicy("b", nil), putPolicy("a", nil)).Next
	s = plan(t, s, del(model.KindPolicy, "a"), putPolicy("b", deny(1, model.Egress)), putPolicy("c", nil)).Next
	if b, c := id(s, "b"), id(s, "c"); b != 2 || c != 3 {
		t.Errorf("b is %d and c is %d, want 2 and 3: 1 was just released", b, c)
	}
	restart := func(s *topology.Snapshot, rev topology.Revision) *topology.Snapshot {
		t.Helper()
		l := topology.NewLoader()
		for o := range s.Policies() {
			text, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := topology.New(o.Ref())
			if err := json.Unmarshal(text, again); err != nil {
				t.Fatal(err)
			}
			if err := l.Add(again); err != nil {
				t.Fatal(err)
			}
		}
		return l.Snapshot(rev)
	}
	s = plan(t, restart(s, 2), putPolicy("d", nil)).Next
	d := id(s, "d")
	if d <= 3 {
		t.Errorf("d is %d after a restart, want a number that no policy has had", d)
	}
	s = plan(t, s, del(model.KindPolicy, "d")).Next // the youngest
	s = plan(t, restart(s, 4), putPolicy("e", nil)).Next
	if e := id(s, "e"); e <= d {
		t.Errorf("e is %d after a restart, want more than %d, which was just released", e, d)
	}
	l := topology.NewLoader()
	again, _ := s.Policy("b")
	twin := *again
	twin.Name = "twin"
	if err := l.Add(again); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(&twin); err == nil || !strings.Contains(err.Error(), "another policy has its number 2") {
		t.Errorf("a second policy with number 2: %v", err)
	}
}
