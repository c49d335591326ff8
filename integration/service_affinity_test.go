package integration

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// affineWeb is the service of serviceWeb with session affinity.
func affineWeb(backends, timeout string) string {
	return strings.TrimSuffix(serviceWeb(backends), "}}\n") + ", sessionAffinity: ClientIP, sessionAffinityTimeout: " + timeout + "}}\n"
}

// kept returns the one backend that answers a client's next connections, once the switch
// forwards by what it has learned of the first.
func (b *serviceBed) kept(client, network, to string) (backend string) {
	b.t.Helper()
	for n := range 10 {
		who, _, err := b.whoAnswers(b.hosts[client], network, to)
		if err != nil {
			b.t.Fatalf("%s to %s %s, try %d: %v", client, network, to, n+1, err)
		}
		if backend != "" && who != backend {
			b.t.Fatalf("%s to %s %s: %s answers, and then %s", client, network, to, backend, who)
		}
		if backend = who; n == 0 {
			b.revalidated()
		}
	}
	return backend
}

// learned returns the flows by which clients of a node keep their backends.
func (b *serviceBed) learned(node string) (flows []string) {
	b.t.Helper()
	out, err := b.node(node).OFCtl(b.ctx, "dump-flows", "br-int", "table=28")
	b.must(err)
	for l := range strings.Lines(out) {
		if strings.Contains(l, "actions=") {
			flows = append(flows, l)
		}
	}
	return flows
}

// servicesAffine: clients keep their backend, for as long as it gets new connections and for
// their service's timeout.
func servicesAffine(t *testing.T, b *serviceBed) {
	before, err := b.api.Drifts(b.ctx, "")
	b.must(err)
	b.apply(affineWeb(allWeb, "10m"))
	b.revalidated()
	for client, c := range b.hosts {
		for _, way := range addresses(c) { // P-SVC-09: by both protocols and families
			b.kept(client, way[0], way[1])
		}
	}
	to := service4 + ":80"
	first := b.kept("near", "tcp", to)

	t.Log("what was learned is shown, is no drift, and is kept by a restart that sends nothing")
	if out := b.sdnctl("flows", "node1", "--table", "affinity"); !strings.Contains(out, "service/web") || !strings.Contains(out, "new connections of "+b.hosts["near"].IP.Addr().String()+" go to ") {
		t.Errorf("sdnctl flows:\n%s", out)
	}
	had := len(b.learned("node1"))
	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if now := len(b.learned("node1")); sent["node1"]+sent["node2"] != 0 || had == 0 || now < had {
		t.Errorf("changes sent: %v; %d learned flows, %d before", sent, now, had)
	}
	if again := b.kept("near", "tcp", to); again != first {
		t.Errorf("after the restart %s answers, not %s", again, first)
	}
	b.verify()
	after, err := b.api.Drifts(b.ctx, "")
	b.must(err)
	if len(after.Items) > len(before.Items) {
		t.Errorf("learned flows are drift: %+v", after.Items)
	}

	t.Log("P-SVC-10: a client that keeps trying leaves a backend that gets no new connections")
	for _, states := range []map[string]string{{"web1": "draining"}, {"web1": "draining", "web2": "draining"}} {
		var all []string
		for _, name := range []string{"web1", "web2", "web3"} {
			state := "ready"
			if states[name] != "" {
				state = states[name]
			}
			all = append(all, fmt.Sprintf("{port: %s, state: %s}", name, state))
		}
		b.apply(affineWeb("{endpoints: ["+strings.Join(all, ", ")+"]}", "10m"))
		b.revalidated()
		if now := b.kept("near", "tcp", to); states[now] != "" {
			t.Errorf("%s answers, which is draining", now)
		}
	}

	t.Log("it outlives a change of the other backends, and ends with the backend")
	b.apply(affineWeb("{endpoints: [{port: web3}]}", "10m"))
	b.revalidated()
	b.kept("near", "tcp", to)
	b.apply(affineWeb(allWeb, "10m"))
	b.revalidated()
	if now := b.kept("near", "tcp", to); now != "web3" {
		t.Errorf("%s answers, and had to be web3", now)
	}
	b.apply(affineWeb("{endpoints: [{port: web1}]}", "10m"))
	b.revalidated()
	b.kept("near", "tcp", to)
	b.apply(affineWeb(allWeb, "10m"))
	b.revalidated()

	t.Log("a dead interface ends it with sdnd stopped")
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	if now := b.kept("near", "tcp", to); now != "web1" {
		t.Errorf("%s answers, and had to be web1", now)
	}
	_, err = b.hosts["web1"].Exec(b.ctx, "ip", "link", "set", "eth0", "down")
	b.must(err)
	time.Sleep(300 * time.Millisecond) // the time within which the switch must stop using it
	if now := b.kept("near", "tcp", to); now == "web1" {
		t.Error("web1 answers 300 ms after its interface has gone down")
	}
	_, err = b.hosts["web1"].Exec(b.ctx, "ip", "link", "set", "eth0", "up")
	b.must(err)
	b.must(b.Controller.Start(b.ctx))
	b.settle()

	t.Log("P-SVC-28: a changed timeout is in force at once, and the affinity ends with it")
	b.apply(affineWeb(allWeb, "8s")) // longer than kept takes on a busy machine
	b.revalidated()
	if flows := b.learned("node1"); len(flows) > 0 {
		t.Errorf("still learned with the timeout before:\n%s", strings.Join(flows, ""))
	}
	b.kept("near", "tcp", to)
	b.none("node1", "its timeout to end the affinity", 20*time.Second)

	t.Log("it goes with the service")
	b.apply(affineWeb(allWeb, "10m"))
	b.revalidated()
	b.kept("near", "tcp", to)
	b.apply(serviceWeb(allWeb))
	b.none("node1", "the affinity to go with the service", time.Second)

	t.Log("who writes other flows among those that are learned is found by an audit")
	_, err = b.node("node1").OFCtl(b.ctx, "add-flow", "br-int", "table=28,priority=100,ip,actions=output:1")
	b.must(err)
	b.refused("node", "audit", "node1")
	b.none("node1", "the foreign flow to go", 5*time.Second)
}

// none waits until nothing is learned on a node.
func (b *serviceBed) none(node, what string, within time.Duration) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, within, what, func(context.Context) error {
		if flows := b.learned(node); len(flows) > 0 {
			return fmt.Errorf("%d flows: %s", len(flows), flows[0])
		}
		return nil
	}))
}
