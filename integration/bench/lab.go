package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// NewEnv returns an Env for the folders of the source and of the programs.
func NewEnv(root, bin string, short bool) (*Env, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	bin, err = filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	return &Env{Root: root, Bin: bin, Short: short, Logf: func(string, ...any) {}}, nil
}

// up brings a lab up. The returned function takes it down; the bench must call it at its end
// and report its error.
func (e *Env) up(ctx context.Context, nodes int) (*lab.Lab, func() error, error) {
	if why := lab.Missing(); len(why) > 0 {
		return nil, nil, errors.New(strings.Join(why, "; "))
	}
	l, err := lab.Up(ctx, lab.Options{Nodes: nodes, BinDir: e.Bin})
	if err != nil {
		return nil, nil, err
	}
	return l, func() error {
		// The context of the bench may have ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return l.Down(ctx)
	}, nil
}

// program finds one of the programs that were built for the run.
func (e *Env) program(name string) (string, error) {
	path := filepath.Join(e.Bin, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s was not built: %w", name, err)
	}
	return path, nil
}

// pidIn reads one of a node's pid files.
func pidIn(n *lab.Node, daemon string) (int, error) {
	b, err := os.ReadFile(filepath.Join(n.Dir, daemon+".pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// cpuTime returns the processor time that a process has used.
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// proc(5): after the name in parentheses, the 12th and 13th field are the
	// times in user and kernel mode, in ticks of 10 ms.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("process %d: no times in its stat file", pid)
	}
	user, err1 := strconv.Atoi(string(fields[11]))
	kernel, err2 := strconv.Atoi(string(fields[12]))
	return time.Duration(user+kernel) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// calm waits until a node's ovs-vswitchd has finished its background work, such as freeing
// deleted flows.
func calm(ctx context.Context, n *lab.Node) error {
	pid, err := pidIn(n, "ovs-vswitchd")
	if err != nil {
		return err
	}
	// An idle ovs-vswitchd uses up to two ticks of 10 ms in 100 ms.
	const window, ticks = 100 * time.Millisecond, 20 * time.Millisecond
	before, at := time.Duration(-1), time.Time{}
	return lab.PollFor(ctx, 20*time.Second, n.Name+"'s ovs-vswitchd to be idle", func(context.Context) error {
		now, err := cpuTime(pid)
		if err != nil {
			return err
		}
		passed := time.Since(at)
		if before >= 0 && passed >= window && now-before <= ticks {
			return nil
		}
		if before < 0 || passed >= window {
			before, at = now, time.Now()
		}
		return errors.New("it is busy")
	})
}

// Close takes down the labs that several benches share.
func (e *Env) Close() {}
