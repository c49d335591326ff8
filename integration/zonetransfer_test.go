package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

const (
	transferSecret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	otherSecret    = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// bindKey is a key as tsig-keygen prints it.
func bindKey(name, secret string) string {
	return fmt.Sprintf("key %q {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};\n", name, secret)
}

// TestZoneTransfer: other name servers fetch the names of networks by AXFR: dig gets what 'sdnctl dns export'
// prints, and nothing without the key; BIND is a secondary of it, follows changes, and answers while sdnd is stopped.
// Ports reach none of it.
func TestZoneTransfer(t *testing.T) {
	t.Parallel()
	needs(t, "dig", "named")
	b := newBed(t, 1)
	dir := t.TempDir()
	keys := filepath.Join(dir, "transfer.keys")
	b.must(os.WriteFile(keys, []byte(bindKey("secondary", transferSecret)), 0o640))
	at := netip.AddrPortFrom(b.Controller.Addr, 5353)
	start := func() {
		t.Helper()
		b.must(b.Controller.Start(b.ctx, "--dns-transfer-listen", at.String(), "--dns-transfer-keys", keys, "--dns-transfer-name-servers", "ns1.example.com"))
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	start()
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], dns: {enabled: true, domain: blue.example}}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Port, name: web, spec: {network: blue, node: node1}}
---
{kind: Service, name: db, spec: {addresses: [10.96.0.10], routers: [r], ports: [{name: sql, port: 5432}]}}
---
{kind: DNSRecord, name: mx, spec: {network: blue, name: '@', type: MX, values: ['10 mail']}}
---
{kind: DNSRecord, name: many, spec: {network: blue, name: many, type: A, values: [` + strings.Join(manyAddresses(60), ", ") + `]}}
`)
	web := b.plug("web", "node1")
	b.bound("web")
	with := func(secret string) []string { return []string{"-y", "hmac-sha256:secondary:" + secret} }
	dig := func(args ...string) string {
		t.Helper()
		out, err := b.Controller.Exec(b.ctx, append([]string{"dig", "@" + at.Addr().String(), "-p", "5353", "+tries=1", "+time=10"}, args...)...)
		return must(b, out, err)
	}
	records := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, ";") {
				all = append(all, line)
			}
		}
		return all
	}
	b.run("dig", func(t *testing.T, b *bed) {
		for zone, export := range map[string][]string{
			"blue.example":         {"dns", "export", "blue", "--name-server", "ns1.example.com"},
			"0.7.10.in-addr.arpa":  {"dns", "export", "blue", "--name-server", "ns1.example.com", "--reverse", "10.7.0.0/24"},
			"0.96.10.in-addr.arpa": {"dns", "export", "blue", "--name-server", "ns1.example.com", "--reverse", "10.96.0.0/24"},
		} {
			got := records(dig(append(with(transferSecret), "AXFR", zone, "+nocookie")...))
			got = slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, " TSIG ") })
			want := records(b.sdnctl(export...))
			want = append(want, want[0])
			if !slices.Equal(got, want) || len(want) < 4 {
				t.Errorf("%s is transferred as\n%s\nwant\n%s", zone, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		for args, want := range map[string]string{
			"AXFR blue.example": "; Transfer failed.",
			"-y hmac-sha256:secondary:" + otherSecret + " AXFR blue.example":     "; Transfer failed.",
			"-y hmac-sha256:nobody:" + transferSecret + " AXFR blue.example":     "; Transfer failed.",
			"-y hmac-sha512:secondary:" + transferSecret + " AXFR blue.example":  "; Transfer failed.",
			"-y hmac-sha256:secondary:" + transferSecret + " AXFR other.example": "; Transfer failed.",
			"SOA blue.example": "status: REFUSED",
			"-y hmac-sha256:secondary:" + otherSecret + " SOA blue.example":       "status: NOTAUTH",
			"-y hmac-sha256:secondary:" + transferSecret + " SOA blue.example":    "status: NOERROR",
			"-y hmac-sha256:secondary:" + transferSecret + " A web.blue.example":  "status: NOTAUTH",
			"-y hmac-sha256:secondary:" + transferSecret + " IXFR=0 blue.example": "web.blue.example.",
		} {
			if out := dig(strings.Fields(args)...); !strings.Contains(out, want) || strings.Contains(want, "failed") && strings.Contains(out, "web.blue") {
				t.Errorf("dig %s: want %s: %s", args, want, out)
			}
		}
		if out, err := web.Exec(b.ctx, append([]string{"dig", "@" + at.Addr().String(), "-p", "5353", "+tries=1", "+time=1", "AXFR", "blue.example"}, with(transferSecret)...)...); err == nil {
			t.Errorf("a port has transferred a zone: %s", out)
		}
	})
	b.run("a key is replaced", func(t *testing.T, b *bed) {
		b.must(os.WriteFile(keys+".new", []byte(bindKey("secondary", otherSecret)), 0o600))
		b.must(os.Rename(keys+".new", keys))
		if out := dig(append(with(transferSecret), "AXFR", "blue.example")...); !strings.Contains(out, "; Transfer failed.") {
			t.Errorf("with the key of before: %s", out)
		}
		if out := dig(append(with(otherSecret), "AXFR", "blue.example")...); !strings.Contains(out, "web.blue.example.") {
			t.Errorf("with the new key: %s", out)
		}
	})
	b.run("BIND", func(t *testing.T, b *bed) {
		conf := filepath.Join(dir, "named.conf")
		b.must(os.WriteFile(conf, []byte(bindKey("secondary", otherSecret)+`
options {
	directory "`+dir+`"; pid-file "named.pid"; session-keyfile "session.key"; listen-on port 5300 { `+at.Addr().String()+`; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no; notify no; min-refresh-time 1; max-refresh-time 2; min-retry-time 1; max-retry-time 2;
};
controls { };
zone "blue.example" { type secondary; file "blue.zone"; primaries { `+at.Addr().String()+` port 5353 key secondary; }; };
zone "0.7.10.in-addr.arpa" { type secondary; file "reverse.zone"; primaries { `+at.Addr().String()+` port 5353 key secondary; }; };
`), 0o600))
		var log bytes.Buffer
		cmd := b.Controller.Command(b.ctx, "named", "-g", "-n", "1", "-c", conf)
		cmd.Stdout, cmd.Stderr = &log, &log
		b.must(cmd.Start())
		defer func() {
			b.must(cmd.Process.Signal(syscall.SIGTERM))
			if err := cmd.Wait(); err != nil || t.Failed() {
				t.Errorf("named: %v: %s", err, &log)
			}
		}()
		says := func(want string, args ...string) {
			t.Helper()
			b.must(lab.PollFor(b.ctx, time.Minute, strings.Join(args, " ")+" of BIND to be "+want, func(context.Context) error {
				out, err := b.Controller.Exec(b.ctx, append([]string{"dig", "@" + at.Addr().String(), "-p", "5300", "+tries=1", "+time=2", "+short"}, args...)...)
				if err == nil && strings.TrimSpace(out) != want {
					err = fmt.Errorf("it is %q", out)
				}
				return err
			}))
		}
		address := func(port string) string {
			p, err := b.api.Port(b.ctx, port)
			b.must(err)
			return p.Status.IP
		}
		says(address("web"), "web.blue.example")
		says("0 0 5432 db.blue.example.", "SRV", "_sql._tcp.db.blue.example")
		says("web.blue.example.", "-x", address("web"))
		b.apply("{kind: Port, name: new, spec: {network: blue, node: node1}}")
		says(address("new"), "new.blue.example")
		b.sdnctl("port", "delete", "new")
		says("", "new.blue.example")
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		says("10.96.0.10", "db.blue.example")
		start()
		b.apply("{kind: Port, name: later, spec: {network: blue, node: node1}}")
		says(address("later"), "later.blue.example")
	})
	b.settle()
	b.verify()
}
