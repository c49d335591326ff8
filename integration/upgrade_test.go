package integration

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// previousVar names the directory of the programs of the release before; "make
// upgrade-test" builds them.
const previousVar = "SDNLAB_PREVIOUS"

// TestUpgrade: sdnd of the release before, with 10,000 flows on each of two nodes, is
// replaced by this one on the same data file, under traffic. What differs goes in one
// bundle to each node, and no packet is lost. The way back is by the file that the
// migration kept.
func TestUpgrade(t *testing.T) {
	previous := os.Getenv(previousVar)
	if previous == "" {
		t.Skip("needs the programs of the release before: make upgrade-test")
	}
	now := os.Getenv(binVar)
	dir := t.TempDir()
	t.Setenv(binVar, dir)
	put := func(from string) {
		for _, name := range []string{"sdnd", "sdnctl"} {
			_ = os.Remove(filepath.Join(dir, name))
			if err := copyFile(filepath.Join(dir, name), filepath.Join(from, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(previous)
	b := newBed(t, 2)
	a1, b1, a2, b2 := populate(b, 10_000, blue4)
	pairs := [][2]*lab.Container{{a1, a2}, {b1, b2}}
	before := b.flowCountNow("node1")

	put(now)
	logs := map[string]*lab.ControlLog{}
	for _, node := range []string{"node1", "node2"} {
		log, err := b.node(node).WatchControl(b.ctx)
		logs[node] = must(b, log, err)
	}
	ps := b.probe(pairs...)
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	ps.flow(100)
	started := time.Now()
	b.must(b.Controller.Start(b.ctx))
	b.settle()
	t.Logf("the new sdnd is ready, and all switches compared, after %v; %d flow-mods, %d flows on node1, %d before",
		time.Since(started).Round(time.Millisecond), b.flowMods(), b.flowCountNow("node1"), before)
	ps.lossless()
	for node, log := range logs {
		got, err := log.Received(b.ctx)
		b.must(err)
		bundles, flowMods := got["OFPT_BUNDLE_CONTROL"]+got["ONFT_BUNDLE_CONTROL"], got["OFPT_FLOW_MOD"]
		if bundles > 3 || flowMods != 0 {
			t.Errorf("%s was given more than one bundle, opened, closed and committed: %v", node, got)
		}
	}
	// What was declared with the release before is there, and can be changed.
	p, err := b.api.Port(b.ctx, "a1")
	b.must(err)
	if p.Status == nil || p.Status.IP == "" {
		t.Errorf("port a1 has no address: %+v", p)
	}
	b.put("late", model.PortSpec{Network: "blue", Node: elsewhere})
	b.del(api.KindPort, "late")
	b.verify()
}
