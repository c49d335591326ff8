package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// httpService lists backends, which are asked for /healthz on port 8091 every second.
func httpService(addresses string) string {
	return `{kind: Service, name: web, spec: {addresses: [` + addresses + `], routers: [r],
  ports: [{name: http, port: 80, targetPort: 8091}], backends: {endpoints: [{port: web1}, {port: web2}, {port: web3}]},
  healthCheck: {protocol: http, path: /healthz, host: web.example, interval: 1s, timeout: 1s, failures: 1}}}
`
}

// misbehaviours are how servers that speak no proper HTTP treat a connection.
var misbehaviours = map[string]func(net.Conn) error{
	"hangs": func(c net.Conn) error {
		_, err := io.Copy(io.Discard, c) // until the client ends it
		return err
	},
	"speaks nonsense": func(c net.Conn) error {
		_, err := io.WriteString(c, "hello\n")
		return err
	},
	"hangs up": func(c net.Conn) error {
		_, err := c.Read(make([]byte, 1024))
		return err
	},
	"answers in two segments": func(c net.Conn) error {
		if _, err := c.Read(make([]byte, 1024)); err != nil {
			return err
		}
		if _, err := io.WriteString(c, "HTTP/1.0 2"); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // the segments are to be two, whatever the stack merges
		_, err := io.WriteString(c, "00 OK\r\n\r\n")
		return err
	},
}

// servicesCheckedByHTTP: web1 and web2 have a real HTTP server, web3 one that misbehaves in
// every way; in both families.
func servicesCheckedByHTTP(t *testing.T, b *serviceBed) {
	var status [3]atomic.Int64
	var asked atomic.Int64
	for i, name := range []string{"web1", "web2"} {
		l, err := b.hosts[name].Listen("tcp", ":8091")
		b.must(err)
		status[i+1].Store(http.StatusOK)
		server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == "/healthz" && r.Host == "web.example" {
				asked.Add(1)
			} else {
				t.Errorf("%s is asked %s %s of %q", name, r.Method, r.URL, r.Host)
			}
			w.WriteHeader(int(status[i+1].Load()))
			_, _ = io.WriteString(w, strings.Repeat("more than is read ", 1000))
		})}
		done := make(chan error, 1)
		go func() { done <- server.Serve(l) }()
		defer func() {
			b.must(server.Close())
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
	}
	var how atomic.Value
	how.Store("hangs")
	l, err := b.hosts["web3"].Listen("tcp", ":8091")
	b.must(err)
	defer func() { b.must(l.Close()) }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = misbehaviours[how.Load().(string)](conn) // it ends when the probe does
			}()
		}
	}()
	shows := func(all ...string) {
		t.Helper()
		b.must(lab.PollFor(b.ctx, 15*time.Second, strings.Join(all, ", "), func(context.Context) error {
			out := strings.Join(strings.Fields(b.sdnctl("service", "show", "web")), " ")
			for _, what := range all {
				if !strings.Contains(out, what) {
					return errors.New(out)
				}
			}
			return nil
		}))
	}
	for _, addresses := range []string{service4, `"` + service6 + `"`} {
		how.Store("hangs")
		status[1].Store(http.StatusOK)
		b.apply(strings.Replace(httpService(addresses), "{protocol: http, path: /healthz, host: web.example,", "{protocol: tcp, port: 8099,", 1)) // nobody listens there
		shows("web1: ready, on node1, unhealthy (port 8099 of TCP refuses connections)")
		b.apply(httpService(addresses))
		shows("web1: ready, on node1, healthy", "web2: ready, on node2, healthy",
			"web3: ready, on node2, unhealthy (port 8091 of TCP accepts connections, but does not answer GET /healthz within 1s)")
		how.Store("speaks nonsense")
		status[1].Store(http.StatusServiceUnavailable)
		shows("web3: ready, on node2, unhealthy (port 8091 of TCP does not speak HTTP)", "web1: ready, on node1, unhealthy (port 8091 of TCP answers 503 to GET /healthz)")
		how.Store("hangs up")
		shows("web3: ready, on node2, unhealthy (port 8091 of TCP closes the connection without an answer)")
		how.Store("answers in two segments")
		shows("web3: ready, on node2, healthy", "web1: ready, on node1, unhealthy")
		if out := b.sdnctl("status"); !strings.Contains(out, "service/web: BackendUnhealthy") || !strings.Contains(out, "port 8091 of TCP answers 503 to GET /healthz") {
			t.Errorf("the status is\n%s", out)
		}
		status[1].Store(http.StatusFound)
		shows("web1: ready, on node1, healthy")
	}
	if asked.Load() == 0 {
		t.Error("no server has been asked")
	}

	status[1].Store(http.StatusInternalServerError)
	shows("web1: ready, on node1, unhealthy (port 8091 of TCP answers 500 to GET /healthz)")
	b.settle()
	b.saved("web", map[string]string{"web1": "port 8091 of TCP answers 500 to GET /healthz", "web2": ""})
	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2")
	if sent["node1"]+sent["node2"] != 0 {
		t.Errorf("after a restart changes were sent: %v, want none", sent)
	}
	shows("web1: ready, on node1, unhealthy (port 8091 of TCP answers 500 to GET /healthz)", "web2: ready, on node2, healthy")
	b.apply(serviceWeb(allWeb))
	b.revalidated()
}

// saved waits until sdnd has saved of backends of a service what health checks found, which a copy of
// its data file shows: why they fail, or "" that they are healthy.
func (b *serviceBed) saved(service string, want map[string]string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, "what health checks found to be saved", func(context.Context) (err error) {
		file, err := os.ReadFile(filepath.Join(b.Controller.DataDir, "sdnd.db"))
		if err != nil {
			return err
		}
		path := filepath.Join(b.t.TempDir(), "copy.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			return err
		}
		st, err := bolt.Open(path, bolt.Options{}) // fails if the file was written to meanwhile
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, st.Close()) }()
		all, err := st.Healths()
		left := maps.Clone(want)
		for _, h := range all {
			if why, asked := want[h.Port]; asked && h.Service == service && h.Why == why && h.Healthy == (why == "") {
				delete(left, h.Port)
			}
		}
		if len(left) > 0 {
			return errors.Join(err, fmt.Errorf("of %v it is not", left))
		}
		return err
	}))
}
