package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// stores returns the benches of starting the daemon with a large data file.
func stores() []Bench {
	return []Bench{{Name: "start", Section: apiSection, Run: startFromStore}}
}

func startFromStore(ctx context.Context, e *Env, r *Report) (err error) {
	l, down, err := e.up(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, down()) }()
	c := l.Controller
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	size := e.Pick(1_000_000, 20_000)
	file := filepath.Join(c.DataDir, "sdnd.db")
	st, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		return err
	}
	_, err = st.Apply(ctx, "bench", stretchedPorts(size))
	if err := errors.Join(err, st.Close()); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	// Directly and not by Controller.Start, which waits for no more than 10 s.
	sdnd, err := e.program("sdnd")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := c.Command(ctx, sdnd, "--insecure", "--data", file, "--api-socket", filepath.Join(l.Dir, "sdnd.sock"), "--config", os.DevNull)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { cancel(); _ = cmd.Wait() }() // the error is that it was killed
	if err := lab.PollFor(ctx, time.Minute, "sdnd to be ready", func(ctx context.Context) error { return c.Get(ctx, "/readyz", nil) }); err != nil {
		return err
	}
	took := time.Since(start)
	rss, err := residentMB(cmd.Process.Pid)
	if err != nil {
		return err
	}
	r.Add(Line{
		Name: fmt.Sprintf("sdnd starts from a store of %s ports", number(float64(size))), Unit: "s", Ours: Value(took.Seconds()),
		Note: fmt.Sprintf("From its start until /readyz says so; the file has %s MB, the process %s MB.", number(float64(info.Size()>>20)), number(rss)),
	})
	return nil
}

// residentMB returns the resident memory of a process in MB.
func residentMB(pid int) (float64, error) {
	var kb float64
	text, err := field(fileText(fmt.Sprintf("/proc/%d/status", pid)), `VmRSS:\s+(\d+) kB`)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(text, &kb)
	return kb / 1024, err
}
