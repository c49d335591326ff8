// Command soak drives sdnd over three real Open vSwitches with random
// operations for as long as one likes, in networks of IPv4, of IPv6 and of both. Ports, networks, routers,
// their way out, floating addresses, services, policies, labels, nodes and
// gateways come, change and go, singly, several at once and in transactions that
// prune; interfaces are plugged in, moved and taken away; backups are restored.
// In every other round somebody also tampers with flows, sdnd and ovs-vswitchd are
// killed, stopped or frozen, connections cut, cables pulled, nodes rebooted. At
// every quiet point all must be as the model has it: what is declared, who holds
// which address, the flows of every switch, who reaches whom by ping, TCP and UDP as the
// policies are judged by a naive evaluator, who reaches the machine outside and by which address, which
// floating addresses answer it, whose gateway answers, and that neither memory nor goroutines are left behind.
//
//	go run ./integration/soak -ops 2000 -seed 7     # needs root
//
// The seed, which is printed, determines the operations and their order; how
// they meet in time it does not. The first thing that is wrong ends the run with
// exit code 1, the seed and the number of the operation, and with -keep leaves the
// lab up to look at. Ctrl-C ends it after the operation under way, with all checks
// and a summary, and takes the lab down.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// options are the flags.
type options struct {
	ops, quiet int
	seed       uint64
	every      time.Duration
	bin        string
	keep       bool
}

func main() {
	var o options
	flag.IntVar(&o.ops, "ops", 100_000, "how many operations")
	flag.IntVar(&o.quiet, "quiet", 50, "operations from one quiet point to the next")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64N(1_000_000), "what the operations are chosen by")
	flag.DurationVar(&o.every, "progress", 10*time.Second, "how often to tell how far it is")
	flag.StringVar(&o.bin, "bin", "", "`folder` with sdnd and sdnctl; built if empty")
	flag.BoolVar(&o.keep, "keep", false, "leave the lab up when something is wrong")
	flag.Parse()
	interrupted, unset := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal lets the operation under way end; a second kills.
	context.AfterFunc(interrupted, unset)
	if err := run(context.Background(), o, os.Stdout, interrupted.Done()); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run brings a lab up, soaks sdnd and takes the lab down. It ends early, with all
// checks done, when stop is closed.
func run(ctx context.Context, o options, out io.Writer, stop <-chan struct{}) (err error) {
	if why := lab.Missing(); len(why) > 0 {
		return errors.New(strings.Join(why, "; "))
	}
	fmt.Fprintf(out, "seed %d, %d operations\n", o.seed, o.ops)
	if o.bin == "" {
		dir, err := os.MkdirTemp("", "sdnsoak")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := build(ctx, dir); err != nil {
			return err
		}
		o.bin = dir
	}
	l, err := lab.Up(ctx, lab.Options{Nodes: 3, BinDir: o.bin})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && o.keep {
			fmt.Fprintf(out, "left up: lab %s, sdnd's log %s\n", l.ID, l.Controller.LogFile)
			return
		}
		// The caller's context may be what ended the run.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, l.Down(ctx))
	}()
	s, err := newSoak(ctx, l, o, out)
	if err != nil {
		return err
	}
	defer s.api.Close()
	if err := s.run(ctx, stop); err != nil {
		return fmt.Errorf("seed %d, operation %d: %w\nrepeat it with -seed %d -ops %d -quiet %d; before it came %s\nsdnd's log:\n%s",
			o.seed, s.done+1, err, o.seed, s.done+1, o.quiet, strings.Join(s.recent, ", "), logTail(l.Controller.LogFile, 20))
	}
	return nil
}

// build builds the programs under test.
func build(ctx context.Context, dir string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "./controller/sdnd", "./cli/sdnctl")
	cmd.Dir = filepath.Clean(strings.TrimSpace(string(root)))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs under test: %w\n%s", err, out)
	}
	return nil
}

func logTail(file string, lines int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
