package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestInNetnsReturns: no thread of the process stays in a namespace in which a function was called.
func TestInNetnsReturns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // Wait says that it was
		_ = cmd.Wait()
	}()
	path := fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid)
	other, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		var in string
		err := inNetns(path, func() (err error) {
			in, err = os.Readlink("/proc/thread-self/ns/net")
			return err
		})
		if err != nil || in != other {
			t.Fatalf("called in %s, want %s: %v", in, other, err)
		}
		threads, err := filepath.Glob("/proc/self/task/*/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			if at, err := os.Readlink(thread); err == nil && at == other {
				t.Fatalf("%s is still in the namespace", thread)
			}
		}
	}
}
