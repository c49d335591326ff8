package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// faultEnv makes the test binary a writer whose system calls fail.
const faultEnv = "SDNCTL_STORE_FAULT"

// attempt is what the writer says of each try of each change.
type attempt struct {
	Revision    topology.Revision // after it
	Err         string
	Unconfirmed bool
	NoSpace     bool
}

// TestFaultAtEveryCall runs a writer under strace, which at the nth call of one
// kind kills it, or lets the call fail, for every n there is. Killed, its file
// has all that was acknowledged and no half of anything. After a failure it
// goes on by itself, and says what is true.
func TestFaultAtEveryCall(t *testing.T) {
	if path := os.Getenv(faultEnv); path != "" {
		writeThrough(path)
		return
	}
	if out, err := exec.Command("strace", "-o", os.DevNull, "-e", "inject=fdatasync:error=EIO", "true").CombinedOutput(); err != nil {
		t.Skipf("needs strace, and the right to trace: %v %s", err, out)
	}
	states := wanted(t)
	for _, tt := range []struct {
		name   string
		inject []string // %d is n
		killed bool
		// says is true for the error that the writer must have got at least once.
		says func(attempt) bool
	}{
		{name: "killed at a write", inject: []string{"pwrite64:signal=KILL:when=%d"}, killed: true},
		{name: "killed at a sync", inject: []string{"fdatasync:signal=KILL:when=%d"}, killed: true},
		{name: "killed at growing", inject: []string{"ftruncate:signal=KILL:when=%d"}, killed: true},
		{name: "no space at a write", inject: []string{"pwrite64:error=ENOSPC:when=%d"}, says: func(a attempt) bool { return a.NoSpace }},
		{name: "no space at growing", inject: []string{"ftruncate:error=ENOSPC:when=%d"}, says: func(a attempt) bool { return a.NoSpace }},
		{name: "broken disk at a sync", inject: []string{"fdatasync:error=EIO:when=%d"}, says: func(a attempt) bool { return a.Err != "" && !a.Unconfirmed }},
		{name: "broken disk at a sync and once more", inject: []string{"fdatasync:error=EIO:when=%d", "fsync:error=EIO:when=2"}, says: func(a attempt) bool { return a.Unconfirmed }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said := tt.says == nil
			for n := 1; ; n++ {
				path := filepath.Join(t.TempDir(), "sdnd.db")
				var inject []string
				for _, i := range tt.inject {
					inject = append(inject, "-e", "inject="+strings.ReplaceAll(i, "%d", fmt.Sprint(n)))
				}
				tries, injected, killed := underFaults(t, path, inject)
				if !injected {
					t.Logf("%d calls", n-1)
					if n == 1 {
						t.Error("no such call was made")
					}
					break
				}
				if killed != tt.killed {
					t.Fatalf("call %d: killed: %t; %+v", n, killed, tries)
				}
				acked := topology.Revision(0)
				for _, a := range tries {
					said = said || tt.says(a)
					if a.Err == "" {
						acked = a.Revision
					}
				}
				got := open(t, path)
				rev := got.Snapshot().Revision()
				if rev != acked && (!killed || rev != acked+1) {
					t.Fatalf("call %d: revision %d after %d was acknowledged", n, rev, acked)
				}
				if !killed && int(rev) != len(states)-1 {
					t.Fatalf("call %d: it ended at revision %d: %+v", n, rev, tries)
				}
				if d := cmp.Diff(states[rev], storetest.Contents(got.Snapshot()), storetest.Values()); d != "" {
					t.Fatalf("call %d (-want +got):\n%s", n, d)
				}
				whole(t, got)
				if testing.Short() && strings.HasPrefix(tt.inject[0], "pwrite64") {
					n += 4 // there are many
				}
			}
			if !said {
				t.Error("the writer never got an error")
			}
		})
	}
}

// wanted returns what the store has after each revision if nothing fails.
func wanted(t *testing.T) []map[string]any {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	states := []map[string]any{storetest.Contents(s.Snapshot())}
	for _, ops := range crashes() {
		apply(t, s, ops...)
		states = append(states, storetest.Contents(s.Snapshot()))
	}
	return states
}

// underFaults runs the writer and returns what it said, whether a fault came to
// be, and whether it died of it.
func underFaults(t *testing.T, path string, inject []string) (tries []attempt, injected, killed bool) {
	t.Helper()
	trace := path + ".trace"
	args := append([]string{"-f", "-o", trace, "-e", "trace=pwrite64,fdatasync,fsync,ftruncate"}, inject...)
	cmd := exec.Command("strace", append(args, os.Args[0], "-test.run=^TestFaultAtEveryCall$")...)
	cmd.Env = append(os.Environ(), faultEnv+"="+path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var a attempt
		if dec.Decode(&a) != nil {
			break
		}
		tries = append(tries, a)
	}
	said := string(image(t, trace))
	killed = strings.Contains(said, "killed by SIGKILL")
	if err != nil && !killed {
		t.Fatalf("the writer failed: %v\n%s%s", err, out, stderr.String())
	}
	return tries, killed || strings.Contains(said, "(INJECTED)"), killed
}

// writeThrough does all changes, each as often as it takes, and ends the
// process. All calls are made by one thread, since strace counts for each.
func writeThrough(path string) {
	runtime.LockOSThread()
	out := json.NewEncoder(os.Stdout)
	done := func(rev topology.Revision, err error) bool {
		a := attempt{Revision: rev}
		if err != nil {
			a.Err, a.NoSpace, a.Unconfirmed = err.Error(), errors.Is(err, store.ErrNoSpace), errors.Is(err, store.ErrUnconfirmed)
		}
		if out.Encode(a) != nil {
			os.Exit(3)
		}
		return err == nil
	}
	opts := Options{Clock: func() time.Time { return epoch }}
	s, err := Open(path, opts)
	for tries := 0; !done(0, err); tries++ {
		if tries == 3 {
			os.Exit(4)
		}
		s, err = Open(path, opts)
	}
	for _, ops := range crashes() {
		for tries := 0; ; tries++ {
			before := s.Snapshot()
			c, err := s.Apply(context.Background(), "alice", ops)
			if done(c.Revision, err) {
				break
			}
			if tries == 3 || s.Snapshot() != before {
				os.Exit(5)
			}
			if errors.Is(err, store.ErrUnconfirmed) {
				// Asking for nothing is enough to have it confirmed.
				if c, err := s.Apply(context.Background(), "alice", nil); done(c.Revision, err) && c.Revision > before.Revision() {
					break
				}
			}
		}
	}
	if err := s.Close(); err != nil {
		os.Exit(6)
	}
	os.Exit(0)
}
