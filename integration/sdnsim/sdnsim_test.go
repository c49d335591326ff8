package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology/model"
)

// sim is a running sdnsim, asked over its control socket.
type sim struct {
	*testing.T
	client *http.Client
}

// start runs sdnsim with the given options until the test ends.
func start(t *testing.T, o options) *sim {
	t.Helper()
	dir := t.TempDir()
	o.control = filepath.Join(dir, "s")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var out strings.Builder
	go func() { ended <- run(ctx, o, &out) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", o.control)
	}}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !strings.Contains(out.String(), "switches connected") {
			t.Errorf("said in the end: %q", out.String())
		}
	})
	return &sim{t, client}
}

// do makes a request, and decodes the answer into v if that is not nil.
func (s *sim) do(method, path, body string, want int, v any) error {
	req, err := http.NewRequestWithContext(s.Context(), method, "http://sim"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, b)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(b, v)
}

// must does what do does, and fails the test on an error.
func (s *sim) must(method, path, body string, want int, v any) {
	s.Helper()
	if err := s.do(method, path, body, want, v); err != nil {
		s.Fatal(err)
	}
}

// connected waits until n switches are connected.
func (s *sim) connected(n int) {
	s.Helper()
	err := lab.PollFor(s.Context(), 20*time.Second, "the switches to connect", func(context.Context) error {
		var st status
		if err := s.do("GET", "/status", "", 200, &st); err != nil {
			return err
		}
		if st.Connected != n {
			return fmt.Errorf("%v", st)
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// controller accepts connections, and runs a session on each until the test ends.
func controller(t *testing.T, sessions chan<- *session.Session) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := session.Handshake(ctx, conn, session.Config{})
			if err != nil {
				continue // the switch was made to drop it
			}
			go func() { _ = s.Run(ctx) }()
			select {
			case sessions <- s:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ln.Addr().String()
}

func defaults(addr string) options {
	return options{controller: addr, switches: 3, first: 1, names: "node%d", ports: 2, portNames: "eth%d", cpus: 2, backoff: 100 * time.Millisecond}
}

func TestControl(t *testing.T) {
	sessions := make(chan *session.Session, 100)
	s := start(t, defaults(controller(t, sessions)))
	s.connected(3)

	var all []switchStatus
	s.must("GET", "/switches", "", 200, &all)
	names := []string{}
	for _, v := range all {
		names = append(names, v.Name)
		if !slices.Equal(v.Ports, []string{"vxlan-sdn", "eth1", "eth2", "br-int"}) {
			t.Errorf("%s has ports %v", v.Name, v.Ports)
		}
	}
	if diff := cmp.Diff([]string{"node1", "node2", "node3"}, names); diff != "" {
		t.Error(diff)
	}

	sess := <-sessions
	f := openflow.Flow{Table: 3, Cookie: 0x77}
	if err := sess.Bundle(t.Context(), openflow.BundleAtomic, slices.Values([][]byte{f.AppendAdd(nil, 0)})); err != nil {
		t.Fatal(err)
	}
	var cookies []string
	found := 0
	for _, name := range names {
		s.must("GET", "/switches/"+name+"/cookies", "", 200, &cookies)
		if slices.Equal(cookies, []string{"0x77"}) {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d switches have the flow", found)
	}

	s.must("PUT", "/switches/node2/ports/eth9?no=40", "", 204, nil)
	s.must("PUT", "/switches/node2/ports/eth9?no=41", "", 204, nil)
	s.must("DELETE", "/switches/node2/ports/eth1", "", 204, nil)
	var one switchStatus
	s.must("GET", "/switches/node2", "", 200, &one)
	if !slices.Equal(one.Ports, []string{"vxlan-sdn", "eth2", "eth9", "br-int"}) {
		t.Errorf("node2 has ports %v", one.Ports)
	}

	s.must("POST", "/reset", "", 204, nil)
	s.connected(3)
	var st status
	s.must("GET", "/status", "", 200, &st)
	if st.Flows != 0 || st.Handshakes < 6 || st.RSSBytes == 0 || st.CPUSeconds == 0 {
		t.Errorf("after the reset: %+v", st)
	}
	s.must("PUT", "/faults", `{"dropAfter": 1}`, 204, nil)
	s.must("POST", "/switches/node1/disconnect", "", 204, nil)
	s.must("PUT", "/switches/node1/faults", `{}`, 204, nil)
	s.connected(3)
}

// TestUnderlay: what one switch is made to send to the tunnel address of another one arrives there, if that has the
// flows which send it to its controller, and nowhere else.
func TestUnderlay(t *testing.T) {
	sessions := make(chan *session.Session, 10)
	o := defaults(controller(t, sessions))
	o.tunnelNet = "172.16.0.0/24"
	s := start(t, o)
	s.connected(3)
	by := map[openflow.DatapathID]*session.Session{}
	for range 3 {
		sess := <-sessions
		by[sess.Features().DatapathID] = sess
	}
	of := func(name string) *session.Session { return by[openflow.DatapathID(model.DatapathIDFor(name))] }
	send := func(to, text string) {
		t.Helper()
		if err := of("node1").Send(t.Context(), openflow.NewPacketOut([]byte(text), pipeline.ToTunnel(tunnelPort, netip.MustParseAddr(to)))); err != nil {
			t.Fatal(err)
		}
	}
	arrives := func(node, want string) {
		t.Helper()
		for e := range of(node).Events() {
			if in, ok := e.(*openflow.PacketIn); ok {
				if string(in.Data) != want || in.Table != pipeline.TableTunnelProbe || in.InPort() != tunnelPort {
					t.Errorf("at %s first arrives %q at port %v, in table %v", node, in.Data, in.InPort(), in.Table)
				}
				return
			}
		}
		t.Errorf("nothing arrives at %s", node)
	}
	takes := func(node string) {
		t.Helper()
		f := openflow.Flow{Table: pipeline.TableTunnelProbe, Cookie: 1}
		if err := of(node).Bundle(t.Context(), openflow.BundleAtomic, slices.Values([][]byte{f.AppendAdd(nil, 0)})); err != nil {
			t.Fatal(err)
		}
	}
	takes("node3")
	send("172.16.0.2", "node2 has no flows")
	send("172.16.0.9", "nobody has this address")
	send("172.16.0.3", "arrives") // after the others, which are under way in order
	arrives("node3", "arrives")
	takes("node2")
	send("172.16.0.2", "arrives now")
	arrives("node2", "arrives now")
}

func TestControlErrors(t *testing.T) {
	s := start(t, defaults("127.0.0.1:1")) // nobody listens there
	s.connected(0)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/switches/node9", "", 404},
		{"PUT", "/switches/node1/ports/eth9", "", 400},
		{"PUT", "/switches/node1/ports/eth9?no=0", "", 400},
		{"PUT", "/switches/node1/ports/eth9?no=12", "", 204},
		{"PUT", "/switches/node1/ports/much-too-long-a-name?no=99", "", 400},
		{"DELETE", "/switches/node1/ports/eth77", "", 404},
		{"PUT", "/switches/node1/faults", `{"dropAftre": 1}`, 400},
	} {
		s.must(c.method, c.path, c.body, c.want, nil)
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*options){
		"--switches":   func(o *options) { o.switches = 0 },
		"--ports":      func(o *options) { o.ports = -1 },
		"--cpus":       func(o *options) { o.cpus = 0 },
		"--probe":      func(o *options) { o.probe = -1 },
		"--dpid-names": func(o *options) { o.names = "node" },
		"--tunnel-net": func(o *options) { o.tunnelNet = "172.16.0.0/31" },
		"--port-names": func(o *options) { o.portNames = "a-long-interface%d" },
	} {
		o := defaults("127.0.0.1:1")
		change(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	o := defaults("127.0.0.1:1")
	if err := o.check(); err != nil {
		t.Error(err)
	}
}
