package integration

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// servicesUnlinked: a backend whose interface is down gets no new connections, neither from its own node nor
// from others, and is not counted. A restart of sdnd leaves that, and sends nothing. A link that flaps is
// no reason to send anything until it stays up.
func servicesUnlinked(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	b.apply(serviceWeb("{endpoints: [{port: web1}, {port: web2}]}"))
	shows := func(what string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 20*time.Second, what, func(context.Context) error {
			if out := b.sdnctl("service", "show", "web"); !strings.Contains(strings.Join(strings.Fields(out), " "), what) {
				return errors.New(out)
			}
			return nil
		}))
		b.settle()
		b.revalidated()
	}
	link := func(name, state string) { // at the node's end, so that the container keeps its routes
		t.Helper()
		c := b.hosts[name]
		_, err := b.node(c.Node).Exec(b.ctx, "ip", "link", "set", c.Interface, state)
		b.must(err)
	}
	answered := func(when, want string) {
		t.Helper()
		for _, name := range []string{"near", "pod", "far"} {
			for _, to := range addresses(b.hosts[name]) {
				for range 6 {
					if who, _, err := b.whoAnswers(b.hosts[name], to[0], to[1]); err != nil || who != want {
						t.Errorf("%s: %s to %v: %q, %v; want %s", when, name, to, who, err, want)
					}
				}
			}
		}
	}
	shows("backend web2: ready, on node2, 10.7.0")
	link("web2", "down")
	shows("backend web2: ready, on node2, link down, 10.7.0")
	answered("the link of web2 is down", "web1")
	if out := strings.Join(strings.Fields(b.sdnctl("service", "list")), " "); !strings.Contains(out, " 1/2 ") {
		t.Errorf("web2 is counted: %s", out)
	}
	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if sent["node1"]+sent["node2"] != 0 {
		t.Errorf("a restart of sdnd sends %v", sent)
	}
	answered("sdnd has restarted", "web1")
	link("web1", "down")
	shows("backend web1: ready, on node1, link down, 10.7.0")
	for _, name := range []string{"near", "pod", "far"} {
		for _, to := range addresses(b.hosts[name]) {
			if _, _, err := b.whoAnswers(b.hosts[name], to[0], to[1]); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("no backend has a link: %s to %v: %v, want that it is refused", name, to, err)
			}
		}
	}
	if out := b.sdnctl("service", "show", "web"); !strings.Contains(out, "2 with their link down") {
		t.Errorf("the condition does not say why there are no backends: %s", out)
	}
	link("web1", "up")
	link("web2", "up")
	shows("backend web1: ready, on node1, 10.7.0")
	shows("backend web2: ready, on node2, 10.7.0")

	sent = b.changes(func() {
		for range 30 {
			link("web2", "down")
			link("web2", "up")
		}
		shows("backend web2: ready, on node2, 10.7.0")
	}, "node1", "node2")
	// 2 protocols, 2 families: a group each, for UDP a flow, and the stamp. Down and up again; a machine
	// that is busy may let the link be up for a second now and then.
	if most := 10 * (4 + 2 + 1); sent["node1"] > most || sent["node2"] > most {
		t.Errorf("30 flaps: changes sent: %v, want at most %d to each", sent, most)
	}
}
