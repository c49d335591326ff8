package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

// TestOldClient: sdnctl of the previous release works with this sdnd: it declares, changes,
// lists, exports and deletes, and joins a node. docs/operations.md warns of one effect: its
// "port set" removes further addresses and addresses of a second family.
func TestOldClient(t *testing.T) {
	previous := os.Getenv(previousVar)
	if previous == "" {
		t.Skip("needs the programs of the release before: make upgrade-test")
	}
	b := newBed(t, 1)
	n := b.node("node1")
	old := func(args ...string) string {
		t.Helper()
		out, err := b.Controller.Exec(b.ctx, append([]string{filepath.Join(previous, "sdnctl")}, args...)...)
		return must(b, out, err)
	}
	_, err := n.Exec(b.ctx, filepath.Join(previous, "sdnctl"), "node", "join", "node1",
		"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait")
	b.must(err)
	b.joined = append(b.joined, n)

	old("node", "create", "node1", "--tunnel-ip", n.Addr.String(), "--wait=20s")
	old("network", "create", "blue", "--cidr", "10.7.0.0/24", "--wait=20s")
	old("router", "create", "r", "--network", "blue", "--wait=20s")
	old("port", "create", "web", "--network", "blue", "--node", "node1", "--ip", "10.7.0.10", "--wait=20s")
	old("port", "set", "web", "--label", "a=b", "--wait=20s")
	web := b.plug("web", "node1")
	b.bound("web")
	b.reach(web, "10.7.0.1")

	// Settings that the old client does not know, declared by the new one.
	b.apply(`
{kind: Network, name: dual, spec: {subnets: [{cidr: 10.8.0.0/24}, {cidr: "fd00:8::/64"}]}}
---
{kind: Port, name: vm, spec: {network: dual, node: node1, ips: [10.8.0.20, "fd00:8::20"], addresses: [{ip: 10.8.0.100}]}}
---
{kind: PortGroup, name: all, spec: {selector: {matchLabels: {a: b}}}}
`)
	port := func() portFields {
		t.Helper()
		var p portFields
		b.must(b.Controller.Get(b.ctx, "/v1/ports/vm", &p))
		return p
	}
	if p := port(); len(p.Spec.IPs) != 2 || len(p.Spec.Addresses) != 1 {
		t.Fatalf("vm is %+v", p)
	}
	for _, args := range [][]string{
		{"status"}, {"node", "list"}, {"network", "list"}, {"router", "list"}, {"port", "list", "-o", "wide"}, {"port", "show", "vm"},
		{"network", "show", "dual"}, {"port", "list", "-o", "yaml"}, {"export"}, {"flows", "node1"}, {"history"}, {"ipam", "check"},
	} {
		if out := old(args...); strings.TrimSpace(out) == "" {
			t.Errorf("sdnctl %s printed nothing", strings.Join(args, " "))
		}
	}
	if p := port(); len(p.Spec.IPs) != 2 || len(p.Spec.Addresses) != 1 {
		t.Errorf("after the old client looked vm is %+v", p)
	}
	// These it does not keep.
	old("port", "set", "vm", "--label", "tier=web")
	if p := port(); len(p.Spec.Addresses) != 0 || len(p.Spec.IPs) > 1 || p.Labels["tier"] != "web" {
		t.Errorf("docs/operations.md says that the old client's port set removes further addresses; vm is %+v", p)
	}
	old("port", "delete", "web", "vm", "--wait=20s")
	if ports, err := b.api.Ports(b.ctx, api.ListOptions{}); err != nil || len(ports.Items) != 0 {
		t.Errorf("after all were deleted there are %+v (%v)", ports.Items, err)
	}
	b.verify()
}

// portFields has the fields of a port that the old client may change.
type portFields struct {
	Labels map[string]string
	Spec   struct {
		IPs       []string
		Addresses []json.RawMessage
	}
}
