package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readPID reads a pid file.
func readPID(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s holds no process id", path)
	}
	return pid, nil
}

// owns reports whether a process was started by this lab, directly or indirectly. Its
// environment has the lab's id then.
func (l *Lab) owns(pid int) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+ownerVar+"="+l.ID+"\x00"))
}

// processes lists the lab's processes, without this process and its ancestors: a shell in the
// lab may be what takes the lab down.
func (l *Lab) processes() ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	mine := ancestors()
	var pids []int
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err == nil && !mine[pid] && l.owns(pid) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func ancestors() map[int]bool {
	all := map[int]bool{}
	for pid := os.Getpid(); pid > 1 && !all[pid]; {
		all[pid] = true
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			break
		}
		// pid (comm) state ppid …; comm may hold blanks and parentheses.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		pid, _ = strconv.Atoi(fields[1])
	}
	return all
}

// alive reports whether a process exists and is not a zombie. A process whose first thread has
// ended keeps its locks and sockets until the other threads have ended.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	return !ended(string(stat))
}

// ended reports whether the process with the content of /proc/PID/stat has ended (proc(5)). The
// state is the third field, the number of threads the twentieth.
func ended(stat string) bool {
	// comm, the second, may hold blanks and parentheses: count from behind it.
	const state, threads = 0, 17
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= threads {
		return true
	}
	last := fields[threads] == "1" || fields[threads] == "0"
	return last && (fields[state] == "Z" || fields[state] == "X")
}

// awaitGone waits until a process has ended.
func awaitGone(ctx context.Context, pid int, limit time.Duration) error {
	return PollFor(ctx, limit, fmt.Sprintf("process %d to end", pid), func(context.Context) error {
		if alive(pid) {
			return errors.New("it still runs")
		}
		return nil
	})
}

// endAll ends the lab's processes, with SIGTERM first and then with SIGKILL.
func (l *Lab) endAll(ctx context.Context) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		pids, err := l.processes()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			// An error means that the process has just ended.
			_ = syscall.Kill(pid, sig)
		}
		// The next round finds the children of killed processes.
		err = PollFor(ctx, 2*time.Second, "the lab's processes to end", func(context.Context) error {
			left, err := l.processes()
			if err == nil && len(left) > 0 {
				err = fmt.Errorf("%d still run", len(left))
			}
			return err
		})
		if err == nil {
			return nil
		}
	}
	left, err := l.processes()
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("processes %v could not be ended", left)
	}
	return err
}
