package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sdnctl/sdnctl/cli"
)

// listener is an output that signals each write.
type listener struct {
	mu     sync.Mutex // guards what follows
	text   bytes.Buffer
	awaits map[string]func()
}

// Write takes output, and calls the functions that wait for it.
func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	for text, f := range l.awaits {
		if strings.Contains(l.text.String(), text) {
			delete(l.awaits, text)
			f()
		}
	}
	return len(p), nil
}

// String returns all that was written.
func (l *listener) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// live starts an API and returns it with a function that runs sdnctl on it in this process.
func live(t *testing.T) (*host, func(ctx context.Context, stdout, stderr *listener, args ...string) int) {
	t.Helper()
	// Checked after the API has ended: cleanups run in reverse order.
	t.Cleanup(func() { goleak.VerifyNone(t) })
	dir, err := os.MkdirTemp("", "cli") // short, for the socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &host{dir: dir}
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.stop() })
	return h, func(ctx context.Context, stdout, stderr *listener, args ...string) int {
		env := cli.OSEnv("test")
		env.In, env.Out, env.Err = strings.NewReader(""), stdout, stderr
		return cli.Run(ctx, env, append(args, "--host", "unix://"+h.socket()))
	}
}

func (f *fabric) connect(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connected[node] = true
	close(f.changed)
	f.changed = make(chan struct{})
}

// TestWaitEndsWhenTheNodeComes: once waiting has been reported, the node connects, which
// ends the command.
func TestWaitEndsWhenTheNodeComes(t *testing.T) {
	h, run := live(t)
	stderr := &listener{awaits: map[string]func(){
		"waiting for revision 1: node1 (not connected)\n": func() { h.fabric.connect("node1") },
	}}
	code := run(t.Context(), &listener{}, stderr, "node", "create", "node1", "--tunnel-ip", "192.168.50.11", "--wait=30s")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	want := "node/node1 created, revision 1\nwaiting for revision 1: node1 (not connected)\nrevision 1 is confirmed by every node\n"
	if got := stderr.String(); got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

// TestInterrupt: a wait that is interrupted says so, and leaves no goroutine.
func TestInterrupt(t *testing.T) {
	_, run := live(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &listener{awaits: map[string]func(){"waiting for": cancel}}
	if code := run(ctx, &listener{}, stderr, "node", "create", "node1", "--tunnel-ip", "192.168.50.11", "--wait"); code != cli.ExitInterrupted {
		t.Errorf("exit code %d, want %d", code, cli.ExitInterrupted)
	}
	if got := stderr.String(); !strings.HasSuffix(got, "sdnctl: interrupted\n") {
		t.Errorf("stderr %q", got)
	}
}

func TestWatch(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		t.Run(format, func(t *testing.T) {
			h, run := live(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if code := run(ctx, &listener{}, &listener{}, "node", "create", "node1", "--tunnel-ip", "192.168.50.11"); code != 0 {
				t.Fatalf("create: exit code %d", code)
			}
			want := map[string]string{
				"table": "port/web1 deleted, revision 4, by ",
				"json":  `"object":"port/web1","verb":"delete"`,
				"yaml":  "object: port/web1\nverb: delete\n",
			}[format]
			stdout := &listener{awaits: map[string]func(){want: cancel}}
			begin := map[string]string{"table": "watching from revision 1", "json": `"ready"`, "yaml": "type: ready"}[format]
			change := func() {
				go func() { // Write must return for the watch to go on
					run(ctx, &listener{}, &listener{}, "network", "create", "blue", "--cidr", "10.0.0.0/24")
					run(ctx, &listener{}, &listener{}, "port", "create", "web1", "--network", "blue")
					run(ctx, &listener{}, &listener{}, "port", "delete", "web1")
				}()
			}
			stderr := &listener{awaits: map[string]func(){begin: change}}
			if format != "table" {
				stdout.awaits[begin] = change
			}
			code := run(ctx, stdout, stderr, "watch", "-o", format)
			if code != cli.ExitInterrupted {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			h.stop()
		})
	}
}

// BenchmarkStart starts the program, as scripts do again and again.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "sdnctl")
	if out, err := exec.Command("go", "build", "-o", program, "./sdnctl").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for b.Loop() {
		if err := exec.Command(program, "version", "--client").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
