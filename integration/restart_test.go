package integration

import (
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestRestart: sdnd that starts again changes nothing. A switch that returns empty is
// filled again, and gets what changed meanwhile.
func TestRestart(t *testing.T) {
	b := newBed(t, 2)
	b.scenario("scale-model", "node1", "node2")
	one, far := b.plug("netsho1", "node1"), b.plug("netsho4", "node2")
	b.bound("netsho1", "netsho4")
	b.reach(one, far.IP.Addr().String())

	// Where ports are is saved a moment after they are bound, and when sdnd stops. So it is stopped before it is killed.
	for _, end := range []struct {
		name string
		sig  syscall.Signal
	}{{"stopped", syscall.SIGTERM}, {"killed", syscall.SIGKILL}} {
		name, sig := end.name, end.sig
		b.run("sdnd "+name, func(t *testing.T, b *bed) {
			sent := b.changes(func() {
				b.must(b.Controller.Stop(b.ctx, sig))
				b.reach(one, far.IP.Addr().String()) // nobody is in control, all goes on
				b.must(b.Controller.Start(b.ctx))
			}, "node1", "node2")
			if sent["node1"] != 0 || sent["node2"] != 0 {
				t.Errorf("changes sent: %v, want none", sent)
			}
			b.verify()
		})
		b.run("flows changed by others while sdnd was "+name, func(t *testing.T, b *bed) {
			b.must(b.Controller.Stop(b.ctx, sig))
			_, err := b.node("node1").OFCtl(b.ctx, "del-flows", "br-int", "table=40")
			b.must(err)
			b.must(b.Controller.Start(b.ctx))
			b.settle()
			b.reach(one, far.IP.Addr().String())
			drifts, err := b.api.Drifts(b.ctx, "")
			b.must(err)
			for _, d := range drifts.Items {
				if d.Node != "node1" || d.What != "deleted" || d.Table != "bridge" || d.By != "connection" {
					t.Errorf("reported: %+v", d)
				}
			}
			if len(drifts.Items) == 0 {
				t.Error("no drift is reported")
			}
			b.verify()
		})
	}
	b.run("the switch restarts empty", func(t *testing.T, b *bed) {
		before := b.flowSet("node2")
		b.must(b.node("node2").RestartVSwitchd(b.ctx, syscall.SIGKILL))
		b.bound("netsho4")
		if diff := cmp.Diff(before, b.flowSet("node2")); diff != "" {
			t.Errorf("flows differ (-before +after):\n%s", diff)
		}
		b.matrix([]*lab.Container{one, far}, everyPair)
		b.verify()
	})
	b.run("changes made while a node was away", func(t *testing.T, b *bed) {
		b.must(b.node("node2").StopVSwitchd(b.ctx, syscall.SIGTERM))
		b.sdnctl("port", "delete", "nginx2")
		b.sdnctl("port", "create", "meanwhile", "--network", "containers", "--node", "node2", "--ip", "10.244.2.9")
		b.must(b.node("node2").RestoreVSwitchd(b.ctx))
		late := b.plug("meanwhile", "node2")
		b.bound("meanwhile")
		b.matrix([]*lab.Container{one, far, late}, everyPair)
		b.verify()
	})
}
