package attach

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVSCtl reads what ovs-vsctl 3.1 printed.
func TestVSCtl(t *testing.T) {
	var asked []string
	v := VSCtl(func(_ context.Context, args ...string) (string, error) {
		asked = append(asked, strings.Join(args, " "))
		switch args[len(args)-2] {
		case "interface":
			return `{"data":[["sdn1","could not open",-1,["map",[["iface-id","web"],["sdnctl-attach","docker/abc"]]]],["sdn2",["set",[]],["set",[]],["map",[]]]],"headings":["name","error","ofport","external_ids"]}`, nil
		case "iface-to-br":
			return "br-int", nil
		case "bridge":
			return `{"data":[["br-int","netdev",["map",[["sdnctl-node","node1"]]]]],"headings":["name","datapath_type","external_ids"]}`, nil
		}
		return "", nil
	})
	got, err := v.Interfaces(t.Context(), TargetKey, "")
	want := []Interface{
		{Name: "sdn1", Bridge: "br-int", OFPort: -1, Error: "could not open", IDs: map[string]string{"iface-id": "web", TargetKey: "docker/abc"}},
		{Name: "sdn2", Bridge: "br-int", IDs: map[string]string{}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", diff, err)
	}
	b, err := v.Bridge(t.Context(), "br-int")
	if b.DatapathType != "netdev" || b.IDs[nodeKey] != "node1" || err != nil {
		t.Errorf("%+v, %v", b, err)
	}
	if err := v.Add(t.Context(), "br-int", "sdn1", map[string]string{"iface-id": `a"b`}); err != nil {
		t.Error(err)
	}
	if err := v.Remove(t.Context(), "sdn1", "sdn2"); err != nil {
		t.Error(err)
	}
	wantAsked := []string{
		`--format=json --columns=name,ofport,error,external_ids find interface external_ids:sdnctl-attach!=""`,
		"iface-to-br sdn1", "iface-to-br sdn2",
		`--format=json --columns=name,datapath_type,external_ids find bridge name="br-int"`,
		`--may-exist add-port br-int sdn1 -- set interface sdn1 external_ids:iface-id="a\"b"`,
		"--if-exists del-port sdn1 -- --if-exists del-port sdn2",
	}
	if diff := cmp.Diff(wantAsked, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	none := VSCtl(func(context.Context, ...string) (string, error) { return `{"data":[],"headings":["name"]}`, nil })
	var e *Error
	if _, err := none.Bridge(t.Context(), "br-int"); !errors.As(err, &e) || e.Code != NotFound {
		t.Errorf("no bridge: %v", err)
	}
	broken := VSCtl(func(context.Context, ...string) (string, error) { return "what?", nil })
	if _, err := broken.Interfaces(t.Context(), "name", "x"); err == nil {
		t.Error("nonsense is taken for an answer")
	}
}
