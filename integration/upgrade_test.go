package integration

import (
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// previousVar names the directory with the programs of the previous release; "make
// upgrade-test" builds them.
const previousVar = "SDNLAB_PREVIOUS"

// TestUpgrade: sdnd of the previous release, with 10,000 flows on each of two nodes, is
// replaced by this one on the same data file, under traffic. What differs is sent in one
// bundle to each node, and no packet is lost. A policy is in force from the beginning if
// the previous release has policies, and else from the upgrade on. The way back is the file
// that the migration kept.
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
	policy := object(b, "judged", model.PolicySpec{
		Subject: selects("app", "judged"), Ingress: []model.PolicyRule{{Action: model.ActionAllow, Peers: []model.PolicyPeer{{PolicySelection: selects("app", "client")}}}},
	})
	b.label("b1", "client")
	b.label("b2", "judged")
	_, err := b.api.Put(b.ctx, policy, 0)
	had := err == nil
	t.Logf("the release before has policies: %t (%v)", had, err)
	b.settle()
	before := b.flowCountNow("node1")

	put(now)
	logs := map[string]*lab.ControlLog{}
	for _, node := range []string{"node1", "node2"} {
		log, err := b.node(node).WatchControl(b.ctx)
		logs[node] = must(b, log, err)
	}
	ps := b.probe(pairs...)
	denied := func() {
		t.Helper()
		b.must(lab.CheckReach(b.ctx, []lab.Reach{{From: a1, To: b2.IP.Addr()}, {From: a2, To: b2.IP.Addr()}, {From: b1, To: b2.IP.Addr(), Want: true}}))
	}
	if had {
		denied()
	}
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	ps.flow(100)
	if had {
		denied()
	}
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
	// What was declared with the previous release exists, and can be changed.
	p, err := b.api.Port(b.ctx, "a1")
	b.must(err)
	if p.Status == nil || p.Status.IP == "" {
		t.Errorf("port a1 has no address: %+v", p)
	}
	if !had {
		o, err := b.api.Put(b.ctx, policy, 0)
		b.confirmed(result{o.Meta.Revision, err})
	}
	denied()
	// The network gets IPv6 beside IPv4; ports that are declared again get an address of it.
	b.put("blue", model.NetworkSpec{Subnets: []model.Subnet{{Prefix: netip.MustParsePrefix(blue4)}, {Prefix: netip.MustParsePrefix(blue6)}}})
	for _, c := range []*lab.Container{a1, b1, a2, b2} {
		o, err := b.api.Object(b.ctx, api.KindPort, c.Name)
		b.must(err)
		o, err = b.api.Put(b.ctx, o, 0)
		b.confirmed(result{o.Meta.Revision, err})
	}
	b.widened(a1, b1, a2, b2)
	b.must(lab.CheckMatrix(b.ctx, []*lab.Container{a1, b1, a2, b2}, func(from, to *lab.Container) bool { return to != b2 || from == b1 }))
	b.put("late", model.PortSpec{Network: "blue", Node: elsewhere})
	b.del(api.KindPort, "late")
	b.verify()
}

// selects selects the ports with a label.
func selects(key, value string) model.PolicySelection {
	return model.PolicySelection{Selector: &model.Selector{MatchLabels: map[string]string{key: value}}}
}

// label gives a port a label "app" and waits until that is confirmed.
func (b *bed) label(port, app string) {
	b.t.Helper()
	o, err := b.api.Object(b.ctx, api.KindPort, port)
	b.must(err)
	o.Labels = map[string]string{"app": app}
	o, err = b.api.Put(b.ctx, o, 0)
	b.confirmed(result{o.Meta.Revision, err})
}
