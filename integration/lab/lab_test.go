package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// requireLab skips the test if no lab can start here, and returns one without
// controller otherwise.
func requireLab(t *testing.T, nodes int) (*Lab, context.Context) {
	t.Helper()
	if why := Missing(); len(why) > 0 {
		t.Skipf("no lab here: %v", why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	l, err := Up(ctx, Options{Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := l.Down(ctx); err != nil {
			t.Error(err)
		}
	})
	return l, ctx
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestLab(t *testing.T) {
	l, ctx := requireLab(t, 2)
	a := must[*Container](t)(l.AddContainer(ctx, Container{Name: "a", Node: "node1", IP: netip.MustParsePrefix("10.0.0.1/24"), MAC: "02:00:00:00:00:01"}))
	b := must[*Container](t)(l.AddContainer(ctx, Container{Name: "b", Node: "node1", IP: netip.MustParsePrefix("10.0.0.2/24"), InterfaceID: "b"}))
	c := must[*Container](t)(l.AddContainer(ctx, Container{Name: "c", Node: "node2", IP: netip.MustParsePrefix("10.0.0.3/24")}))
	n1, n2 := l.Nodes[0], l.Nodes[1]
	for _, n := range l.Nodes {
		must[string](t)(n.OFCtl(ctx, "add-flow", "br-int", "actions=normal"))
	}
	// A tunnel made by hand shows that the underlay carries VXLAN.
	for n, peer := range map[*Node]*Node{n1: n2, n2: n1} {
		must[string](t)(n.VSCtl(ctx, "add-port", "br-int", "tun", "--", "set", "interface", "tun",
			"type=vxlan", "options:key=7", "options:remote_ip="+peer.Addr.String()))
	}
	sniffer := must[*Sniffer](t)(b.Sniff())
	if err := CheckMatrix(ctx, []*Container{a, b, c}, func(from, to *Container) bool { return true }); err != nil {
		t.Fatal(err)
	}
	// Nothing but what is asked may be the answer.
	err := CheckReach(ctx, []Reach{{From: a, To: b.IP.Addr(), Want: true}, {From: a, To: c.IP.Addr()}, {From: b, To: netip.MustParseAddr("10.0.0.9")}})
	if err == nil || !strings.Contains(err.Error(), "reaches 10.0.0.3") || strings.Contains(err.Error(), "10.0.0.9") {
		t.Errorf("a reaches c, which was said to be wrong, and nobody is 10.0.0.9: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err = CheckReach(short, []Reach{{From: a, To: b.IP.Addr(), Want: true}, {From: b, To: netip.MustParseAddr("10.0.0.9"), Want: true}})
	if err == nil || !strings.Contains(err.Error(), "no answer from 10.0.0.9") || strings.Contains(err.Error(), "from 10.0.0.2") {
		t.Errorf("nobody is 10.0.0.9, and all others are there: %v", err)
	}
	arps := 0
	for _, f := range must[[]Frame](t)(sniffer.Frames(ctx)) {
		if q, ok := f.ARP(); ok && !f.Sent && q.Op == ARPRequest {
			arps++
		}
	}
	if arps == 0 {
		t.Error("no ARP request was seen on a flooding network")
	}
	if err := sniffer.Close(); err != nil {
		t.Error(err)
	}
	log := must[*ControlLog](t)(n1.WatchControl(ctx))
	if n := must[int](t)(log.Changes(ctx)); n != 0 {
		t.Errorf("%d changes from a controller that does not exist", n)
	}
	if err := n2.RestartVSwitchd(ctx, 9); err != nil {
		t.Fatal(err)
	}
	must[string](t)(n2.OFCtl(ctx, "add-flow", "br-int", "actions=normal"))
	if err := c.Move(ctx, "node1"); err != nil {
		t.Fatal(err)
	}
	must[Reply](t)(a.Reaches(ctx, c.IP.Addr()))
	again := must[*Lab](t)(Open(l.ID))
	if all := must[[]*Container](t)(again.Containers()); len(all) != 3 || all[2].Node != "node1" {
		t.Errorf("a lab that was opened again has containers %v", all)
	}
}

func TestDocker(t *testing.T) {
	if why := MissingDocker(); len(why) > 0 {
		t.Skipf("no docker here: %v", why)
	}
	l, ctx := requireLab(t, 1)
	must[string](t)(l.Nodes[0].OFCtl(ctx, "add-flow", "br-int", "actions=normal"))
	a := must[*Container](t)(l.AddDockerContainer(ctx, Container{Name: "c1", Node: "node1", IP: netip.MustParsePrefix("10.0.0.1/24"), MAC: "02:00:00:00:00:01"}))
	b := must[*Container](t)(l.AddDockerContainer(ctx, Container{Name: "c2", Node: "node1", IP: netip.MustParsePrefix("10.0.0.2/24")}))
	must[Reply](t)(a.Reaches(ctx, b.IP.Addr()))
	must[string](t)(l.Nodes[0].Exec(ctx, "docker", "exec", "c1", "ping", "-c1", "10.0.0.2"))
	if err := b.Remove(ctx); err != nil {
		t.Error(err)
	}
}

// TestDownAfterCrash: what is left when nothing could be put in order is found
// by the id alone.
func TestDownAfterCrash(t *testing.T) {
	l, ctx := requireLab(t, 1)
	must[*Container](t)(l.AddContainer(ctx, Container{Name: "a", Node: "node1", IP: netip.MustParsePrefix("10.0.0.1/24")}))
	if len(MissingDocker()) == 0 {
		must[*Container](t)(l.AddDockerContainer(ctx, Container{Name: "c1", Node: "node1", IP: netip.MustParsePrefix("10.0.0.2/24")}))
		for _, daemon := range []string{"dockerd", "containerd"} {
			for _, pid := range must[[]int](t)(l.processes()) {
				if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.TrimSpace(string(name)) == daemon {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	if err := os.Remove(filepath.Join(l.Dir, "lab.json")); err != nil {
		t.Error(err)
	}
	if ids := must[[]string](t)(List()); !slices.Contains(ids, l.ID) {
		t.Errorf("%s is not among %v", l.ID, ids)
	}
	if err := must[*Lab](t)(Find(l.ID)).Down(ctx); err != nil {
		t.Error(err)
	}
	if left := must[[]int](t)(l.processes()); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	if ids := must[[]string](t)(List()); slices.Contains(ids, l.ID) {
		t.Errorf("%s is still among %v", l.ID, ids)
	}
	mounts := must[[]byte](t)(os.ReadFile("/proc/self/mountinfo"))
	if strings.Contains(string(mounts), l.Dir) {
		t.Errorf("mounts left:\n%s", mounts)
	}
}
