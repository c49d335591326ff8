package integration

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestReliabilityRestart: sdnd that stops, in whatever way, and starts again sends nothing
// and loses no packet, however many flows there are: 10,000, and 100,000 in the long form.
func TestReliabilityRestart(t *testing.T) {
	sizes := []int{10_000}
	if long() {
		sizes = append(sizes, 100_000)
	}
	for _, flows := range sizes {
		t.Run(fmt.Sprint(flows), func(t *testing.T) {
			ownPrograms(t)
			b := newBed(t, 2)
			started := time.Now()
			a1, b1, a2, b2 := populate(b, flows, blue4, blue6)
			t.Logf("%d flows on each node, %v after they were declared to sdnd", b.flowCount("node1"), time.Since(started))
			pairs := [][2]*lab.Container{{a1, a2}, {b1, b2}}
			b.run("flows are looked at", lookedAt(pairs))
			b.run("killed", func(t *testing.T, b *bed) {
				restarts(b, pairs, func() { b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL)) })
			})
			b.run("stopped", func(t *testing.T, b *bed) {
				restarts(b, pairs, func() { b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM)) })
			})
			b.run("replaced by another version", func(t *testing.T, b *bed) {
				restarts(b, pairs, func() {
					replaceSdnd(b)
					b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
				})
			})
			b.run("whose pipeline differs", differs(pairs))
			b.verify()
		})
	}
}

// restarts stops sdnd by end and starts it again, under traffic.
func restarts(b *bed, pairs [][2]*lab.Container, end func()) {
	b.t.Helper()
	witnesses := []*witness{b.witness("node1"), b.witness("node2")}
	ps := b.probe(pairs...)
	end()
	ps.flow(100)
	started := time.Now()
	b.must(b.Controller.Start(b.ctx))
	ready := time.Since(started)
	b.settle()
	compared := time.Since(started)
	if n := b.flowMods(); n != 0 {
		b.t.Errorf("%d flow-mods were sent, by sdnd's own word", n)
	}
	b.put("late", model.PortSpec{Network: "blue", Node: elsewhere})
	b.t.Logf("after the start: ready in %v, all switches compared in %v, first change confirmed in %v",
		ready, compared, time.Since(started))
	ps.lossless()
	for i, w := range witnesses {
		// The change made since must be the first that the switch has seen.
		w.await(b, "event=ADDED", "table=80")
		// Invalidations, the flows that match bits of the mark, change with each stamp.
		got := slices.DeleteFunc(w.matching(), func(e event) bool { return strings.Contains(e.text, "pkt_mark=") })
		if len(got) != flowsElsewhere(blue4, blue6)+1 {
			b.t.Errorf("node%d says that %d flows changed, want those of the change made since and the stamp: %v", i+1, len(got), got[:min(len(got), 7)])
		}
	}
	b.del(api.KindPort, "late")
}

// differs makes the switches have, when sdnd starts, what another version of it might have
// left: the same matches, those of the traffic among them, with other cookies. sdnd
// replaces all of them, in one bundle, under that traffic.
func differs(pairs [][2]*lab.Container) func(*testing.T, *bed) {
	return func(t *testing.T, b *bed) {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		for _, node := range []string{"node1", "node2"} {
			t.Logf("%s: %d flows have other cookies", node, otherCookies(b, node, 500))
		}
		logs := map[string]*lab.ControlLog{}
		if n := b.flowCountNow("node1"); n < 50_000 {
			// It prints every flow that sdnd reads back, which is too much for more of
			// them.
			for _, node := range []string{"node1", "node2"} {
				log, err := b.node(node).WatchControl(b.ctx)
				logs[node] = must(b, log, err)
			}
		}
		ps := b.probe(pairs...)
		b.must(b.Controller.Start(b.ctx))
		b.settle()
		if n := b.flowMods("add", "delete"); n != 2*2*500 {
			t.Errorf("%d flow-mods were sent, want 500 deletions and 500 additions to each of 2 nodes", n)
		}
		ps.lossless()
		for node, log := range logs {
			got, err := log.Received(b.ctx)
			b.must(err)
			bundles, flowMods := got["OFPT_BUNDLE_CONTROL"]+got["ONFT_BUNDLE_CONTROL"], got["OFPT_FLOW_MOD"]
			if bundles != 3 || flowMods != 0 {
				t.Errorf("%s was not given one bundle, opened, closed and committed: %v", node, got)
			}
		}
		b.verify()
	}
}

// flowCountNow returns how many flows a node has, also while sdnd is stopped.
func (b *bed) flowCountNow(node string) int {
	b.t.Helper()
	n, err := b.node(node).FlowCount(b.ctx)
	return must(b, n, err)
}

// otherCookies gives n flows of a node another cookie, the node's own and those
// of a1, b1, a2 and b2 first, and returns how many it gave. It leaves invalidations, the flows
// that match bits of the mark, as they are: sdnd counts them with the stamp.
func otherCookies(b *bed, node string, n int) int {
	b.t.Helper()
	flows, err := b.node(node).Flows(b.ctx)
	b.must(err)
	live := regexp.MustCompile(`table=(0|40|60|90)\b|10\.64\.0\.[2-5]\b|02:00:0[^ ]*:0[2-5]\b`)
	cookie := regexp.MustCompile(`cookie=0x([0-9a-f]*)([0-9a-f]),`)
	var first, rest []string
	for _, f := range flows {
		if strings.Contains(f, "pkt_mark=") {
			continue
		}
		other := "0"
		if cookie.FindStringSubmatch(f)[2] == other {
			other = "1"
		}
		changed := cookie.ReplaceAllString(f, "cookie=0x${1}"+other+",")
		if live.MatchString(f) {
			first = append(first, changed)
		} else {
			rest = append(rest, changed)
		}
	}
	all := append(first, rest...)[:n]
	add := b.node(node).Command(b.ctx, "ovs-ofctl", "-O", "OpenFlow13", "--bundle", "add-flows", "br-int", "-")
	add.Stdin = strings.NewReader(strings.Join(all, "\n") + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		b.t.Fatalf("ovs-ofctl add-flows: %v: %s", err, out)
	}
	return len(all)
}

// ownPrograms gives the test programs of its own, which it may replace.
func ownPrograms(t *testing.T) {
	t.Helper()
	if len(lab.Missing()) > 0 {
		return // the test will be skipped
	}
	dir := t.TempDir()
	for _, name := range []string{"sdnd", "sdnctl"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(os.Getenv(binVar), name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(binVar, dir)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// replaceSdnd replaces the program of the running sdnd, as an upgrade of its package does,
// by one without symbols.
func replaceSdnd(b *bed) {
	b.t.Helper()
	place := filepath.Join(os.Getenv(binVar), "sdnd")
	build := exec.CommandContext(b.ctx, "go", "build", "-ldflags", "-s -w", "-o", place+".new", "../controller/sdnd")
	if out, err := build.CombinedOutput(); err != nil {
		b.t.Fatalf("build another program: %v\n%s", err, out)
	}
	was, err := os.Stat(place)
	b.must(err)
	now, err := os.Stat(place + ".new")
	b.must(err)
	if was.Size() == now.Size() {
		b.t.Fatal("the other program is the same")
	}
	b.must(os.Rename(place+".new", place))
}
