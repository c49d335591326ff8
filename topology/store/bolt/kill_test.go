package bolt

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// killEnv makes the test binary a writer that is to be killed.
const killEnv = "SDNCTL_STORE_KILL"

// The writers under load: so many callers, each of which creates and deletes
// so many pairs of ports, in turn.
const (
	killWriters = 8
	killPairs   = 7
)

func pairName(writer, pair int, side string) string {
	return fmt.Sprintf("w%d-%d-%s", writer, pair, side)
}

// ack is what a writer says once its change is acknowledged.
type ack struct {
	Writer, Pair int
	Exists       bool
	Revision     topology.Revision
}

// TestKilled kills a process under load, 200 times (20 with -short), and opens
// its file each time: every acknowledged change is there, of each writer's next
// one all or nothing, no address is held twice or leaked, and history is whole.
func TestKilled(t *testing.T) {
	if path := os.Getenv(killEnv); path != "" {
		writeForever(t, path)
		return
	}
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(t.TempDir(), "sdnd.db")
	s := open(t, path)
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/24")))
	var want [killWriters][killPairs]bool
	acks := 0
	for round := range rounds {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		next := [killWriters]int{}
		newest := topology.Revision(0)
		for _, a := range loadAndKill(t, path, time.Duration(random.IntN(20_000))*time.Microsecond) {
			acks++
			want[a.Writer][a.Pair] = a.Exists
			next[a.Writer] = (a.Pair + 1) % killPairs
			newest = max(newest, a.Revision)
		}
		s = open(t, path)
		snap := s.Snapshot()
		if snap.Revision() < newest || snap.Revision() > newest+killWriters {
			t.Fatalf("round %d: revision %d after %d was acknowledged", round, snap.Revision(), newest)
		}
		for w := range killWriters {
			for p := range killPairs {
				_, x := snap.Port(pairName(w, p, "x"))
				_, y := snap.Port(pairName(w, p, "y"))
				if x != y {
					t.Fatalf("round %d: half of a change of writer %d is there", round, w)
				}
				if x != want[w][p] && p != next[w] {
					t.Fatalf("round %d: writer %d pair %d: there: %t, acknowledged: %t", round, w, p, x, want[w][p])
				}
				want[w][p] = x
			}
		}
		whole(t, s)
	}
	t.Logf("%d kills, %d changes acknowledged, revision %d", rounds, acks, s.Snapshot().Revision())
	if acks < rounds {
		t.Errorf("only %d changes were acknowledged: that was no load", acks)
	}
}

// whole checks that addresses and history agree with the ports.
func whole(t *testing.T, s *Store) {
	t.Helper()
	r, err := s.CheckIPAM()
	if err != nil || len(r.Differences) > 0 {
		t.Fatalf("revision %d: %v, %v", r.Revision, r.Differences, err)
	}
	h, err := s.History(0, 50, nil)
	if err != nil || len(h) == 0 && r.Revision > 0 {
		t.Fatalf("history of revision %d: %d entries, %v", r.Revision, len(h), err)
	}
	for i, e := range h {
		if e.Revision != r.Revision-topology.Revision(i) {
			t.Fatalf("revision %d: entry %d of history is of %d", r.Revision, i, e.Revision)
		}
	}
}

// loadAndKill runs the writers on a file, kills them some time after the first
// acknowledgement, and returns all of those.
func loadAndKill(t *testing.T, path string, after time.Duration) []ack {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), killEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acks []ack
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var a ack
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			break // it died in the middle of a word, or says why it failed
		}
		if acks = append(acks, a); len(acks) == 1 {
			time.AfterFunc(after, func() {
				// It is there: nothing else ends it.
				_ = cmd.Process.Kill()
			})
		}
	}
	if err := cmd.Wait(); err == nil || len(acks) == 0 {
		t.Fatalf("the writers ended by themselves: %v, %q", err, lines.Text())
	}
	return acks
}

// writeForever changes pairs of ports in all writers, and says so.
func writeForever(t *testing.T, path string) {
	s := open(t, path)
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := json.NewEncoder(os.Stdout)
	for w := range killWriters {
		wg.Go(func() {
			for p := 0; ; p = (p + 1) % killPairs {
				x, y := pairName(w, p, "x"), pairName(w, p, "y")
				_, exists := s.Snapshot().Port(x)
				ops := []topology.Op{put(topology.KindPort, x, topology.PortSpec{Network: "a"}), put(topology.KindPort, y, topology.PortSpec{Network: "a"})}
				if exists {
					ops = []topology.Op{del(topology.KindPort, x), del(topology.KindPort, y)}
				}
				c, err := s.Apply(context.Background(), "load", ops)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				err = out.Encode(ack{w, p, !exists, c.Revision})
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Go(func() { // what is observed is saved meanwhile
		for i := 0; ; i++ {
			if err := s.SaveBindings([]store.Binding{{Port: fmt.Sprint("b", i%20), Node: "n1", Interface: fmt.Sprint("veth", i)}}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
}
