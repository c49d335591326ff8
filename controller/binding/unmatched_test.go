package binding_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/binding"
)

// TestUnmatched: an interface is unmatched only if no port has an id by which it can be
// claimed, no port names it, and it is active.
func TestUnmatched(t *testing.T) {
	topo := declared(t)
	b := binding.NewTable("br-int", tunnel)
	if got := b.Unmatched(topo, "n1"); got != nil {
		t.Errorf("of a node that has reported nothing: %v", got)
	}
	b.SetInterfaces(topo, "n1", []binding.Interface{
		{Name: "veth1", IfaceID: "web"},
		{Name: "veth9", IfaceID: "nosuch"},
		{Name: "veth8", IfaceID: "late", Inactive: true},
		{Name: "eth7", IfaceID: "other"}, // which the port "named" names
		{Name: "1a_l", ContainerID: "web", ContainerIface: "eth1"},
		{Name: "2b_l", ContainerID: "gone", ContainerIface: "eth0"},
		{Name: tunnel, IfaceID: "nosuch"},
		{Name: "a-name-of-no-identity"},
	})
	var got []string
	for _, i := range b.Unmatched(topo, "n1") {
		got = append(got, i.Name)
	}
	if diff := cmp.Diff([]string{"2b_l", "veth9"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"n1"}, b.Claimants("nosuch")[:1]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := b.Claimants("nobody"); got != nil {
		t.Errorf("claimants of an id that none has: %v", got)
	}
}
