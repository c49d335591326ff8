package integration

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestHeadlessService is P-DNS-08: the name of a headless service has the addresses of the backends that are
// ready and of no others, by dig in both families: of one that fails its health check, has no interface or is
// draining only what was asked for; and of none a name without records. Its ports have SRV records, and each
// backend a name below it. It costs no flows but those of its health check.
func TestHeadlessService(t *testing.T) {
	t.Parallel()
	needs(t, "dig", "getent")
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}], dns: {enabled: true, domain: blue.example}}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Port, name: client, spec: {network: blue, node: node1}}
---
{kind: Port, name: db-0, labels: {app: db}, spec: {network: blue, node: node1}}
---
{kind: Port, name: db-1, labels: {app: db}, spec: {network: blue, node: node2}}
---
{kind: Port, name: db-2, labels: {app: db}, spec: {network: blue, node: node2}}
`)
	client := b.plug("client", "node1")
	hosts := map[string]*lab.Container{"db-0": b.plug("db-0", "node1"), "db-1": b.plug("db-1", "node2")}
	b.bound("client", "db-0", "db-1")
	addresses := func(family int, ports ...string) string {
		var all []string
		for _, name := range ports {
			p, err := b.api.Port(b.ctx, name)
			b.must(err)
			all = append(all, p.Status.Addresses[family].IP)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	dig := func(args ...string) (string, error) {
		out, err := client.Exec(b.ctx, append([]string{"dig", "@10.7.0.1", "+tries=1", "+time=2"}, args...)...)
		return out, err
	}
	// says waits until dig prints these lines, in any order.
	says := func(want string, args ...string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "dig "+strings.Join(args, " ")+" to print "+want, func(context.Context) error {
			out, err := dig(append(args, "+short")...)
			got := strings.Split(strings.TrimSpace(out), "\n")
			slices.Sort(got)
			if err == nil && strings.Join(got, " ") != want {
				err = fmt.Errorf("it prints %q", out)
			}
			return err
		}))
	}
	lists := func(ports ...string) {
		t.Helper()
		says(addresses(0, ports...), "db.blue.example")
		says(addresses(1, ports...), "AAAA", "db.blue.example")
	}
	noData := func(args ...string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, strings.Join(args, " ")+" to have no records", func(context.Context) error {
			out, err := dig(args...)
			if err == nil && (!strings.Contains(out, "status: NOERROR") || !strings.Contains(out, "ANSWER: 0,") || !strings.Contains(out, "SOA")) {
				err = fmt.Errorf("%s", out)
			}
			return err
		}))
	}
	const headless = "{kind: Service, name: db, spec: {headless: true, routers: [r], ports: [{name: sql, port: 5432, targetPort: 8090}], backends: {selector: {matchLabels: {app: db}}}%s}}"
	const checked = ", healthCheck: {protocol: tcp, interval: 1s, timeout: 1s, failures: 2}"
	if n := b.changes(func() { b.apply(fmt.Sprintf(headless, "")) }, "node1", "node2"); n["node1"]+n["node2"] != 0 {
		t.Errorf("a headless service without a health check cost %v messages", n)
	}
	lists("db-0", "db-1") // db-2 has no interface
	says("0 0 8090 db-0.db.blue.example. 0 0 8090 db-1.db.blue.example.", "SRV", "_sql._tcp.db.blue.example")
	says(addresses(0, "db-1"), "db-1.db.blue.example")
	says("db-1.blue.example.", "-x", addresses(0, "db-1"))
	noData("db-2.db.blue.example")
	noData("TXT", "db.blue.example")
	if out, err := dig("db-3.db.blue.example"); err != nil || !strings.Contains(out, "status: NXDOMAIN") {
		t.Errorf("a backend that there is not: %s, %v", out, err)
	}
	serve := func(name string) net.Listener {
		l, err := hosts[name].Listen("tcp", ":8090")
		b.must(err)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go answerLines(conn, name)
			}
		}()
		return l
	}
	zero, one := serve("db-0"), serve("db-1")
	defer func() { _, _ = zero.Close(), one.Close() }() // closed once more
	b.apply(fmt.Sprintf(headless, checked))
	lists("db-0", "db-1")
	if out := b.sdnctl("service", "show", "db"); !strings.Contains(out, "headless") || strings.Contains(out, "CONNECTIONS") {
		t.Errorf("shown as %s", out)
	}
	conn, err := client.Dial(b.ctx, "tcp", net.JoinHostPort(addresses(1, "db-1"), "8090")) // as who has asked does
	b.must(err)
	b.must(conn.Close())

	b.must(one.Close())
	lists("db-0")
	noData("db-1.db.blue.example")
	says("0 0 8090 db-0.db.blue.example.", "SRV", "_sql._tcp.db.blue.example")
	b.must(zero.Close())
	noData("db.blue.example")
	noData("AAAA", "db.blue.example")
	noData("SRV", "_sql._tcp.db.blue.example")
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the condition of a name without addresses", func(context.Context) error {
		if out := b.sdnctl("service", "show", "db"); !strings.Contains(out, "NoBackends") || !strings.Contains(out, "its name has no addresses") {
			return fmt.Errorf("%s", out)
		}
		return nil
	}))

	b.sdnctl("service", "set", "db", "--publish-not-ready=true")
	lists("db-0", "db-1", "db-2")
	says("0 0 8090 db-0.db.blue.example. 0 0 8090 db-1.db.blue.example. 0 0 8090 db-2.db.blue.example.", "SRV", "_sql._tcp.db.blue.example")
	if out := b.sdnctl("service", "show", "db"); strings.Contains(out, "NoBackends") {
		t.Errorf("a name with addresses: %s", out)
	}
	b.sdnctl("service", "set", "db", "--endpoint", "db-0:draining,db-1")
	lists("db-1") // who is draining is not listed in any case
	noData("db-0.db.blue.example")
	b.sdnctl("service", "set", "db", "--endpoint", "db-0:draining")
	noData("db.blue.example")

	b.apply(fmt.Sprintf(headless, checked))
	one = serve("db-1")
	lists("db-1")
	if out := b.refused("service", "set", "db", "--address", "10.96.0.1"); !strings.Contains(out, "the service is headless") {
		t.Errorf("an address is refused by %s", out)
	}
	names := func(has bool) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the condition that nobody can look the name up", func(context.Context) error {
			if out := b.sdnctl("service", "show", "db"); strings.Contains(out, "NoNames") == has {
				return fmt.Errorf("%s", out)
			}
			return nil
		}))
	}
	b.sdnctl("network", "set", "blue", "--dns=false")
	names(false)
	b.sdnctl("network", "set", "blue", "--dns=true")
	names(true)
	lists("db-1")
	b.sdnctl("service", "set", "db", "--headless=false", "--address", "10.96.0.1")
	says("10.96.0.1", "db.blue.example")
	b.verify()
	b.sdnctl("service", "set", "db", "--headless=true", "--address", "")
	lists("db-1")
	b.verify()
}
