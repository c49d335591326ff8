package cli_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sdnctl/sdnctl/cli"
	"github.com/sdnctl/sdnctl/controller/server"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// TestMain makes "sdnctl" a program that scripts can run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sdnctl": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			os.Exit(cli.Run(ctx, cli.OSEnv("v1.2.3"), os.Args[1:]))
		},
	})
}

// TestScripts runs testdata/script, each script against an API of its own:
// the real server and store, over a fabric without switches.
//
// Beside testscript's own commands there are:
//
//	code N PROGRAM ARGS...   runs it and wants the exit code N
//	fabric ...               see (*fabric).script
//	server stop|start        ends the server; starts a fresh one on an empty store
//	many N FILE              writes a file of N ports, three of them wrong
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			// A unix socket's path must be short, unlike that of a script's directory.
			dir, err := os.MkdirTemp("", "cli")
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(dir) })
			h := &host{dir: dir}
			e.Values[hostKey{}] = h
			e.Setenv("SDNCTL_HOST", "unix://"+h.socket())
			e.Setenv("SOCKET", h.socket())
			e.Setenv("SDNCTL_DIR", filepath.Join(dir, "node"))
			e.Setenv("USER", "tester")
			e.Setenv("TZ", "UTC")
			// Built with -race, every sdnctl would sleep for a second at its end.
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			if err := h.start(); err != nil {
				return err
			}
			e.Defer(func() { h.stop() })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   scriptCode,
			"fabric": func(ts *testscript.TestScript, _ bool, args []string) { hostOf(ts).fabric.script(ts, args) },
			"server": scriptServer,
			"many":   scriptMany,
		},
	})
}

// scriptCode runs a program and compares its exit code.
func scriptCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptServer(ts *testscript.TestScript, _ bool, args []string) {
	h := hostOf(ts)
	if args[0] == "lose" { // the data file, while it is in use
		ts.Check(os.Remove(h.database()))
		return
	}
	h.stop()
	if args[0] == "start" {
		ts.Check(os.RemoveAll(h.database()))
		ts.Check(h.start())
	}
}

type hostKey struct{}

func hostOf(ts *testscript.TestScript) *host { return ts.Value(hostKey{}).(*host) }

// A host runs the API of one script.
type host struct {
	dir    string
	fabric *fabric
	stop   func()
}

func (h *host) socket() string   { return filepath.Join(h.dir, "s") }
func (h *host) database() string { return filepath.Join(h.dir, "db") }

func (h *host) start() error {
	st, err := bolt.Open(h.database(), bolt.Options{})
	if err != nil {
		return err
	}
	h.fabric = newFabric(st)
	srv := server.New(server.Config{Store: st, Fabric: h.fabric, Version: "v9.9.9"})
	ln, err := net.Listen("unix", h.socket())
	if err != nil {
		return errors.Join(err, st.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln) }()
	h.stop = func() {
		cancel()
		<-done
		srv.Close()
		st.Close()
		h.stop = func() {}
	}
	return nil
}
