package server

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology/model"
)

// nodeBed is a server with two nodes; requests are made as node1.
type nodeBed struct {
	*secured
	node *tls.Config // node1's certificate
}

// newNodeBed declares blue and pods, which take ports from nodes, green, which does not,
// and ports made by an operator: web1 on node1, web2 on node2 and free, which is not
// pinned.
func newNodeBed(t *testing.T) *nodeBed {
	s := newSecured(t, nil)
	s.apply(
		object(t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")}),
		object(t, "node2", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.12")}),
		object(t, "blue", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24"), PortsFromNodes: true}),
		object(t, "pods", model.NetworkSpec{
			Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.244.0.0/16"), ContainersPerNode: 250, MaxNodes: 10, PortsFromNodes: true,
			Blocks: []model.BlockSpec{{Node: "node2", Prefix: netip.MustParsePrefix("10.244.9.0/24")}},
		}),
		object(t, "green", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.1.0.0/24")}),
		object(t, "main", model.RouterSpec{Networks: []string{"blue", "green"}}),
		object(t, "web1", model.PortSpec{Network: "blue", Node: "node1", IP: netip.MustParseAddr("10.0.0.11")}),
		object(t, "web2", model.PortSpec{Network: "blue", Node: "node2", IP: netip.MustParseAddr("10.0.0.12"), InterfaceID: "tap-of-web2"}),
		object(t, "free", model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.0.0.13")}),
	)
	return &nodeBed{s, s.as(pki.Identity{Kind: pki.Node, Name: "node1"})}
}

// answer asks as node1 and returns the status and the whole answer.
func (b *nodeBed) answer(path string) (int, string) {
	b.t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: b.node, DisableKeepAlives: true}}).Get("https://" + b.addr + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func port(t *testing.T, name string, labels map[string]string, spec model.PortSpec) api.Object {
	t.Helper()
	o, err := api.NewObject(name, labels, spec)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestNodeMakesItsOwnPorts: a node can do what it may do.
func TestNodeMakesItsOwnPorts(t *testing.T) {
	b := newNodeBed(t)
	labels := map[string]string{"node/container": "c1"}
	c1 := port(t, "c1", labels, model.PortSpec{Network: "blue", Node: "node1"})
	c2 := port(t, "c2", nil, model.PortSpec{Network: "pods", Node: "node1", Interface: "veth2"})
	for _, step := range []struct {
		name, method, path string
		body               any
		want               int
	}{
		{"create", "POST", "/v1/ports", c1, 201},
		{"create by apply", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{c2}}, 200},
		{"the same again", "PUT", "/v1/ports/c1", c1, 200},
		{"change", "PUT", "/v1/ports/c1", port(t, "c1", labels, model.PortSpec{Network: "blue", Node: "node1", IP: netip.MustParseAddr("10.0.0.77")}), 200},
		{"read", "GET", "/v1/ports/c1", nil, 200},
		{"read an operator's that is pinned here", "GET", "/v1/ports/web1", nil, 200},
		{"read itself", "GET", "/v1/nodes/node1", nil, 200},
		{"read the network", "GET", "/v1/networks/blue", nil, 200},
		{"status", "GET", "/v1/status", nil, 200},
		{"wait", "GET", "/v1/revisions/2/acks", nil, 200},
		{"delete by apply", "POST", "/v1/apply", api.ApplyRequest{Delete: []api.Key{{Kind: api.KindPort, Name: "c2"}}}, 200},
		{"delete", "DELETE", "/v1/ports/c1", nil, 200},
	} {
		if status, e := b.ask(b.node, "", step.method, step.path, step.body); status != step.want {
			t.Fatalf("%s: status %d, %s", step.name, status, e.Message)
		}
		if step.name == "change" {
			p, err := b.client.Port(t.Context(), "c1")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"node/container": "c1", "node/made-by": "node1"}
			if d := cmp.Diff(want, p.Labels); d != "" || p.Status.IP != "10.0.0.77" {
				t.Errorf("%s %s", p.Status.IP, d)
			}
		}
	}
	entries, err := b.store.History(0, 1, nil)
	if err != nil || entries[0].Author != "node/node1" {
		t.Errorf("author %q, %v", entries[0].Author, err)
	}
}

// attempt is an object that a node may not make, and the answer to that.
type attempt struct {
	name   string
	object api.Object
	status int
}

// attempts are what an attacker who has taken over node1 would try. Ports named x do not
// exist.
func (b *nodeBed) attempts() []attempt {
	t, own := b.t, model.PortSpec{Network: "blue", Node: "node1"}
	with := func(change func(*model.PortSpec)) model.PortSpec { s := own; change(&s); return s }
	return []attempt{
		{"a port pinned to another node", port(t, "x", nil, with(func(s *model.PortSpec) { s.Node = "node2" })), 403},
		{"a port that is not pinned", port(t, "x", nil, with(func(s *model.PortSpec) { s.Node = "" })), 403},
		{"a port of a network that takes none", port(t, "x", nil, with(func(s *model.PortSpec) { s.Network = "green" })), 403},
		{"a port of a network that does not exist", port(t, "x", nil, with(func(s *model.PortSpec) { s.Network = "none" })), 403},
		{"an address held by another", port(t, "x", nil, with(func(s *model.PortSpec) { s.IP = netip.MustParseAddr("10.0.0.12") })), 409},
		{"the gateway's address", port(t, "x", nil, with(func(s *model.PortSpec) { s.IP = netip.MustParseAddr("10.0.0.1") })), 422},
		{"an address of another node's block", port(t, "x", nil, with(func(s *model.PortSpec) { s.Network, s.IP = "pods", netip.MustParseAddr("10.244.9.7") })), 422},
		{"another's MAC", port(t, "x", nil, with(func(s *model.PortSpec) { s.MAC = b.macOf("web2") })), 409},
		{"another's interface id", port(t, "x", nil, with(func(s *model.PortSpec) { s.InterfaceID = "tap-of-web2" })), 409},
		{"the interface id that is another's name", port(t, "x", nil, with(func(s *model.PortSpec) { s.InterfaceID = "free" })), 409},
		{"another's name", port(t, "web2", nil, own), 409},
		{"the name of one that is nowhere", port(t, "free", nil, own), 409},
		{"moving another's port here", port(t, "web2", nil, with(func(s *model.PortSpec) { s.IP, s.InterfaceID = netip.MustParseAddr("10.0.0.12"), "tap-of-web2" })), 409},
		{"changing an operator's port here", port(t, "web1", nil, with(func(s *model.PortSpec) { s.IP = netip.MustParseAddr("10.0.0.99") })), 403},
		{"making an operator's port its own", port(t, "web1", map[string]string{madeBy: "node1"}, with(func(s *model.PortSpec) { s.IP = netip.MustParseAddr("10.0.0.11") })), 403},
		{"a label that operators select by", port(t, "x", map[string]string{"app": "web"}, own), 403},
		{"a label that looks like its own", port(t, "x", map[string]string{"node.app": "web"}, own), 403},
		{"a port that another node is said to have made", port(t, "x", map[string]string{madeBy: "node2"}, own), 403},
		{"a network", object(t, "x", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")}), 403},
		{"opening a network", object(t, "green", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.1.0.0/24"), PortsFromNodes: true}), 403},
		{"a router", object(t, "x", model.RouterSpec{Networks: []string{"blue"}}), 403},
		{"its own tunnel address", object(t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.99")}), 403},
	}
}

// TestNodeIsNoOther: a node that an attacker has taken over has only the rights of that
// node. Each attempt is made directly, in an apply, and in an apply's dry run.
func TestNodeIsNoOther(t *testing.T) {
	b := newNodeBed(t)
	own := model.PortSpec{Network: "blue", Node: "node1"}
	before := b.store.Snapshot().Revision()
	for _, a := range b.attempts() {
		for by, ask := range map[string]func() (int, api.Error){
			"put": func() (int, api.Error) {
				return b.ask(b.node, "", "PUT", "/v1/"+a.object.Kind.Plural()+"/"+a.object.Name, a.object)
			},
			"create": func() (int, api.Error) { return b.ask(b.node, "", "POST", "/v1/"+a.object.Kind.Plural(), a.object) },
			"apply": func() (int, api.Error) {
				return b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{port(t, "c1", nil, own), a.object}})
			},
			"dry run": func() (int, api.Error) {
				return b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Objects: []api.Object{a.object}, DryRun: true})
			},
		} {
			status, e := ask()
			if status != a.status && !(by == "apply" && status == 422) {
				t.Errorf("%s by %s: status %d, want %d: %s", a.name, by, status, a.status, e.Message)
			}
			text := fmt.Sprint(e)
			for _, secret := range []string{"port/web2 ", "binds", "held by", "node2", "tap-of-web2\" "} {
				if strings.Contains(strings.ReplaceAll(text, "made-by", ""), secret) && !strings.Contains(fmt.Sprint(a.object), secret) {
					t.Errorf("%s by %s tells %q: %s", a.name, by, secret, text)
				}
			}
		}
	}
	for _, del := range []struct {
		name   string
		status int
	}{{"web2", 404}, {"free", 404}, {"none", 404}, {"web1", 403}} {
		status, e := b.ask(b.node, "", "DELETE", "/v1/ports/"+del.name, nil)
		if status != del.status {
			t.Errorf("delete of %s: status %d: %s", del.name, status, e.Message)
		}
		if status, e := b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Delete: []api.Key{{Kind: api.KindPort, Name: del.name}}}); status != del.status {
			t.Errorf("delete of %s by apply: status %d: %s", del.name, status, e.Message)
		}
		for _, prune := range []string{"*", "!node/x"} {
			if status, e := b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Prune: prune, DryRun: true}); status != 403 {
				t.Errorf("prune %s: status %d: %s", prune, status, e.Message)
			}
		}
	}
	if now := b.store.Snapshot().Revision(); now != before {
		t.Errorf("revision %d became %d", before, now)
	}
}

// TestNodePatchesItsOwnPorts: PATCH gives a node no other rights. A node cannot give its
// own ports what it may not give them, nor learn which ports others have.
func TestNodePatchesItsOwnPorts(t *testing.T) {
	b := newNodeBed(t)
	if status, e := b.ask(b.node, "", "POST", "/v1/ports", port(t, "c1", nil, model.PortSpec{Network: "blue", Node: "node1"})); status != 201 {
		t.Fatalf("%d %s", status, e.Message)
	}
	patch := func(path string, body any) (int, string) {
		status, e := b.ask(b.node, "", "PATCH", path, body)
		return status, fmt.Sprint(e)
	}
	before := b.store.Snapshot().Revision()
	for _, a := range b.attempts() {
		path, want, body := "/v1/"+a.object.Kind.Plural()+"/"+a.object.Name, a.status, map[string]any{"labels": a.object.Labels}
		var spec map[string]any
		if err := json.Unmarshal(a.object.Spec, &spec); err != nil {
			t.Fatal(err)
		}
		switch {
		case a.object.Kind == api.KindPort && a.object.Name == "x":
			path = "/v1/ports/c1"
			if spec["node"] == nil {
				spec["node"] = nil // is taken away
			}
		case a.object.Kind == api.KindPort && a.object.Name != "web1":
			want = 404
		}
		body["spec"] = spec
		if status, text := patch(path, body); status != want {
			t.Errorf("%s: status %d, want %d: %s", a.name, status, want, text)
		}
	}
	for path, want := range map[string]int{
		"/v1/ports/web1": 403, "/v1/ports/web2": 404, "/v1/ports/free": 404, "/v1/ports/none": 404,
		"/v1/nodes/node1": 403, "/v1/nodes/node2": 403, "/v1/nodes/none": 403, "/v1/networks/blue": 403,
		"/v1/networks/green": 403, "/v1/routers/main": 403, "/v1/portgroups/none": 403,
	} {
		for _, body := range []any{map[string]any{"labels": map[string]any{"node/a": "b"}}, map[string]any{}} {
			if status, text := patch(path, body); status != want {
				t.Errorf("patch of %s by %v: status %d, want %d: %s", path, body, status, want, text)
			}
		}
	}
	_, hidden := patch("/v1/ports/web2", map[string]any{})
	_, none := patch("/v1/ports/none", map[string]any{})
	if strings.ReplaceAll(hidden, "web2", "none") != none {
		t.Errorf("another's port: %s; one that does not exist: %s", hidden, none)
	}
	if now := b.store.Snapshot().Revision(); now != before {
		t.Errorf("revision %d became %d", before, now)
	}
	// What it may do, it can; and the port keeps the node's mark.
	status, text := patch("/v1/ports/c1", map[string]any{
		"labels": map[string]any{madeBy: nil, "node/container": "c1"}, "spec": map[string]any{"ip": "10.0.0.77"},
	})
	p, err := b.client.Port(t.Context(), "c1")
	if err != nil || status != 200 || p.Status.IP != "10.0.0.77" || p.Labels[madeBy] != "node1" || p.Labels["node/container"] != "c1" {
		t.Errorf("%d %s: %+v, %v", status, text, p, err)
	}
}

func (b *nodeBed) macOf(name string) model.MAC {
	b.t.Helper()
	p, err := b.client.Port(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	mac, err := model.ParseMAC(p.Status.MAC)
	if err != nil {
		b.t.Fatal(err)
	}
	return mac
}

// TestNodeSeesItself: a node sees nothing of others, whose objects look as if they did not
// exist.
func TestNodeSeesItself(t *testing.T) {
	b := newNodeBed(t)
	b.fabric.setPending(status.Pending{Node: "node2", Reason: "its switch is away"}, status.Pending{Node: "node1", Reason: "busy"})
	names := func(path string) (out []string) {
		t.Helper()
		status, text := b.answer(path)
		var list api.List[api.Object]
		if err := json.Unmarshal([]byte(text), &list); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		for _, o := range list.Items {
			out = append(out, o.Name)
		}
		return out
	}
	for path, want := range map[string][]string{
		"/v1/nodes": {"node1"}, "/v1/networks": {"blue", "pods"}, "/v1/ports": {"web1"},
		"/v1/ports?node=node2": nil, "/v1/ports?network=blue": {"web1"}, "/v1/ports?network=green": nil, "/v1/ports?label=!app": {"web1"},
	} {
		if d := cmp.Diff(want, names(path)); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
	for _, path := range []string{"/v1/nodes", "/v1/networks", "/v1/networks/blue", "/v1/networks/pods", "/v1/ports", "/v1/status", "/v1/revisions/1/acks"} {
		status, text := b.answer(path)
		for _, secret := range []string{"node2", "web2", "free", "10.244.9", "its switch is away", "green"} {
			if status != 200 || strings.Contains(text, secret) {
				t.Errorf("%s: %d tells of %s: %s", path, status, secret, text)
			}
		}
	}
	var acks api.Acks
	if _, text := b.answer("/v1/revisions/1/acks"); json.Unmarshal([]byte(text), &acks) != nil || acks.Done || len(acks.Pending) != 2 || acks.Pending[0].Node != "node1" {
		t.Errorf("acks: %+v", acks)
	}
	for hidden, none := range map[string]string{"/v1/ports/web2": "/v1/ports/none", "/v1/nodes/node2": "/v1/nodes/none", "/v1/networks/green": "/v1/networks/none"} {
		s1, t1 := b.answer(hidden)
		s2, t2 := b.answer(none)
		name := hidden[strings.LastIndexByte(hidden, '/')+1:]
		if s1 != 404 || s2 != 404 || strings.ReplaceAll(t1, name, "none") != t2 {
			t.Errorf("%s: %d %s; %s: %d %s", hidden, s1, t1, none, s2, t2)
		}
	}
	for _, path := range []string{
		"/v1/watch", "/v1/history", "/v1/backup", "/v1/switches", "/v1/drifts", "/v1/answers", "/v1/networks/blue/zone", "/v1/networks/blue/multicast", "/v1/ipam/check", "/v1/routers", "/v1/routers/main",
		"/v1/nodes/node1/flows", "/v1/nodes/node2/flows", "/v1/nodes/node1/groups", "/v1/nodes/node1/meters", "/metrics", "/openapi.json", "/v1/nothing",
	} {
		if status, _ := b.answer(path); status != 403 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for path, method := range map[string]string{
		"/v1/nodes/node1": "DELETE", "/v1/nodes/node1/audit": "POST", "/v1/nodes/node1/invitation": "POST",
		"/v1/nodes/node2/certificate": "POST", "/v1/restore": "POST", "/v1/networks/blue": "DELETE",
	} {
		if status, e := b.ask(b.node, "", method, path, nil); status != 403 {
			t.Errorf("%s %s: %d %s", method, path, status, e.Message)
		}
	}
}

// TestNodeCountsOnlyWhileDeclared: a deleted node may do nothing, and a node gets no other
// rights by authenticating as a user.
func TestNodeCountsOnlyWhileDeclared(t *testing.T) {
	b := newNodeBed(t)
	undeclared := b.as(pki.Identity{Kind: pki.Node, Name: "node9"})
	if status, e := b.ask(undeclared, "", "GET", "/v1/nodes/node9", nil); status != 403 || !strings.Contains(e.Message, "not declared") {
		t.Errorf("%d %s", status, e.Message)
	}
	if status, _ := b.ask(b.as(pki.Identity{Kind: pki.User, Name: "node1", Role: pki.Viewer}), "", "POST", "/v1/ports", port(t, "c1", nil, model.PortSpec{Network: "blue", Node: "node1"})); status != 403 {
		t.Errorf("a viewer named node1: %d", status)
	}
}

// TestNodePortsAreBounded: one node cannot fill the store.
func TestNodePortsAreBounded(t *testing.T) {
	b := newNodeBed(t)
	b.apply(object(t, "wide", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16"), PortsFromNodes: true}))
	var many []api.Object
	for i := range maxNodePorts + 1 {
		many = append(many, port(t, fmt.Sprintf("c%d", i), nil, model.PortSpec{Network: "wide", Node: "node1"}))
	}
	if status, e := b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Objects: many}); status != 403 || !strings.Contains(e.Message, "at most 1024") {
		t.Errorf("%d %s", status, e.Message)
	}
	if status, e := b.ask(b.node, "", "POST", "/v1/apply", api.ApplyRequest{Objects: many[1:]}); status != 200 {
		t.Errorf("%d %s", status, e.Message)
	}
	if status, _ := b.ask(b.node, "", "POST", "/v1/ports", many[0]); status != 403 {
		t.Errorf("one more: %d", status)
	}
}

// TestPruneLeavesWhatNodesMade: an operator's files do not name the ports that nodes made,
// and so prune does not delete them, unless the selector names their labels.
func TestPruneLeavesWhatNodesMade(t *testing.T) {
	b := newNodeBed(t)
	if status, e := b.ask(b.node, "", "POST", "/v1/ports", port(t, "c1", nil, model.PortSpec{Network: "blue", Node: "node1"})); status != 201 {
		t.Fatalf("%d %s", status, e.Message)
	}
	prune := func(selector string) (deleted []string) {
		t.Helper()
		r, err := b.client.Apply(t.Context(), api.ApplyRequest{Prune: selector, DryRun: true, Objects: []api.Object{
			object(t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")}),
			object(t, "blue", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24"), PortsFromNodes: true}),
		}})
		if err == nil {
			for _, c := range r.Changes {
				deleted = append(deleted, c.Object)
			}
			return deleted
		}
		return []string{err.Error()}
	}
	for _, selector := range []string{"app!=web", "*"} {
		if got := prune(selector); strings.Contains(fmt.Sprint(got), "port/c1") || !strings.Contains(fmt.Sprint(got), "port/web2") {
			t.Errorf("%s prunes %v", selector, got)
		}
	}
	if d := cmp.Diff([]string{"port/c1"}, prune("node/made-by=node1")); d != "" {
		t.Error(d)
	}
}
