package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// fleet is the daemon and, in one other process, simulated switches. They connect by TCP on the
// loopback interface.
type fleet struct {
	env      *Env
	dir      string
	openflow string // address at which the daemon listens for switches
	nodes    int
	ports    int // interfaces of each switch, as eth1, eth2, …
	api      *api.Client

	sdnd, sim *process
}

// newFleet creates a fleet without starting its processes. The caller must call close.
func newFleet(e *Env, nodes, ports int) (*fleet, error) {
	dir, err := os.MkdirTemp("", "sdnbench-fleet-")
	if err != nil {
		return nil, err
	}
	f := &fleet{env: e, dir: dir, nodes: nodes, ports: ports}
	// A free port, which the daemon also uses when it starts again.
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		f.openflow = ln.Addr().String()
		err = ln.Close()
	}
	if err == nil {
		f.api, err = api.NewClient("unix://"+f.socket(), api.ClientOptions{Author: "bench"})
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return f, nil
}

func (f *fleet) socket() string { return filepath.Join(f.dir, "api.sock") }

// close ends the processes, and removes the files.
func (f *fleet) close() error {
	f.api.Close()
	return errors.Join(f.sdnd.stop(syscall.SIGTERM), f.sim.stop(syscall.SIGTERM), os.RemoveAll(f.dir))
}

// startDaemon starts sdnd and returns the time of the start.
func (f *fleet) startDaemon() (started time.Time, err error) {
	started = time.Now()
	f.sdnd, err = f.start("sdnd", "--data", filepath.Join(f.dir, "sdnd.db"), "--api-socket", f.socket(),
		"--openflow-listen", f.openflow, "--ovsdb-listen", "", "--log-level", "error")
	return started, err
}

// startSim starts the switches.
func (f *fleet) startSim() (err error) {
	f.sim, err = f.start("sdnsim", "--controller", f.openflow, "--switches", strconv.Itoa(f.nodes), "--ports", strconv.Itoa(f.ports), "--tunnel-net", "172.16.0.0/16")
	return err
}

func (f *fleet) start(program string, args ...string) (*process, error) {
	path, err := f.env.program(program)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(path, args...), ended: make(chan error, 1)}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p, nil
}

// ready waits until the daemon answers.
func (f *fleet) ready(ctx context.Context) error {
	return lab.PollFor(ctx, 30*time.Second, "sdnd to answer", func(ctx context.Context) error {
		_, err := f.api.Status(ctx)
		return err
	})
}

// inSync returns the number of nodes that are in sync; 0 while the daemon does not answer.
func (f *fleet) inSync(ctx context.Context) int {
	st, err := f.api.Status(ctx)
	if err != nil {
		return 0
	}
	return st.NodesInSync
}

// sampleEvery is the interval at which the number of nodes in sync is read.
const sampleEvery = 10 * time.Millisecond

// awaitSync waits until all nodes are in sync, and returns the time from since until then. It
// calls seen, unless that is nil, for each sample.
func (f *fleet) awaitSync(ctx context.Context, since time.Time, seen func(at time.Duration, inSync int)) (time.Duration, error) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		n := f.inSync(ctx)
		at := time.Since(since)
		if seen != nil {
			seen(at, n)
		}
		if n == f.nodes {
			return at, nil
		}
		select {
		case <-tick.C:
		case err := <-f.sdnd.ended:
			f.sdnd.ended <- err
			return 0, fmt.Errorf("sdnd ended: %w", cmp.Or(err, errors.New("without an error")))
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d nodes in sync: %w", n, f.nodes, context.Cause(ctx))
		}
	}
}

// process is a program that runs.
type process struct {
	cmd   *exec.Cmd
	ended chan error // receives the result of Wait
}

// stop sends a signal to the process and waits for its end. A nil process is not running.
func (p *process) stop(s syscall.Signal) error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if s == syscall.SIGKILL {
			return nil
		}
		return err
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("%s did not end", p.cmd.Path), p.cmd.Process.Kill())
	}
}

// memory returns the present and the peak resident memory of the process, in MB.
func (p *process) memory() (now, peak float64) {
	for line := range strings.Lines(fileText(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			peak = kb / 1024
		}
	}
	return now, peak
}

// cpu returns the seconds of processor time that the process has used (proc(5),
// stat: fields 14 and 15, in hundredths).
func (p *process) cpu() float64 {
	_, after, _ := strings.Cut(fileText(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}
