package integration

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestBadInput: bad input is refused with a clear error, and nothing is half applied.
func TestBadInput(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {vni: 100, subnets: [{cidr: 10.7.0.0/24, reserved: [10.7.0.10-10.7.0.19]}]}}
---
{kind: Network, name: tiny, spec: {cidr: 10.9.0.0/30}}
---
{kind: Port, name: a, spec: {network: blue, node: node1, ip: 10.7.0.5, mac: "02:00:00:00:00:05"}}
---
{kind: Port, name: t1, spec: {network: tiny, node: node1}}
`)
	before := b.sdnctl("export")
	flows := b.flowSet("node1")

	for name, tt := range map[string]struct {
		yaml string
		says []string
	}{
		"malformed CIDR":         {"{kind: Network, name: x, spec: {cidr: 10.0.0.0/33}}", []string{"network/x", "10.0.0.0/33"}},
		"overlapping CIDRs":      {"{kind: Network, name: x, spec: {subnets: [{cidr: 10.0.0.0/16}, {cidr: 10.0.1.0/24}]}}", []string{"network/x", "10.0.1.0/24", "overlap"}},
		"VNI out of range":       {"{kind: Network, name: x, spec: {vni: 16777216, cidr: 10.0.0.0/24}}", []string{"network/x", "16777216", "16777215"}},
		"VNI twice":              {"{kind: Network, name: x, spec: {vni: 100, cidr: 10.0.0.0/24}}", []string{"network/x", "100", "blue"}},
		"too small for blocks":   {"{kind: Network, name: x, spec: {mode: segmented, cidr: 10.0.0.0/24, containersPerNode: 250, maxNodes: 10}}", []string{"network/x", "10.0.0.0/24"}},
		"address outside":        {"{kind: Port, name: x, spec: {network: blue, node: node1, ip: 10.8.0.1}}", []string{"port/x", "10.8.0.1"}},
		"address reserved":       {"{kind: Port, name: x, spec: {network: blue, node: node1, ip: 10.7.0.12}}", []string{"port/x", "10.7.0.12", "reserved"}},
		"address taken":          {"{kind: Port, name: x, spec: {network: blue, node: node1, ip: 10.7.0.5}}", []string{"port/x", "10.7.0.5", "a"}},
		"multicast MAC":          {"{kind: Port, name: x, spec: {network: blue, node: node1, mac: '01:00:5e:00:00:01'}}", []string{"port/x", "01:00:5e:00:00:01", "multicast"}},
		"MAC taken":              {"{kind: Port, name: x, spec: {network: blue, node: node1, mac: '02:00:00:00:00:05'}}", []string{"port/x", "02:00:00:00:00:05", "a"}},
		"unknown network":        {"{kind: Port, name: x, spec: {network: bleu, node: node1}}", []string{"port/x", "bleu"}},
		"unknown node":           {"{kind: Port, name: x, spec: {network: blue, node: node9}}", []string{"port/x", "node9"}},
		"one datapath id twice":  {"{kind: Node, name: m, spec: {datapathID: 00000000000000aa, tunnelIP: 172.16.56.8}}\n---\n{kind: Node, name: n, spec: {datapathID: 00000000000000aa, tunnelIP: 172.16.56.9}}", []string{"aa"}},
		"node without tunnel IP": {"{kind: Node, name: n, spec: {}}\n---\n{kind: Port, name: x, spec: {network: blue, node: n}}", []string{"node/n", "tunnelIP"}},
		"unknown key":            {"{kind: Port, name: x, spec: {network: blue, nod: node1}}", []string{"port/x", "nod"}},
		"pool exhausted":         {"{kind: Port, name: x, spec: {network: tiny, node: node1}}", []string{"port/x", "tiny", "taken"}},
		"not YAML at all":        {"{kind: [", []string{"<stdin>:1", "not valid YAML"}},
	} {
		b.run(name, func(t *testing.T, b *bed) {
			_, err := b.Controller.Apply(b.ctx, tt.yaml)
			var exit *lab.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("want a refusal, got %v", err)
			}
			for _, word := range tt.says {
				if !strings.Contains(exit.Stderr, word) {
					t.Errorf("the error does not say %q:\n%s", word, exit.Stderr)
				}
			}
		})
	}
	b.run("deleting what is in use", func(t *testing.T, b *bed) {
		if says := b.refused("network", "delete", "blue"); !strings.Contains(says, "port/a") && !strings.Contains(says, "a") {
			t.Errorf("the error does not say by what: %s", says)
		}
		if says := b.refused("node", "delete", "node1"); !strings.Contains(says, "a") {
			t.Errorf("the error does not say by what: %s", says)
		}
	})
	b.run("3 mistakes among 500 objects", func(t *testing.T, b *bed) {
		var y strings.Builder
		for i := range 500 {
			network := "blue2"
			if i == 17 || i == 300 {
				network = "gone"
			}
			ip := fmt.Sprintf("10.20.%d.%d", i/200, i%200+2)
			if i == 444 {
				ip = "10.99.0.1"
			}
			fmt.Fprintf(&y, "{kind: Port, name: p%d, spec: {network: %s, node: node1, ip: %s}}\n---\n", i, network, ip)
		}
		y.WriteString("{kind: Network, name: blue2, spec: {cidr: 10.20.0.0/16}}\n")
		_, err := b.Controller.Apply(b.ctx, y.String())
		var exit *lab.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("want a refusal, got %v", err)
		}
		for _, name := range []string{"p17", "p300", "p444"} {
			if !strings.Contains(exit.Stderr, name) {
				t.Errorf("the error does not name %s:\n%s", name, exit.Stderr)
			}
		}
		if strings.Contains(exit.Stderr, "p18") {
			t.Errorf("the error blames what is right:\n%s", exit.Stderr)
		}
	})
	b.run("a body of 100 MB", func(t *testing.T, b *bed) {
		body := &endless{left: 100 << 20}
		err := b.Controller.Do(b.ctx, "POST", "/v1/apply", body, nil)
		var status *lab.StatusError
		if errors.As(err, &status) && status.Code != 413 {
			t.Errorf("want status 413, got %v", err)
		}
		if err == nil || body.left == 0 {
			t.Errorf("read to its end: %d bytes left, %v", body.left, err)
		}
	})
	b.run("the data file is locked", func(t *testing.T, b *bed) {
		_, err := b.Controller.Exec(b.ctx, "sdnd", "--config", filepath.Join(b.Controller.DataDir, "sdnd.yaml"),
			"--data", filepath.Join(b.Controller.DataDir, "sdnd.db"),
			"--api-socket", filepath.Join(b.Dir, "other.sock"), "--openflow-listen", "127.0.0.1:0", "--ovsdb-listen", "")
		if err == nil || !strings.Contains(err.Error(), "sdnd.db") {
			t.Errorf("a second sdnd on one file: %v", err)
		}
	})
	if diff := cmp.Diff(before, b.sdnctl("export")); diff != "" {
		t.Errorf("something was applied (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(flows, b.flowSet("node1")); diff != "" {
		t.Errorf("flows changed (-before +after):\n%s", diff)
	}
	b.verify()
}

// endless is a long body of blanks.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	e.left -= n
	return n, nil
}
