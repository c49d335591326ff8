package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

const healthPort = 30999

// asksHealth asks the health port of a node from outside until it has the answer that is wanted.
func (b *nodePortBed) asksHealth(node string, code, ready int) {
	b.t.Helper()
	want := fmt.Sprintf("%d {\"service\":\"local\",\"localEndpoints\":%d}\n", code, ready)
	for _, six := range []bool{false, true} {
		to := b.at(node, healthPort, six)
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the health port "+to+" to say "+want, func(context.Context) error {
			if got, err := b.health(http.MethodGet, to); err != nil || got != want {
				return fmt.Errorf("%q, %w", got, err)
			}
			return nil
		}))
	}
}

// health returns the status and the body that a health port answers to a machine outside.
func (b *nodePortBed) health(method, to string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, servicePatience)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, network, to string) (net.Conn, error) {
		return b.enter(network, to, 0)
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+to+"/healthz", nil)
	if err != nil {
		return "", err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, body), err
}

// nodePortHealth: P-SVC-13: the health port of a service says which nodes have backends that get new
// connections. Without sdnd those with one accept connections there.
func (b *nodePortBed) nodePortHealth() {
	local := func(endpoints string) {
		b.apply(nodePortService("local", "r", "13", 30083, 30083, fmt.Sprintf("externalTrafficPolicy: Local, healthCheckNodePort: %d, backends: {endpoints: [%s]},", healthPort, endpoints)))
	}
	local("{port: web1}, {port: pod1}")
	b.asksHealth("node1", http.StatusOK, 2)
	b.asksHealth("node2", http.StatusServiceUnavailable, 0)
	b.asksHealth("node3", http.StatusServiceUnavailable, 0)
	local("{port: web1, state: draining}, {port: web2}")
	b.asksHealth("node1", http.StatusServiceUnavailable, 0)
	b.asksHealth("node2", http.StatusOK, 1)
	link := func(state string) {
		_, err := b.node("node2").Exec(b.ctx, "ip", "link", "set", "dev", "web2", state)
		b.must(err)
	}
	link("down") // as of a container that has stopped
	b.asksHealth("node2", http.StatusServiceUnavailable, 0)
	link("up")
	b.asksHealth("node2", http.StatusOK, 1)
	if got, err := b.health(http.MethodHead, b.at("node2", healthPort, false)); got != "200 " {
		b.t.Errorf("HEAD: %q, %v", got, err)
	}
	if got, err := b.health(http.MethodPost, b.at("node2", healthPort, false)); got != "405 " {
		b.t.Errorf("POST: %q, %v", got, err)
	}
	if shown := b.sdnctl("service", "show", "local"); !strings.Contains(shown, "node1 503 (0 ready), node2 200 (1 ready), node3 503 (0 ready)") {
		b.t.Errorf("service show: %s", shown)
	}
	// Its number belongs to it alone.
	if out := b.bed.refused("service", "set", "web", "--ports", fmt.Sprintf("http=tcp/80:8080@%d", healthPort)); !strings.Contains(out, fmt.Sprintf("service/local has the node port %d of tcp", healthPort)) {
		b.t.Errorf("a node port with the number of the health port: %s", out)
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.answers("tcp", b.at("node2", healthPort, false), "web2")
	b.answers("tcp", b.at("node2", healthPort, true), "web2")
	b.shut(b.at("node3", healthPort, false))
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	b.asksHealth("node2", http.StatusOK, 1)
	b.sdnctl("service", "delete", "local", "--wait=20s")
	b.refused("tcp", b.at("node2", healthPort, false))
}
