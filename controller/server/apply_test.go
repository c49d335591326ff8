package server

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// verbs lists changes as "verb object".
func verbs(changes []api.Change) []string {
	out := []string{}
	for _, c := range changes {
		out = append(out, c.Verb+" "+c.Object)
	}
	return out
}

func TestApplyIsOneTransactionAndIdempotent(t *testing.T) {
	b := newBed(t, nil)
	first := b.declareBlue()
	want := []string{"create node/node1", "create node/node2", "create network/blue", "create port/web1", "create port/web2"}
	if diff := cmp.Diff(want, verbs(first.Changes)); diff != "" || first.Revision != 1 {
		t.Errorf("revision %d (-want +got):\n%s", first.Revision, diff)
	}
	if after := first.Changes[3].After; after == nil || !strings.Contains(string(after.Status), `"ip":"10.0.0.2"`) || first.Changes[3].Before != nil {
		t.Errorf("after: %+v", first.Changes[3])
	}
	again := b.declareBlue()
	if len(again.Changes) != 0 || again.Revision != 1 {
		t.Errorf("applied again: %+v", again)
	}
}

// TestExportsApplyAgain applies what the API lists, status and all.
func TestExportsApplyAgain(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.apply(
		object(t, "pods", model.NetworkSpec{
			Mode: model.Segmented, Subnets: []model.Subnet{{Prefix: netip.MustParsePrefix("10.244.0.0/16"), Reserved: ranges(t, "10.244.1.5", "10.244.1.7-10.244.1.9")}},
			ContainersPerNode: 250, MaxNodes: 100,
			Blocks: []model.BlockSpec{{Node: "node2", Prefix: netip.MustParsePrefix("10.244.9.0/24"), GatewayMAC: model.MAC{4: 1, 5: 2}}},
		}),
		object(t, "main", model.RouterSpec{Networks: []string{"pods", "blue"}}),
		object(t, "c1", model.PortSpec{Network: "pods", Node: "node1", MAC: model.MAC{4: 1, 5: 3}, InterfaceID: "abc", Interface: "veth0"}),
		object(t, "n3", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.13"), DatapathID: 0xa1}),
	)
	var all []api.Object
	for _, k := range api.Kinds() {
		l, err := b.client.Objects(t.Context(), k, api.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Items...)
	}
	if r := b.apply(all...); len(r.Changes) != 0 || r.Revision != 2 {
		t.Errorf("revision %d, changed: %v", r.Revision, verbs(r.Changes))
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	r, err := b.client.Apply(t.Context(), api.ApplyRequest{
		Objects: []api.Object{object(t, "web1", model.PortSpec{Network: "blue", Node: "node2"}), object(t, "web3", model.PortSpec{Network: "blue"})},
		Delete:  []api.Key{{Kind: "port", Name: "web2"}},
		DryRun:  true,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"update port/web1", "delete port/web2", "create port/web3"}
	if diff := cmp.Diff(want, verbs(r.Changes)); diff != "" || !r.DryRun || r.Revision != 1 {
		t.Errorf("%+v (-want +got):\n%s", r, diff)
	}
	if c := r.Changes[0]; !strings.Contains(string(c.Before.Spec), "node1") || !strings.Contains(string(c.After.Spec), "node2") {
		t.Errorf("before and after: %s %s", c.Before.Spec, c.After.Spec)
	}
	if b.store.Snapshot().Revision() != 1 || b.store.Snapshot().NumPorts() != 2 {
		t.Error("the dry run was not one")
	}
}

func TestPrune(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	labelled := func(name string, labels map[string]string) api.Object {
		o := object(t, name, model.PortSpec{Network: "blue"})
		o.Labels = labels
		return o
	}
	web := map[string]string{"app": "web"}
	b.apply(labelled("a", web), labelled("b", web), labelled("c", map[string]string{"app": "db"}))
	r, err := b.client.Apply(t.Context(), api.ApplyRequest{Objects: []api.Object{labelled("a", web)}, Prune: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"delete port/b"}, verbs(r.Changes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r, err = b.client.Apply(t.Context(), api.ApplyRequest{Prune: "*"})
	if err != nil {
		t.Fatal(err)
	}
	if n := b.store.Snapshot(); n.NumPorts()+n.NumNodes()+n.NumNetworks() != 0 {
		t.Errorf("prune of everything left some: %v", verbs(r.Changes))
	}
	if _, err := b.client.Apply(t.Context(), api.ApplyRequest{Prune: "app=web=x"}); codeFrom(t, err) != api.CodeInvalid {
		t.Errorf("bad selector: %v", err)
	}
}

// TestAllMistakesAtOnce has mistakes of every kind among 500 objects.
func TestAllMistakesAtOnce(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	objects := make([]string, 500)
	for i := range objects {
		objects[i] = fmt.Sprintf(`{"kind":"Port","name":"p%d","spec":{"network":"n%d"}}`, i, i%10)
	}
	for i := range 10 {
		objects[i] = fmt.Sprintf(`{"kind":"network","name":"n%d","spec":{"cidr":"10.%d.0.0/24"}}`, i, i+1)
	}
	objects[1] = `{"kind":"Network","name":"n1","spec":{"cidr":"10.2.0.0/240"}}`
	objects[100] = `{"kind":"Port","name":"p100","spec":{"network":"n0","node":"nowhere"}}`
	objects[200] = `{"kind":"Port","name":"p200","spec":{"network":"n0","ip":"10.1.0.1000","mac":"01:00:00:00:00:01"}}`
	objects[300] = `{"kind":"Port","name":"p300","spec":{"network":"n0","ip":"10.99.0.1"}}`
	objects[400] = `{"kind":"Port","name":"p400","spec":{"network":"n0","adress":"10.1.0.9"}}`
	objects[401] = `{"kind":"Port","name":"p399","spec":{"network":"n9"}}`
	objects[402] = `{"kind":"Prot","name":"p402"}`
	objects[403] = `{"kind":"Port","name":"p403","spec":{"network":7},"labels":"x"}`
	e := b.refused("POST", "/v1/apply", `{"objects":[`+strings.Join(objects, ",")+`],"delete":[{"kind":"Port","name":"gone"}]}`, nil)
	type mistake struct {
		Index         int
		Object, Field string
	}
	want := []mistake{
		{1, "network/n1", "spec.cidr"},
		{100, "port/p100", "spec.node"},
		{200, "port/p200", "spec.ip"},
		{200, "port/p200", "spec.mac"},
		{300, "port/p300", "spec.ip"},
		{400, "port/p400", "spec.adress"},
		{401, "port/p399", ""},
		{402, "prot/p402", "kind"},
		{403, "port/p403", "labels"},
		{403, "port/p403", "spec.network"},
		{500, "port/gone", ""},
	}
	var got []mistake
	for _, p := range e.Errors {
		got = append(got, mistake{p.Index, p.Object, p.Field})
		if p.Message == "" {
			t.Errorf("no message: %+v", p)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s\n%s", diff, (*api.Error)(&e).Error())
	}
	if e.Code != api.CodeInvalid || e.Status != 422 {
		t.Errorf("code %s, status %d", e.Code, e.Status)
	}
	if b.store.Snapshot().Revision() != 1 {
		t.Error("something of a refused request was applied")
	}
}

func TestMistakesOfTheRequestItself(t *testing.T) {
	b := newBed(t, nil)
	tests := []struct {
		name, body string
		status     int
		want       api.Problem
	}{
		{"unknown key", `{"objcts":[]}`, 422, api.Problem{Index: -1, Field: "objcts", Message: `unknown key "objcts"`, Fix: `did you mean "objects"?`}},
		{"wrong type", `{"objects":{}}`, 422, api.Problem{Index: -1, Field: "objects", Message: "want a list, got an object with keys"}},
		{"not JSON", `kind: Port`, 400, api.Problem{}},
		{"nothing", ``, 400, api.Problem{}},
		{"two values", `{} {}`, 400, api.Problem{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := b.refused("POST", "/v1/apply", tt.body, nil)
			if e.Status != tt.status {
				t.Errorf("status %d, want %d: %+v", e.Status, tt.status, e)
			}
			if tt.want.Field != "" {
				if diff := cmp.Diff([]api.Problem{tt.want}, e.Errors); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// ranges reads ranges of addresses.
func ranges(t *testing.T, texts ...string) []model.AddrRange {
	t.Helper()
	all := make([]model.AddrRange, len(texts))
	for i, text := range texts {
		if err := model.SetText(&all[i], text); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestHistory(t *testing.T) {
	b := newBed(t, nil)
	b.apply(object(t, "blue", model.NetworkSpec{Subnets: []model.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/24"), Reserved: ranges(t, "10.0.0.5", "10.0.0.7-10.0.0.9")}}}))
	b.apply(object(t, "web1", model.PortSpec{Network: "blue"}))
	b.apply(object(t, "web1", model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.0.0.66")}))
	if _, err := b.client.Delete(t.Context(), api.KindPort, "web1", 0); err != nil {
		t.Fatal(err)
	}
	h, err := b.client.History(t.Context(), api.HistoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range h.Entries {
		if e.Author == "" || !e.Time.Equal(clock()) {
			t.Errorf("entry: %+v", e)
		}
		got = append(got, fmt.Sprint(e.Revision, " ", verbs(e.Changes)))
	}
	want := []string{"4 [delete port/web1]", "3 [update port/web1]", "2 [create port/web1]", "1 [create network/blue]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// An object in the history can be read as an object.
	network, problems := h.Entries[3].Changes[0].After.DecodeSpec()
	if problems != nil {
		t.Fatal(problems)
	}
	wantSpec := model.NetworkSpec{Mode: model.Stretched, MTU: model.DefaultMTU, Subnets: []model.Subnet{{
		Prefix: netip.MustParsePrefix("10.0.0.0/24"), Gateway: model.GatewayOf(netip.MustParseAddr("10.0.0.1")), Reserved: ranges(t, "10.0.0.5", "10.0.0.7-10.0.0.9"),
	}}}
	if diff := cmp.Diff(wantSpec, network, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("network (-want +got):\n%s", diff)
	}
	h, err = b.client.History(t.Context(), api.HistoryOptions{From: 3, Limit: 2})
	if err != nil || len(h.Entries) != 2 || h.Entries[0].Revision != 3 {
		t.Errorf("page: %+v %v", h, err)
	}
}

// TestStoreFailure: a failure that is not the client's fault is reported as such.
func TestStoreFailure(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.Delete(t.Context(), api.KindPort, "web1", 0)
	var e *api.Error
	if !errors.As(err, &e) || e.Status != 500 || e.Code != api.CodeInternal {
		t.Errorf("write to a closed store: %v", err)
	}
	if _, err := b.client.Port(t.Context(), "web1"); err != nil {
		t.Errorf("reading went with it: %v", err)
	}
}
