package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// tlsBed is a bed whose sdnd accepts only TLS.
type tlsBed struct {
	*bed
	pki string
}

func newTLSBed(t *testing.T, nodes int) *tlsBed {
	t.Helper()
	b := &tlsBed{bed: newBed(t, nodes)}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.pki = filepath.Join(b.Dir, "pki")
	b.sdnctl("pki", "init", b.Controller.Addr.String(), "--dir", b.pki)
	b.must(b.Controller.Start(b.ctx, "--insecure=false",
		"--tls-ca", b.file("ca.crt"), "--tls-cert", b.file("sdnd.crt"), "--tls-key", b.file("sdnd.key")))
	return b
}

func (b *tlsBed) file(name string) string { return filepath.Join(b.pki, name) }

// certify makes the certificate of a node.
func (b *tlsBed) certify(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.sdnctl("pki", "node", name, "--dir", b.pki, "--force")
	}
}

// joinTLS joins a node with its certificate.
func (b *tlsBed) joinTLS(names ...string) {
	b.t.Helper()
	for _, name := range names {
		n := b.node(name)
		_, err := n.Exec(b.ctx, "sdnctl", "node", "join", name,
			"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait",
			"--ca", b.file("ca.crt"), "--cert", b.file("node-"+name+".crt"), "--key", b.file("node-"+name+".key"))
		b.must(err)
		b.joined = append(b.joined, n)
	}
}

// listed waits until a switch is listed as refused for a reason.
func (b *tlsBed) listed(n *lab.Node, reason string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, fmt.Sprintf("%s to be refused: %s", n.Name, reason), func(ctx context.Context) error {
		list, err := b.api.Switches(ctx)
		for _, s := range list.Items {
			if strings.HasPrefix(s.Address, n.Addr.String()+":") && strings.Contains(s.Reason, reason) {
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("listed: %+v", list.Items)
		}
		return err
	}))
}

func (b *tlsBed) status(node string) *api.NodeStatus {
	b.t.Helper()
	n, err := b.api.Node(b.ctx, node)
	return must(b.bed, n, err).Status
}

// TestTLS: real Open vSwitch connects with its certificate, by OpenFlow and by OVSDB, and
// in no other way; certificates are replaced under open sessions.
func TestTLS(t *testing.T) {
	t.Parallel()
	b := newTLSBed(t, 2)
	b.certify("node1", "node2")
	b.joinTLS("node1")
	one, two := b.node("node1"), b.node("node2")
	if _, err := b.Controller.Apply(b.ctx, nodes(2)+`
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: near, spec: {network: blue}}
---
{kind: Port, name: far, spec: {network: blue}}
`); err != nil {
		t.Fatal(err)
	}
	near := b.plug("near", "node1") // bound by what OVSDB tells
	b.bound("near")
	if s := b.status("node1"); !s.OVSDB {
		t.Errorf("OVSDB is not connected: %+v", s)
	}

	b.run("plain TCP is refused", func(t *testing.T, _ *bed) {
		says(t, b.joinNode(two, cli.ExitTimeout, "--timeout", "3s"), "sdnd refuses the switch", "plain TCP where TLS is required")
		b.listed(two, "plain TCP where TLS is required")
		if b.status("node2").Connected {
			t.Error("node2 got in")
		}
	})
	b.run("another authority's certificate is refused", func(t *testing.T, tb *bed) {
		dir := t.TempDir()
		tb.sdnctl("pki", "init", b.Controller.Addr.String(), "--dir", dir)
		tb.sdnctl("pki", "node", "node2", "--dir", dir)
		file := func(name string) string { return filepath.Join(dir, name) }
		files := []string{"--cert", file("node-node2.crt"), "--key", file("node-node2.key")}
		// By the state of this machine alone.
		join := append([]string{"env", "SDNCTL_HOST=", "sdnctl", "node", "join", "node2", "--controller", b.Controller.Addr.String(), "--timeout", "1s"}, files...)
		says(t, tb.onNode(two, cli.ExitTimeout, append(join, "--ca", file("ca.crt"))...),
			"TLS with sdnd at "+b.Controller.Addr.String()+":6653 fails", "certificate signed by unknown authority")
		// sdnctl itself refuses to join with half of each.
		says(t, tb.onNode(two, cli.ExitFailure, append(join, "--ca", b.file("ca.crt"))...), "sdnd would refuse this certificate")
	})
	b.run("another node's certificate is refused", func(t *testing.T, _ *bed) {
		// As somebody would who has taken node1's key: sdnctl itself refuses it.
		if _, err := two.VSCtl(b.ctx, "set-ssl", b.file("node-node1.key"), b.file("node-node1.crt"), b.file("ca.crt"),
			"--", "set-controller", "br-int", "ssl:"+b.Controller.Addr.String()+":6653",
			"--", "set-manager", "ssl:"+b.Controller.Addr.String()+":6640"); err != nil {
			t.Fatal(err)
		}
		b.listed(two, "is that of node node2, but its certificate is for node node1")
		if s := b.status("node2"); s.Connected || s.OVSDB {
			t.Errorf("node2 got in: %+v", s)
		}
		b.must(lab.PollFor(b.ctx, 10*time.Second, "OVSDB to be refused", func(context.Context) error {
			if !strings.Contains(b.log(), "is that of node node2, but the certificate is for node node1") {
				return fmt.Errorf("the log does not say so")
			}
			return nil
		}))
		if s := b.status("node1"); !s.Connected || !s.InSync {
			t.Errorf("node1 suffers: %+v", s)
		}
	})
	b.run("no certificate is refused", func(t *testing.T, _ *bed) {
		// openssl is not needed: Open vSwitch without set-ssl cannot even try.
		out, err := two.Exec(b.ctx, "sdnctl", "--host", "https://"+b.Controller.Addr.String()+":6653", "--ca", b.file("ca.crt"), "status")
		if err == nil {
			t.Errorf("got in: %s", out)
		}
	})

	if _, err := two.VSCtl(b.ctx, "del-ssl", "--", "del-manager"); err != nil {
		t.Fatal(err)
	}
	b.joinTLS("node2")
	far := b.plug("far", "node2")
	b.bound("far")
	b.matrix([]*lab.Container{near, far}, everyPair)

	b.run("certificates change under open sessions", func(t *testing.T, _ *bed) {
		before := map[string]*api.NodeStatus{"node1": b.status("node1"), "node2": b.status("node2")}
		b.sdnctl("pki", "server", b.Controller.Addr.String(), "--dir", b.pki, "--force", "--days", "20")
		b.certify("node1")
		var metrics string
		b.must(b.Controller.Get(b.ctx, "/metrics", &metrics))
		for _, want := range []string{`sdnd_tls_certificate_expiry_seconds{certificate="own"} 1.7`, `{certificate="node/node2"}`, "sdnd_tls_reload_failed 0"} {
			if !strings.Contains(metrics, want) {
				t.Errorf("no %s in the metrics", want)
			}
		}
		b.reach(near, far.IP.Addr().String())
		for name, was := range before {
			if s := b.status(name); !s.Connected || s.Address != was.Address {
				t.Errorf("the session of %s did not last: %+v, before %+v", name, s, was)
			}
		}
		// A switch that reconnects gets the new certificates, and presents its own new one.
		b.must(one.RestartVSwitchd(b.ctx, syscall.SIGTERM))
		b.bound("near")
		b.matrix([]*lab.Container{near, far}, everyPair)
		if s := b.status("node1"); s.Address == before["node1"].Address {
			t.Errorf("node1 did not connect again: %+v", s)
		}
	})
}

// log returns sdnd's log.
func (b *tlsBed) log() string {
	b.t.Helper()
	out, err := b.Controller.Exec(b.ctx, "cat", b.Controller.LogFile)
	return must(b.bed, out, err)
}
