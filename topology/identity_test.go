package topology_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// labelled is a port of a network with the label app.
func labelled(name, network, app string) topology.Op {
	op := put(topology.KindPort, name, topology.PortSpec{Network: network})
	op.Labels = map[string]string{"app": app}
	return op
}

// isolate is a policy that isolates what has the label app.
func isolate(name, app string) topology.Op {
	return put(model.KindPolicy, name, model.PolicySpec{
		Subject:  model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{"app": app}}},
		Isolates: []model.PolicyDirection{model.Ingress},
	})
}

// identities describes, as text, everything that a snapshot has for policies.
func identities(s *topology.Snapshot) (all []string) {
	for n := range s.Numberings() {
		all = append(all, fmt.Sprintf("%s zone %d labels %d+%d", n.Of, n.Zone, n.Labels.Base, n.Labels.Size))
	}
	for i := range s.AllIdentities() {
		all = append(all, fmt.Sprintf("%s %d: %d selections", i.Domain, i.Index, len(i.Selections)))
	}
	for p := range s.Ports() {
		if i, ok := s.IdentityOf(p.Name); ok {
			all = append(all, fmt.Sprintf("%s is %s %d", p.Name, i.Domain, i.Index))
		}
	}
	return all
}

// reloaded returns a snapshot that is loaded from the objects of another, as a store does.
func reloaded(t *testing.T, s *topology.Snapshot) *topology.Snapshot {
	t.Helper()
	l := topology.NewLoader()
	for _, k := range model.Kinds() {
		for o := range s.Objects(k) {
			if err := l.Add(topology.Clone(o)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range s.Numberings() {
		if err := l.AddNumbering(n); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.AllIdentities() {
		if err := l.AddIdentity(i); err != nil {
			t.Fatal(err)
		}
	}
	return l.Snapshot(s.Revision())
}

// TestIdentities: ports that the same selections pick have one identity. It stays when sdnd
// starts again, and a released one is not given to other ports at once.
func TestIdentities(t *testing.T) {
	s := plan(t, topology.NewSnapshot(),
		put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), put(topology.KindNetwork, "red", stretched("10.1.0.0/24")),
		labelled("web1", "blue", "web"), labelled("web2", "blue", "web"), labelled("db", "red", "db"), labelled("other", "blue", "other")).Next
	if got := identities(s); got != nil {
		t.Errorf("without policies: %q", got)
	}
	s = plan(t, s, isolate("web", "web"), isolate("db", "db")).Next
	want := []string{
		"network/blue zone 2 labels 16777152+64", "network/red zone 1 labels 16777088+64",
		"network/blue 1: 1 selections", "network/red 1: 1 selections",
		"db is network/red 1", "web1 is network/blue 1", "web2 is network/blue 1",
	}
	if diff := cmp.Diff(want, identities(s)); diff != "" {
		t.Errorf("with policies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, identities(reloaded(t, s))); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}

	r := plan(t, s, labelled("web2", "blue", "other"))
	if diff := cmp.Diff([]string{"web2"}, r.Identified); diff != "" || len(r.Identities) > 0 {
		t.Errorf("relabelled (-want +got):\n%s; identities: %v", diff, r.Identities)
	}
	// The last port of an identity leaves it. The identity stays until the domain changes
	// again.
	s = plan(t, r.Next, labelled("web1", "blue", "other"), isolate("other", "other")).Next
	for i := range s.Identities("network/blue") {
		if i.Index != 1 && i.Index != 2 {
			t.Errorf("identity %d", i.Index)
		}
	}
	if _, ok := s.Identity("network/blue", 1); !ok {
		t.Error("an identity is gone at once of which packets may be under way")
	}
	s = plan(t, s, labelled("web1", "blue", "web")).Next
	if i, _ := s.IdentityOf("web1"); i.Index != 1 {
		t.Errorf("the same selections again: identity %d, want the one there is", i.Index)
	}
}

// TestLabelsAreNoVNIs: a network cannot have a VNI that is a tunnel key of identities, and
// the ports of networks that a router joins get identities of the router's domain.
func TestLabelsAreNoVNIs(t *testing.T) {
	s := plan(t, topology.NewSnapshot(), put(topology.KindNetwork, "blue", stretched("10.0.0.0/24")), labelled("web", "blue", "web"), isolate("web", "web")).Next
	spec := stretched("10.1.0.0/24")
	spec.VNI = model.MaxVNI - 3
	_, err := topology.Plan(s, []topology.Op{create(topology.KindNetwork, "red", spec)}, epoch)
	var problems topology.Problems
	if !errors.As(err, &problems) || problems[0].Kind != topology.Conflict {
		t.Errorf("VNI %d: %v", spec.VNI, err)
	}
	r := plan(t, s, put(topology.KindNetwork, "red", stretched("10.1.0.0/24")), put(topology.KindRouter, "r", topology.RouterSpec{Networks: []string{"blue", "red"}}))
	if i, ok := r.Next.IdentityOf("web"); !ok || i.Domain != "router/r" {
		t.Errorf("joined by a router: %+v", i)
	}
	before, _ := s.Numbering("network/blue")
	if after, ok := r.Next.Numbering("network/blue"); !ok || after.Zone != before.Zone || after.Labels != before.Labels {
		t.Errorf("zone and labels of the network: %+v, before %+v", after, before)
	}
	if _, ok := r.Next.Numbering("network/red"); !ok {
		t.Error("a network of a domain with policies has no labels")
	}
	gone := plan(t, r.Next, del(topology.KindPort, "web"), del(topology.KindRouter, "r"), del(topology.KindNetwork, "blue"), del(topology.KindNetwork, "red")).Next
	if got := identities(gone); got != nil {
		t.Errorf("all is deleted: %q", got)
	}
}
