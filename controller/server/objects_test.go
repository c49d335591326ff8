package server

import (
	"errors"
	"net/http"
	"net/netip"
	"os/user"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology/model"
)

// codeFrom returns the code of an *api.Error.
func codeFrom(t *testing.T, err error) string {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) {
		t.Fatalf("want an *api.Error, got %v", err)
	}
	return e.Code
}

// A port shows a gateway only if one answers: in a stretched network that a router joins.
// (For segmented networks, see TestSegmentedStatus.)
func TestGateway(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	gateway := func() string {
		t.Helper()
		port, err := b.client.Port(t.Context(), "web1")
		if err != nil {
			t.Fatal(err)
		}
		return port.Status.Gateway
	}
	if got := gateway(); got != "" {
		t.Errorf("without a router: %q", got)
	}
	if _, err := b.client.Create(t.Context(), object(t, "main", model.RouterSpec{Networks: []string{"blue"}})); err != nil {
		t.Fatal(err)
	}
	if got := gateway(); got != "10.0.0.1" {
		t.Errorf("with a router: %q", got)
	}
}

func TestObjectLife(t *testing.T) {
	b := newBed(t, nil)
	ctx := t.Context()
	b.declareBlue()
	made, err := b.client.Create(ctx, object(t, "web3", model.PortSpec{Network: "blue"}))
	if err != nil {
		t.Fatal(err)
	}
	if made.Meta.Revision != 2 || made.Kind != api.KindPort {
		t.Errorf("created: %+v", made)
	}
	if _, err := b.client.Create(ctx, object(t, "web3", model.PortSpec{Network: "blue"})); codeFrom(t, err) != api.CodeExists {
		t.Errorf("created twice: %v", err)
	}
	port, err := b.client.Port(ctx, "web3")
	if err != nil {
		t.Fatal(err)
	}
	want := &api.PortStatus{
		Ready: true, Conditions: []api.Condition{},
		IP: "10.0.0.4", PrefixLength: 24, Addresses: []api.PortLink{{IP: "10.0.0.4", PrefixLength: 24}}, MAC: port.Status.MAC,
		MTU: 1450, VNI: port.Status.VNI,
	}
	if diff := cmp.Diff(want, port.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if port.Status.MAC == "" || port.Status.VNI == 0 {
		t.Errorf("not allocated: %+v", port.Status)
	}
	if _, err := b.client.Put(ctx, object(t, "web3", model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.0.0.77")}), 0); err != nil {
		t.Fatal(err)
	}
	if port, err = b.client.Port(ctx, "web3"); err != nil || port.Status.IP != "10.0.0.77" {
		t.Errorf("moved: %v %v", port.Status, err)
	}
	rev, err := b.client.Delete(ctx, api.KindPort, "web3", 0)
	if err != nil || rev != 4 {
		t.Errorf("delete: revision %d, %v", rev, err)
	}
	for _, err := range []error{
		func() error { _, err := b.client.Port(ctx, "web3"); return err }(),
		func() error { _, err := b.client.Delete(ctx, api.KindPort, "web3", 0); return err }(),
	} {
		if codeFrom(t, err) != api.CodeNotFound {
			t.Errorf("after deletion: %v", err)
		}
	}
	if _, err := b.client.Delete(ctx, api.KindNetwork, "blue", 0); codeFrom(t, err) != api.CodeInUse || !strings.Contains(err.Error(), "port/web1") {
		t.Errorf("deleted what is in use: %v", err)
	}
}

func TestListsAreSortedAndNarrowed(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.apply(
		object(t, "green", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.1.0.0/24")}),
		func() api.Object {
			o := object(t, "db", model.PortSpec{Network: "green"})
			o.Labels = map[string]string{"app": "db"}
			return o
		}(),
	)
	b.fabric.ports["db"] = status.Port{Port: "db", Node: "node2", Interface: "veth7", Bound: true}
	tests := []struct {
		name string
		o    api.ListOptions
		want []string
	}{
		{"all", api.ListOptions{}, []string{"db", "web1", "web2"}},
		{"network", api.ListOptions{Network: "blue"}, []string{"web1", "web2"}},
		{"unknown network", api.ListOptions{Network: "red"}, nil},
		{"pinned or bound", api.ListOptions{Node: "node2"}, []string{"db", "web2"}},
		{"network and node", api.ListOptions{Network: "blue", Node: "node2"}, []string{"web2"}},
		{"label", api.ListOptions{Label: "app"}, []string{"db"}},
		{"not labelled", api.ListOptions{Label: "!app"}, []string{"web1", "web2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := b.client.Ports(t.Context(), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range l.Items {
				got = append(got, p.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || l.Revision != 2 {
				t.Errorf("revision %d (-want +got):\n%s", l.Revision, diff)
			}
		})
	}
	db, err := b.client.Port(t.Context(), "db")
	if err != nil || !db.Status.Bound || db.Status.Node != "node2" || db.Status.Interface != "veth7" {
		t.Errorf("binding: %+v %v", db.Status, err)
	}
	green, err := b.client.Network(t.Context(), "green")
	if err != nil || green.Status.Ports != 1 || green.Status.Nodes != 1 {
		t.Errorf("network: %+v %v", green.Status, err)
	}
}

func TestSegmentedStatus(t *testing.T) {
	b := newBed(t, nil)
	b.apply(
		object(t, "pods", model.NetworkSpec{Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.244.0.0/16"), ContainersPerNode: 250, MaxNodes: 100}),
		object(t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")}),
		object(t, "c1", model.PortSpec{Network: "pods", Node: "node1"}),
		object(t, "main", model.RouterSpec{Networks: []string{"pods"}}),
	)
	ctx := t.Context()
	node, err := b.client.Node(ctx, "node1")
	if err != nil {
		t.Fatal(err)
	}
	network, err := b.client.Network(ctx, "pods")
	if err != nil {
		t.Fatal(err)
	}
	want := []api.BlockStatus{{Network: "pods", Node: "node1", CIDR: "10.244.1.0/24", Gateway: "10.244.1.1", GatewayMAC: network.Status.GatewayMAC}}
	if diff := cmp.Diff(want, node.Status.Blocks); diff != "" {
		t.Errorf("blocks of the node (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, network.Status.Blocks); diff != "" {
		t.Errorf("blocks of the network (-want +got):\n%s", diff)
	}
	if network.Status.Router != "main" {
		t.Errorf("router: %q", network.Status.Router)
	}
	port, err := b.client.Port(ctx, "c1")
	if err != nil || port.Status.PrefixLength != 24 || port.Status.Gateway != "10.244.1.1" {
		t.Errorf("port: %+v %v", port.Status, err)
	}
	router, err := b.client.Router(ctx, "main")
	if err != nil || router.Status.ID < 1<<24 {
		t.Errorf("router: %+v %v", router.Status, err)
	}
}

func TestOptimisticConcurrency(t *testing.T) {
	b := newBed(t, nil)
	ctx := t.Context()
	b.declareBlue()
	resp, _ := b.raw("GET", "/v1/ports/web1", "", nil)
	if tag := resp.Header.Get("ETag"); !strings.HasPrefix(tag, `"1-`) {
		t.Errorf("ETag %s", tag)
	}
	if _, err := b.client.Put(ctx, object(t, "web1", model.PortSpec{Network: "blue", Node: "node2"}), 1); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.Put(ctx, object(t, "web1", model.PortSpec{Network: "blue", Node: "node1"}), 1)
	if codeFrom(t, err) != api.CodePrecondition || !strings.Contains(err.Error(), "changed by revision 2") {
		t.Errorf("stale put: %v", err)
	}
	if _, err := b.client.Delete(ctx, api.KindPort, "web1", 1); codeFrom(t, err) != api.CodePrecondition {
		t.Errorf("stale delete: %v", err)
	}
	if _, err := b.client.Delete(ctx, api.KindPort, "web1", 2); err != nil {
		t.Errorf("fresh delete: %v", err)
	}
	e := b.refused("PUT", "/v1/ports/web1", `{"spec":{"network":"blue"}}`, http.Header{"If-Match": {"*"}})
	if e.Status != http.StatusPreconditionFailed {
		t.Errorf("put of what does not exist: %+v", e)
	}
	if b.store.Snapshot().Revision() != 3 {
		t.Errorf("revision %d: a refused request has changed something", b.store.Snapshot().Revision())
	}
}

func TestBodyAndPathAgree(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	if resp, answer := b.raw("PUT", "/v1/ports/web9", `{"spec":{"network":"blue"}}`, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("kind and name from the path: %s", answer)
	}
	if e := b.refused("PUT", "/v1/nodes/n9", `{}`, nil); len(e.Errors) != 1 || e.Errors[0].Object != "node/n9" || e.Errors[0].Field != "spec.tunnelIP" {
		t.Errorf("empty object: %+v", e)
	}
	for path, body := range map[string]string{
		"/v1/ports/web9":  `{"name":"other","spec":{"network":"blue"}}`,
		"/v1/ports/web8":  `{"kind":"Node","spec":{}}`,
		"/v1/ports/web7":  `[]`,
		"/v1/ports/web6":  ``,
		"/v1/ports/web5":  `{"spec":`,
		"/v1/ports/web4":  `{"kind":"Potr","spec":{}}`,
		"/v1/ports/web3":  `{"name":5,"spec":{"network":"blue"}}`,
		"/v1/ports/web2x": `"text"`,
		"/v1/ports/web1x": `null`,
	} {
		if e := b.refused("PUT", path, body, nil); e.Status/100 != 4 {
			t.Errorf("%s %s: %+v", path, body, e)
		}
	}
}

func TestAuthorIsThePeer(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	me, err := user.Current()
	if err != nil {
		t.Skipf("needs a user with a name: %v", err)
	}
	h, err := b.client.History(t.Context(), api.HistoryOptions{Limit: 1})
	if err != nil || h.Entries[0].Author != me.Username {
		t.Errorf("author on the unix socket: %+v %v, want %s in spite of the header", h.Entries, err, me.Username)
	}
	if got := author(t.Context(), "alice@laptop\n\x00"); got != "alice@laptop" {
		t.Errorf("author from the header: %q", got)
	}
	if got := author(t.Context(), ""); got != "unknown" {
		t.Errorf("no author: %q", got)
	}
	if got := author(t.Context(), strings.Repeat("ä", 500)); len(got) > maxAuthor || got == "" {
		t.Errorf("long author: %q", got)
	}
}
