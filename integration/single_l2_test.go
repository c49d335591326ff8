package integration

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestSingleL2 is the simple model of the examples: one layer-2 domain on one node,
// with real Docker containers plugged in by the real ovs-docker, which configures IPv4 only.
func TestSingleL2(t *testing.T) {
	t.Parallel()
	if why := lab.MissingDocker(); len(why) > 0 {
		t.Skipf("no docker here: %s", strings.Join(why, "; "))
	}
	b := newBed(t, 1)
	b.scenario("single-l2", "node1")
	b.sdnctl("port", "create", "netsho3", "--network", "containers", "--node", "node1", "--ip", "10.244.1.5", "--mac", "02:00:00:00:01:05")
	var all []*lab.Container
	for name, last := range map[string]string{"netsho1": "3", "netsho2": "4", "netsho3": "5"} {
		c, err := b.AddDockerContainer(b.ctx, lab.Container{
			Name: name, Node: "node1", IP: netip.MustParsePrefix("10.244.1." + last + "/16"), MAC: "02:00:00:00:01:0" + last,
		})
		all = append(all, must(b, c, err))
	}
	b.bound("netsho1", "netsho2", "netsho3")
	b.widened(all...)

	n := b.node("node1")
	third, err := b.Container("netsho3")
	b.must(err)
	sniffer := b.sniff(third)
	out, err := n.Exec(b.ctx, "docker", "exec", "netsho1", "ping", "-c3", "10.244.1.4")
	if !strings.Contains(must(b, out, err), " 0% packet loss") {
		t.Errorf("the ping lost packets:\n%s", out)
	}
	if got := b.frames(sniffer, receivedARPRequest); len(got) > 0 {
		t.Errorf("a third container saw ARP requests: %v", got)
	}
	out, err = n.AppCtl(b.ctx, "fdb/show", "br-int")
	if lines := strings.Count(must(b, out, err), "\n"); lines != 1 { // its heading
		t.Errorf("MAC addresses were learned:\n%s", out)
	}
	b.matrix(all, everyPair)
	b.verify()
}
