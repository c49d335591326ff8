package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/server/servertest"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeFabric is a Fabric whose results the test sets.
type fakeFabric struct {
	servertest.Readings
	mu          sync.Mutex
	nodes       map[string]status.Node
	ports       map[string]status.Port
	switches    []status.Switch
	pending     []status.Pending
	changed     chan struct{}
	flows       []worker.FlowView
	flowsErr    error
	groups      []worker.NumberedView
	meters      []worker.NumberedView
	drifts      []worker.Drift
	verdict     worker.Verdict
	subscribers []func(topology.Ref)
}

func newFakeFabric() *fakeFabric {
	return &fakeFabric{
		nodes:   map[string]status.Node{},
		ports:   map[string]status.Port{},
		changed: make(chan struct{}),
	}
}

func (f *fakeFabric) NodeStatus(name string) (status.Node, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, ok := f.nodes[name]
	return st, ok
}

func (f *fakeFabric) PortStatus(name string) status.Port {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ports[name]
}

func (f *fakeFabric) Bound(name string) (string, bool) {
	s := f.PortStatus(name)
	return s.Node, s.Bound
}

// Summary counts what the test has set.
func (f *fakeFabric) Summary(worst int) status.Summary {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := condition.NewTracker()
	var connected, inSync int
	for name, st := range f.nodes {
		t.Set(topology.Ref{Kind: topology.KindNode, Name: name}, st.Conditions, clock())
		if st.Connected {
			connected++
		}
		if st.InSync {
			inSync++
		}
	}
	for name, st := range f.ports {
		t.Set(topology.Ref{Kind: topology.KindPort, Name: name}, st.Conditions, clock())
	}
	s := status.Summarize(t, worst)
	s.Connected, s.InSync = connected, inSync
	s.Drifts = uint64(len(f.drifts))
	return s
}

// NetworkConditions returns, for pods, that the underlay of node1 and node2 is too small.
func (f *fakeFabric) NetworkConditions(name, node string) []condition.Condition {
	facts := condition.NetworkFacts{Name: name, MTU: 9000}
	for _, n := range []string{"node1", "node2"} {
		if name == "pods" && (node == "" || node == n) {
			facts.Small = append(facts.Small, condition.Underlay{Node: n, MTU: 1500, Overhead: 50})
		}
	}
	return condition.Network(facts)
}

func (f *fakeFabric) Switches() []status.Switch { return f.switches }

func (f *fakeFabric) Acks(rev topology.Revision) status.Acks {
	f.mu.Lock()
	defer f.mu.Unlock()
	return status.Acks{Revision: rev, Pending: f.pending, Changed: f.changed}
}

// setPending changes what Acks returns.
func (f *fakeFabric) setPending(p ...status.Pending) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = p
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeFabric) Flows(context.Context, string) ([]worker.FlowView, error) {
	return f.flows, f.flowsErr
}

func (f *fakeFabric) Groups(context.Context, string) ([]worker.NumberedView, error) {
	return f.groups, f.flowsErr
}

func (f *fakeFabric) Meters(context.Context, string) ([]worker.NumberedView, error) {
	return f.meters, f.flowsErr
}

func (f *fakeFabric) Drifts(node string) []worker.Drift {
	return slices.DeleteFunc(slices.Clone(f.drifts), func(d worker.Drift) bool { return node != "" && d.Node != node })
}

func (f *fakeFabric) Audit(_ context.Context, node string) reconcile.Audit {
	return reconcile.Audit{Node: node, Comparison: worker.Comparison{Verdict: f.verdict, Missing: 1}}
}

func (f *fakeFabric) Subscribe(fn func(topology.Ref)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers = append(f.subscribers, fn)
	return func() {}
}

// setNode changes a node's status and notifies subscribers.
func (f *fakeFabric) setNode(st status.Node) {
	f.mu.Lock()
	f.nodes[st.Node] = st
	subscribers := f.subscribers
	f.mu.Unlock()
	for _, fn := range subscribers {
		fn(topology.Ref{Kind: topology.KindNode, Name: st.Node})
	}
}

// clock is the time of every commit in tests.
func clock() time.Time { return time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC) }

// bed is a server on a real store, reached over a unix socket.
type bed struct {
	t      *testing.T
	store  store.Store
	fabric *fakeFabric
	server *Server
	client *api.Client
	socket string
	stop   func()
}

// newBed makes a bed; change may alter the configuration.
func newBed(t *testing.T, change func(*Config)) *bed {
	t.Helper()
	st, err := bolt.Open(filepath.Join(t.TempDir(), "sdnd.db"), bolt.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &bed{t: t, store: st, fabric: newFakeFabric(), socket: filepath.Join(t.TempDir(), "s")}
	b.fabric.Store = st
	cfg := Config{Store: st, Fabric: b.fabric, Version: "test", Clock: clock}
	if change != nil {
		change(&cfg)
	}
	b.server = New(cfg)
	t.Cleanup(b.server.Close)
	ln, err := net.Listen("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, ln) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(b.stop)
	b.client, err = api.NewClient("unix://"+b.socket, api.ClientOptions{Author: "test@bed"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	return b
}

// raw sends a request with a body as it is and returns status and answer.
func (b *bed) raw(method, path, body string, header http.Header) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, "http://sdnd"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	transport := &http.Transport{
		DisableKeepAlives:     true,
		ExpectContinueTimeout: patience,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", b.socket)
		},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(answer)
}

// refused sends a request that must be refused and returns the error.
func (b *bed) refused(method, path, body string, header http.Header) api.Error {
	b.t.Helper()
	resp, answer := b.raw(method, path, body, header)
	var e api.Error
	if err := json.Unmarshal([]byte(answer), &e); err != nil {
		b.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		b.t.Errorf("%s %s: content type %q", method, path, ct)
	}
	if e.Status != resp.StatusCode || e.Title == "" || e.Code == "" || e.Message == "" {
		b.t.Errorf("%s %s: status %d, but the problem says %s", method, path, resp.StatusCode, answer)
	}
	return e
}

// object makes an object of a spec.
func object(t *testing.T, name string, spec model.Spec) api.Object {
	t.Helper()
	o, err := api.NewObject(name, nil, spec)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// apply applies objects, which must succeed.
func (b *bed) apply(objects ...api.Object) api.ApplyResult {
	b.t.Helper()
	r, err := b.client.Apply(b.t.Context(), api.ApplyRequest{Objects: objects})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// declareBlue declares two nodes, a network and two ports.
func (b *bed) declareBlue() api.ApplyResult {
	b.t.Helper()
	return b.apply(
		object(b.t, "web2", model.PortSpec{Network: "blue", Node: "node2"}),
		object(b.t, "web1", model.PortSpec{Network: "blue", Node: "node1"}),
		object(b.t, "blue", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")}),
		object(b.t, "node1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")}),
		object(b.t, "node2", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.12")}),
	)
}
