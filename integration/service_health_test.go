package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// checkedService lists backends on port 8090, which are checked every second.
func checkedService(protocol, backends string) string {
	return `{kind: Service, name: web, spec: {addresses: [` + service4 + `, "` + service6 + `"], routers: [r],
  ports: [{name: http, port: 80, targetPort: 8090}], healthCheck: {protocol: ` + protocol + `, interval: 1s, timeout: 1s, failures: 2},
  backends: {endpoints: [` + backends + `]}}}
`
}

// servicesChecked: servers that die, return and were never there; and sdnd that restarts.
func servicesChecked(t *testing.T, b *serviceBed) {
	serve := func(name string) net.Listener {
		l, err := b.hosts[name].Listen("tcp", ":8090")
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
	shows := func(what string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 15*time.Second, what, func(context.Context) error {
			if out := b.sdnctl("service", "show", "web"); !strings.Contains(strings.Join(strings.Fields(out), " "), what) {
				return errors.New(out)
			}
			return nil
		}))
		b.settle()
		b.revalidated()
	}
	answers := func(when string, want ...string) {
		t.Helper()
		seen := map[string]bool{}
		for n := 0; n < 40 && (n < 10 || len(seen) < len(want)); n++ {
			who, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80")
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			seen[who] = true
		}
		for _, name := range want {
			if !seen[name] {
				t.Errorf("%s: %s does not answer: %v", when, name, seen)
			}
			delete(seen, name)
		}
		if len(seen) > 0 {
			t.Errorf("%s: %v answer, too", when, seen)
		}
	}
	one, two := serve("web1"), serve("web2")
	defer func() { b.must(errors.Join(one.Close(), two.Close())) }()
	b.apply(strings.Replace(checkedService("tcp", "{port: web1}, {port: web2}"), "healthCheck: {protocol: tcp, interval: 1s, timeout: 1s, failures: 2},", "", 1))
	b.apply(checkedService("tcp", "{port: web1}, {port: web2}"))
	answers("checked from now on", "web1", "web2")
	shows("web1: ready, on node1, healthy")
	b.apply(checkedService("tcp", "{port: web1}, {port: web2}, {port: web3}"))
	shows("web3: ready, on node2, unhealthy (port 8090 of TCP refuses connections)")
	answers("a backend without a server is new", "web1", "web2")

	var stays net.Conn
	for range 40 {
		conn, err := b.connect(b.hosts["near"], "tcp", service4+":80", 0)
		b.must(err)
		if who, _, err := ask(conn); err == nil && who == "web2" {
			stays = conn
			break
		}
		b.must(conn.Close())
	}
	if stays == nil {
		t.Fatal("no connection to web2")
	}
	defer stays.Close()
	died := time.Now()
	b.must(one.Close())
	shows("web1: ready, on node1, unhealthy (port 8090 of TCP refuses connections)")
	t.Logf("web1 has left %v after its server died", time.Since(died).Round(10*time.Millisecond))
	answers("the server of web1 has died", "web2")

	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if sent["node1"]+sent["node2"] != 0 {
		t.Errorf("after a restart changes were sent: %v, want none", sent)
	}
	answers("after a restart", "web2")
	one = serve("web1")
	shows("web1: ready, on node1, healthy")
	answers("web1 is back", "web1", "web2")
	if who, _, err := ask(stays); err != nil || who != "web2" {
		t.Errorf("the connection to web2: %q, %v", who, err)
	}

	b.apply(checkedService("icmp", "{port: web1}, {port: web2}, {port: web3}"))
	shows("web3: ready, on node2, healthy")
	_, err := b.hosts["web2"].Exec(b.ctx, "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
	b.must(err)
	shows(fmt.Sprintf("web2: ready, on node2, unhealthy (%v does not answer within 1s)", b.hosts["web2"].IP.Addr()))
	_, err = b.hosts["web2"].Exec(b.ctx, "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")
	b.must(err)
	b.apply(serviceWeb(allWeb))
	b.revalidated()
}
