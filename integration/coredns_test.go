package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestCoreDNS: CoreDNS serves exported zones of names and of addresses, by its plugins file and auto, takes a new export for
// newer, and goes on without sdnd. Its plugin secondary asks for a zone without a signature, and gets none.
func TestCoreDNS(t *testing.T) {
	t.Parallel()
	needs(t, "dig")
	program, err := exec.LookPath("coredns")
	if err != nil {
		t.Skip("coredns is not in the path: build it from github.com/coredns/coredns, 1.15.0 was tried")
	}
	b := newBed(t, 1)
	dir := t.TempDir()
	keys := filepath.Join(dir, "transfer.keys")
	b.must(os.WriteFile(keys, []byte(bindKey("secondary", transferSecret)), 0o640))
	at := netip.AddrPortFrom(b.Controller.Addr, 5353)
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.must(b.Controller.Start(b.ctx, "--dns-transfer-listen", at.String(), "--dns-transfer-keys", keys, "--dns-transfer-name-servers", "ns1.example.com"))
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], dns: {enabled: true, domain: blue.example}}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Port, name: web, spec: {network: blue, node: node1, ips: [10.7.0.7, "fd00:7::7"]}}
---
{kind: Service, name: db, spec: {addresses: [10.96.0.10], routers: [r], ports: [{name: sql, port: 5432}]}}
---
{kind: DNSRecord, name: mx, spec: {network: blue, name: '@', type: MX, values: ['10 mail']}}
`)
	export := func() {
		t.Helper()
		for file, args := range map[string][]string{"blue": nil, "zones/0.7.10.in-addr.arpa": {"--reverse", "10.7.0.0/24"}} {
			file = filepath.Join(dir, file+".zone")
			zone := b.sdnctl(append([]string{"dns", "export", "blue", "--name-server", "ns1.example.com"}, args...)...)
			b.must(os.WriteFile(file+".new", []byte(zone), 0o600))
			b.must(os.Rename(file+".new", file))
		}
	}
	b.must(os.Mkdir(filepath.Join(dir, "zones"), 0o700))
	export()
	conf := filepath.Join(dir, "Corefile")
	b.must(os.WriteFile(conf, fmt.Appendf(nil, `
blue.example:5301 {
	file %[1]s/blue.zone {
		reload 1s
	}
}
0.7.10.in-addr.arpa:5301 {
	auto {
		directory %[1]s/zones ^(.*)\.zone$ {1}
		reload 1s
	}
}
blue.example:5302 {
	secondary {
		transfer from %[2]s
	}
}
`, dir, at), 0o600))
	var log bytes.Buffer
	cmd := b.Controller.Command(b.ctx, program, "-conf", conf)
	cmd.Stdout, cmd.Stderr = &log, &log
	b.must(cmd.Start())
	defer func() {
		b.must(cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("coredns: %v: %s", err, &log)
		}
	}()
	ask := func(port string, args ...string) (string, error) {
		return b.Controller.Exec(b.ctx, append([]string{"dig", "@" + at.Addr().String(), "-p", port, "+tries=1", "+time=2"}, args...)...)
	}
	says := func(want string, args ...string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, time.Minute, strings.Join(args, " ")+" of CoreDNS to be "+want, func(context.Context) error {
			out, err := ask("5301", append(args, "+short")...)
			if err == nil && strings.TrimSpace(out) != want {
				err = fmt.Errorf("it is %q", out)
			}
			return err
		}))
	}
	says("10.7.0.7", "web.blue.example")
	says("fd00:7::7", "AAAA", "web.blue.example")
	says("0 0 5432 db.blue.example.", "SRV", "_sql._tcp.db.blue.example")
	says("10 mail.blue.example.", "MX", "blue.example")
	says("web.blue.example.", "-x", "10.7.0.7")
	b.apply("{kind: Port, name: new, spec: {network: blue, node: node1, ips: [10.7.0.9]}}")
	export()
	says("10.7.0.9", "new.blue.example")
	says("new.blue.example.", "-x", "10.7.0.9")
	b.must(lab.PollFor(b.ctx, time.Minute, "an unsigned transfer to be refused", func(context.Context) error {
		counted := b.metric("sdnd_dns_transfer_questions_total")
		if counted[`{result="refused"}`] == 0 {
			return fmt.Errorf("counted are %v", counted)
		}
		return nil
	}))
	if out, err := ask("5302", "web.blue.example"); err != nil || !strings.Contains(out, "status: SERVFAIL") {
		t.Errorf("the plugin secondary answers %s, %v", out, err)
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	says("10.96.0.10", "db.blue.example")
	b.must(b.Controller.Start(b.ctx))
	b.verify()
}
