package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// manyAddresses returns addresses of TEST-NET-1.
func manyAddresses(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("192.0.2.%d", i+1))
	}
	return all
}

// TestDNS: real clients look names up at their gateway, by either family: dig, getent of glibc,
// busybox, a program of musl, and dnsperf. A router joins blue and green; red is another tenant with blue's
// domain and addresses.
func TestDNS(t *testing.T) {
	t.Parallel()
	needs(t, "dig", "getent", "busybox")
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], dhcp: {enabled: true}, dns: {enabled: true, domain: blue.example}}}
---
{kind: Network, name: pods, spec: {mode: segmented, cidr: 10.244.0.0/16, containersPerNode: 20, maxNodes: 10, dns: {enabled: true}}}
---
{kind: Network, name: red, spec: {cidr: 10.7.0.0/24, dns: {enabled: true, domain: blue.example}}}
---
{kind: Router, name: r, spec: {networks: [blue, pods]}}
---
{kind: Port, name: web, spec: {network: blue, node: node1}}
---
{kind: Port, name: far, spec: {network: blue, node: node2}}
---
{kind: Port, name: job, spec: {network: pods, node: node2}}
---
{kind: Port, name: secret, spec: {network: red, node: node1}}
---
{kind: Service, name: db, spec: {addresses: [10.96.0.10], routers: [r], ports: [{name: sql, port: 5432}]}}
---
{kind: Policy, name: none, spec: {subject: {selector: {}}, isolates: [ingress, egress]}}
---
{kind: DNSRecord, name: many, spec: {network: blue, name: many, type: A, values: [` + strings.Join(manyAddresses(60), ", ") + `]}}
---
{kind: DNSRecord, name: long, spec: {network: blue, name: long, type: TXT, values: [` + strings.Repeat("x", 1000) + `]}}
`)
	web, job, secret := b.plug("web", "node1"), b.plug("job", "node2"), b.plug("secret", "node1")
	b.bound("web")
	b.bound("job")
	b.bound("secret")
	address := func(port string) string {
		p, err := b.api.Port(b.ctx, port)
		b.must(err)
		return p.Status.IP
	}
	const atBlue = "10.7.0.1" // and red's
	dig := func(b *bed, c *lab.Container, args ...string) string {
		b.t.Helper()
		out, err := c.Exec(b.ctx, append([]string{"dig", "+tries=1", "+time=2"}, args...)...)
		return must(b, out, err)
	}
	short := func(b *bed, c *lab.Container, want string, args ...string) {
		b.t.Helper()
		if got := strings.TrimSpace(dig(b, c, append(args, "+short")...)); got != want {
			b.t.Errorf("dig %s: %q, want %q", strings.Join(args, " "), got, want)
		}
	}
	b.run("dig", func(t *testing.T, b *bed) {
		at4, at6, atJob := "@"+atBlue, "@fd00:7::1", "@"+job.Gateway.String()
		short(b, web, address("far"), at4, "far.blue.example")
		short(b, web, address("far"), at6, "FAR.blue.Example")
		short(b, web, address("job"), at4, "job.pods.internal")
		short(b, job, address("web"), atJob, "web.blue.example")
		short(b, job, "0 0 5432 db.pods.internal.", atJob, "SRV", "_sql._tcp.db.pods.internal")
		short(b, web, "far.blue.example.", at4, "-x", address("far"))
		for _, how := range []string{"+cookie", "+noedns", "+dnssec", "+bufsize=512", "+ednsopt=65001:00"} {
			if out := dig(b, web, at4, "web.blue.example", how); !strings.Contains(out, "status: NOERROR") || strings.Contains(out, "malformed") || strings.Contains(out, "WARNING") && !strings.Contains(out, "recursion requested") {
				t.Errorf("%s: %s", how, out)
			}
		}
		for args, want := range map[string]string{
			"nobody.blue.example": "NXDOMAIN", "secret.blue.example": "NXDOMAIN", "AAAA db.blue.example": "NOERROR", "outside.test": "REFUSED", "+edns=1 +noednsneg web.blue.example": "BADVERS",
		} {
			if out := dig(b, web, append([]string{at4}, strings.Fields(args)...)...); !strings.Contains(out, "status: "+want) {
				t.Errorf("%s: want %s: %s", args, want, out)
			}
		}
		if out := dig(b, secret, "@"+atBlue, "web.blue.example"); !strings.Contains(out, "status: NXDOMAIN") {
			t.Errorf("another tenant sees web: %s", out)
		}
		for args, want := range map[string][2]string{ // P-DNS-04
			"+noedns many.blue.example":              {"status: NOERROR", "ANSWER: 29,"},
			"many.blue.example":                      {"status: NOERROR", "ANSWER: 60,"},
			"+noedns TXT long.blue.example":          {"status: SERVFAIL", "ANSWER: 0,"},
			"+bufsize=512 TXT long.blue.example":     {"status: SERVFAIL", "there is no TCP"},
			"TXT long.blue.example":                  {"status: NOERROR", strings.Repeat("x", 255)},
			"+noedns +ignore A missing.blue.example": {"status: NXDOMAIN", "ANSWER: 0,"},
		} {
			out := dig(b, web, append([]string{at4}, strings.Fields(args)...)...)
			if flags, _, _ := strings.Cut(out, "QUERY:"); !strings.Contains(out, want[0]) || !strings.Contains(out, want[1]) || strings.Contains(flags, " tc") {
				t.Errorf("%s: want %s and no mark: %s", args, want, out)
			}
		}
		began := time.Now()
		out, err := web.Exec(b.ctx, "dig", at4, "+tcp", "+tries=1", "+time=5", "web.blue.example")
		if err == nil || !strings.Contains(fmt.Sprint(out, err), "connection refused") || time.Since(began) > 3*time.Second {
			t.Errorf("by TCP: %s, %v", out, err)
		}
		if out, err := web.Exec(b.ctx, "dig", "@10.7.0.77", "+tries=1", "+time=1", "web.blue.example"); err == nil {
			t.Errorf("a question to another address is answered: %s", out)
		}
	})
	b.run("resolv.conf", func(t *testing.T, b *bed) {
		conf := filepath.Join(t.TempDir(), "resolv.conf")
		b.must(os.WriteFile(conf, []byte("nameserver "+atBlue+"\nsearch other.blue.example blue.example\noptions ndots:5\n"), 0o644))
		// Each command has its own mounts, so the machine's resolv.conf is as it was.
		with := func(command string) (string, error) {
			return web.Exec(b.ctx, "unshare", "-m", "sh", "-c", "mount --bind "+conf+" $(readlink -f /etc/resolv.conf) && "+command)
		}
		if out, err := with("getent ahostsv4 far"); err != nil || !strings.HasPrefix(out, address("far")+" ") {
			t.Errorf("getent: %q, %v", out, err)
		}
		if out, err := with("getent hosts " + address("far")); err != nil || !strings.Contains(out, "far.blue.example") {
			t.Errorf("getent: %q, %v", out, err)
		}
		if out, err := with("getent ahostsv4 many.blue.example"); err != nil || strings.Count(out, "STREAM") < 25 {
			t.Errorf("getent of a name with 60 addresses: %q, %v", out, err)
		}
		if out, err := with("busybox nslookup many.blue.example"); err != nil || strings.Count(out, "192.0.2.") < 25 {
			t.Errorf("busybox of a name with 60 addresses: %q, %v", out, err)
		}
		if out, err := with("busybox nslookup far.blue.example"); err != nil || !strings.Contains(out, address("far")) {
			t.Errorf("busybox: %q, %v", out, err)
		}
		if out, err := with("busybox ping -c 1 -w 1 nobody"); err == nil || !strings.Contains(fmt.Sprint(err), "bad address") {
			t.Errorf("busybox: %q, %v", out, err)
		}
	})
	b.run("P-DNS-03, P-DNS-04: musl", func(t *testing.T, b *bed) {
		needs(t, "musl-gcc")
		program := filepath.Join(t.TempDir(), "lookup")
		if out, err := exec.CommandContext(b.ctx, "musl-gcc", "-static", "-o", program, "testdata/musl/lookup.c").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		conf := filepath.Join(t.TempDir(), "resolv.conf")
		b.must(os.WriteFile(conf, []byte("nameserver "+atBlue+"\nsearch none.pods.internal other.blue.example blue.example\noptions ndots:5\n"), 0o644))
		far, err := b.api.Port(b.ctx, "far")
		b.must(err)
		for name, want := range map[string]string{
			"far": address("far"), "far.blue.example": far.Status.Addresses[1].IP + "\n", "db": "10.96.0.10\n", "missing.blue.example": "no such name", "many.blue.example": "192.0.2.25",
		} {
			began := time.Now()
			out, err := web.Exec(b.ctx, "unshare", "-m", "sh", "-c", "mount --bind "+conf+" $(readlink -f /etc/resolv.conf) && "+program+" "+name)
			if took := time.Since(began); !strings.Contains(fmt.Sprint(out, err), want) || took > 2*time.Second { // it asks again after 2.5 s
				t.Errorf("%s after %v: %q, %v, want %s", name, took, out, err, want)
			}
		}
	})
	b.run("dnsperf", func(t *testing.T, b *bed) {
		needs(t, "dnsperf")
		file := filepath.Join(t.TempDir(), "questions")
		b.must(os.WriteFile(file, []byte("far.blue.example A\nfar.blue.example AAAA\ndb.blue.example A\nmissing.blue.example A\n"), 0o644))
		// 500 a second are a port's share.
		out, err := web.Exec(b.ctx, "dnsperf", "-s", atBlue, "-d", file, "-Q", "300", "-l", "3", "-q", "20", "-t", "2")
		if err != nil || !strings.Contains(out, "Queries lost:         0 ") || !strings.Contains(out, "NXDOMAIN") || strings.Contains(out, "SERVFAIL") {
			t.Errorf("%v: %s", err, out)
		}
	})
	b.run("with the commit", func(t *testing.T, b *bed) {
		b.apply("{kind: Port, name: new, spec: {network: blue, node: node2}}")
		short(b, web, address("new"), "@"+atBlue, "new.blue.example")
		b.sdnctl("port", "delete", "new")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the name is gone", func(context.Context) error {
			if out := dig(b, web, "@"+atBlue, "new.blue.example"); !strings.Contains(out, "status: NXDOMAIN") {
				return fmt.Errorf("%s", out)
			}
			return nil
		}))
	})
	b.run("declared records", func(t *testing.T, b *bed) {
		b.apply("{kind: DNSRecord, name: mx, spec: {network: blue, name: '@', type: MX, values: ['10 mail']}}\n---\n" +
			"{kind: DNSRecord, name: mail, spec: {network: blue, name: mail, type: A, values: [192.0.2.25], ttl: 1m}}\n---\n" +
			"{kind: DNSRecord, name: www, spec: {network: blue, name: www, type: CNAME, values: [job.pods.internal]}}\n---\n" +
			"{kind: DNSRecord, name: text, spec: {network: blue, name: web, type: TXT, values: ['hello \"there\"']}}")
		at := "@" + atBlue
		short(b, web, "10 mail.blue.example.", at, "MX", "blue.example")
		short(b, web, "192.0.2.25", at, "mail.blue.example")
		short(b, job, "job.pods.internal.\n"+address("job"), "@"+job.Gateway.String(), "WWW.blue.example")
		short(b, web, `"hello \"there\""`, at, "TXT", "web.blue.example")
		short(b, web, address("web"), at, "web.blue.example")
		if out := dig(b, secret, at, "mail.blue.example"); !strings.Contains(out, "status: NXDOMAIN") {
			t.Errorf("another tenant sees a record: %s", out)
		}
		b.sdnctl("dnsrecord", "delete", "mx", "mail", "www", "text")
	})
	b.settle()
	b.verify()
}
