package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestMain runs the daemon itself when a test has started it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("SDND_TEST_RUN_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const patience = 15 * time.Second

// daemon is an sdnd in a process of its own.
type daemon struct {
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	stderr *output
	exited chan error
	client *api.Client
}

// output is what a program has printed so far.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts a daemon with its files in dir and ports that the system picks,
// and waits until systemd is notified that it is ready.
func start(t *testing.T, dir string, args ...string) *daemon {
	t.Helper()
	return startProgram(t, os.Args[0], dir, args...)
}

// startProgram is start with a program that runs the test's in the end.
func startProgram(t *testing.T, program, dir string, args ...string) *daemon {
	t.Helper()
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ready.Close()
		os.Remove(filepath.Join(dir, "notify"))
	}()
	d := launchProgram(t, program, dir, args...)
	if err := ready.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := ready.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		d.stop(syscall.SIGKILL)
		t.Fatalf("not ready: %q %v\n%s", buf[:n], err, d.stderr)
	}
	return d
}

// launch starts a daemon and waits for nothing.
func launch(t *testing.T, dir string, args ...string) *daemon {
	t.Helper()
	return launchProgram(t, os.Args[0], dir, args...)
}

func launchProgram(t *testing.T, program, dir string, args ...string) *daemon {
	t.Helper()
	socket := filepath.Join(dir, "run", "sdnd.sock")
	d := &daemon{t: t, dir: dir, stderr: &output{}, exited: make(chan error, 1)}
	d.cmd = exec.Command(program, append([]string{
		"--data", filepath.Join(dir, "lib", "sdnd.db"), "--api-socket", socket, "--api-listen", "",
		"--openflow-listen", "127.0.0.1:0", "--ovsdb-listen", "127.0.0.1:0",
	}, args...)...)
	d.cmd.Env = append(os.Environ(), "SDND_TEST_RUN_MAIN=1", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	d.cmd.Stderr = d.stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.exited <- d.cmd.Wait() }()
	t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			d.stop(syscall.SIGKILL)
		}
	})
	var err error
	if d.client, err = api.NewClient("unix://"+socket, api.ClientOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	return d
}

// stop sends a signal and returns how the daemon ended.
func (d *daemon) stop(sig os.Signal) error {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
	return d.wait()
}

// wait returns how the daemon ended.
func (d *daemon) wait() error {
	d.t.Helper()
	select {
	case err := <-d.exited:
		return err
	case <-time.After(patience):
		d.t.Fatalf("still running\n%s", d.stderr)
		return nil
	}
}

func TestDaemonKeepsTopology(t *testing.T) {
	dir := t.TempDir()
	d := start(t, dir, "--log-format", "json")
	network, err := api.NewObject("blue", nil, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.Create(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := d.stop(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, d.stderr)
	}
	if !strings.HasPrefix(d.stderr.String(), "{") || !strings.Contains(d.stderr.String(), "sdnd stops") {
		t.Errorf("log:\n%s", d.stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "sdnd.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
	// Killed, it leaves its socket; the next one takes that over.
	d = start(t, dir)
	d.stop(syscall.SIGKILL)
	d = start(t, dir, "--api-socket-mode", "0600", "--metrics-listen", "127.0.0.1:0")
	got, err := d.client.Network(t.Context(), "blue")
	if err != nil || got.Status.VNI == 0 {
		t.Errorf("after a restart: %+v %v", got, err)
	}
	info, err := os.Stat(filepath.Join(dir, "run", "sdnd.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", info.Mode(), err)
	}
	if err := d.stop(os.Interrupt); err != nil {
		t.Errorf("SIGINT: %v\n%s", err, d.stderr)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	other := launch(t, dir, "--api-socket", filepath.Join(dir, "other.sock"))
	if err := other.wait(); err == nil || !strings.Contains(other.stderr.String(), "in use by another sdnd") {
		t.Errorf("same data: %v\n%s", err, other.stderr)
	}
	other = launch(t, dir, "--data", filepath.Join(dir, "other.db"))
	if err := other.wait(); err == nil || !strings.Contains(other.stderr.String(), "is sdnd running already") {
		t.Errorf("same socket: %v\n%s", err, other.stderr)
	}
}

func TestRefusalsToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--openflow-listen", taken.Addr().String()}, "in use by another program"},
		{[]string{"--ovsdb-listen", "nowhere"}, "--ovsdb-listen nowhere"},
		{[]string{"--api-socket", ""}, "nobody could reach sdnd"},
		{[]string{"--api-socket", file}, "not a socket"},
		{[]string{"--api-socket-group", "no-such-group"}, "no-such-group"},
		{[]string{"--data", filepath.Join(file, "sdnd.db")}, "--data"},
		{[]string{"--log-level", "loud"}, "want debug, info, warn or error"},
		{[]string{"--log-format", "xml"}, "want text or json"},
		{[]string{"--no-such-flag"}, "unknown flag"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args[:1], " "), func(t *testing.T) {
			d := launch(t, t.TempDir(), tt.args...)
			var exit *exec.ExitError
			if err := d.wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(d.stderr.String(), tt.want) {
				t.Errorf("%v, want %q in:\n%s", err, tt.want, d.stderr)
			}
		})
	}
}

// TestSecondSignalKills holds the shutdown up with a request that does not end.
func TestSecondSignalKills(t *testing.T) {
	d := start(t, t.TempDir())
	conn, err := net.Dial("unix", filepath.Join(d.dir, "run", "sdnd.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /v1/apply HTTP/1.1\r\nHost: sdnd\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
	// Once this is answered the one before it is being served.
	if _, err := d.client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "new connections are refused", func() bool {
		c, err := net.Dial("unix", filepath.Join(d.dir, "run", "sdnd.sock"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	err = d.stop(syscall.SIGTERM)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v, want the second signal", err)
	}
}

// until polls for a condition that has no event of its own.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestMetricsListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	d := start(t, t.TempDir(), "--metrics-listen", addr)
	for path, want := range map[string]string{
		"/metrics": "sdnd_topology_revision 0", "/healthz": "ok", "/readyz": "ok", "/v1/status": "not_found",
	} {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %v, no %q in:\n%s", path, err, want, body)
		}
	}
	if err := d.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
