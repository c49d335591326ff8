package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// attachBed is a bed with two nodes, Docker, and networks of every kind.
type attachBed struct{ *bed }

const attachTopology = `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Network, name: routed, spec: {cidr: 10.8.0.0/24}}
---
{kind: Network, name: far, spec: {cidr: 10.9.0.0/24}}
---
{kind: Router, name: main, spec: {networks: [routed, far]}}
---
{kind: Network, name: segmented, spec: {mode: segmented, subnets: [{cidr: 10.244.0.0/16}, {cidr: "fd00:244::/56"}], containersPerNode: 250, maxNodes: 20}}
---
{kind: Network, name: six, spec: {cidr: "fd00:6::/64"}}
`

// TestAttach: containers, namespaces and processes get their ports by one command, packets
// of every size pass, and nothing is left after detach.
func TestAttach(t *testing.T) {
	if why := lab.MissingDocker(); len(why) > 0 {
		t.Skipf("no docker here: %s", strings.Join(why, "; "))
	}
	b := attachBed{newBed(t, 2)}
	b.must(b.StartDocker(b.ctx))
	b.join("node1", "node2")
	b.apply(nodes(2) + attachTopology)
	b.docker("node1", "web")
	b.docker("node2", "db")
	b.attach("node1", "web", "--network", "segmented")
	b.attach("node2", "db", "--network", "segmented", "--label", "tier=db")
	web, db := b.adopt("node1", "web"), b.adopt("node2", "db")

	b.part("packets of every size and TCP pass between nodes", func(t *testing.T, b attachBed) {
		b.full(web, db)
		b.transfer(web, db)
	})
	b.part("the gateway answers", func(t *testing.T, b attachBed) {
		b.reach(web, b.port("web").Status.Gateway)
		if got := b.inside(web, "ip", "route", "show", "default"); !strings.Contains(got, "via 10.244.") {
			t.Errorf("default route %q", got)
		}
	})
	b.part("IPv6, beside IPv4 and alone", func(t *testing.T, b attachBed) {
		links := b.port("db").Status.Addresses
		if len(links) != 2 {
			t.Fatalf("db has %v", links)
		}
		// At once, without waiting for duplicate address detection.
		b.inside(web, "ping", "-n", "-c", "1", "-W", "2", links[1].IP)
		b.inside(web, "ping", "-n", "-c", "1", "-W", "2", b.port("web").Status.Addresses[1].Gateway)
		if got := b.inside(web, "ip", "-6", "route", "show", "default"); !strings.Contains(got, "via fd00:244:0:") {
			t.Errorf("default route %q", got)
		}
		b.attach("node1", "web", "--network", "six", "--interface", "eth6")
		b.attach("node2", "db", "--network", "six", "--interface", "eth6")
		b.inside(web, "ping", "-n", "-c", "1", "-W", "2", b.port("db-eth6").Status.IP)
		if got := b.inside(web, "ip", "-4", "addr", "show", "eth6"); got != "" {
			t.Errorf("eth6: %s", got)
		}
		b.detach("node1", "web", "--interface", "eth6")
		b.detach("node2", "db", "--interface", "eth6")
	})
	b.part("a second interface keeps the default route; no gateway where none answers", func(t *testing.T, b attachBed) {
		before := b.inside(web, "ip", "route", "show", "default")
		b.attach("node1", "web", "--network", "routed", "--interface", "eth1", "--ip", "10.8.0.77", "--mac", "02:77:00:00:00:01")
		b.attach("node1", "web", "--network", "blue", "--interface", "eth2")
		if got := b.inside(web, "ip", "route", "show", "default"); got != before {
			t.Errorf("default route %q, before %q", got, before)
		}
		if got := b.inside(web, "ip", "addr", "show", "eth1"); !strings.Contains(got, "10.8.0.77/24") || !strings.Contains(got, "02:77:00:00:00:01") || !strings.Contains(got, "mtu 1450") {
			t.Errorf("eth1: %s", got)
		}
		b.detach("node1", "web", "--interface", "eth1")
		b.detach("node1", "web", "--interface", "eth2")
	})
	b.part("an MTU that the machines between cannot carry is warned about", func(t *testing.T, b attachBed) {
		b.sdnctl("network", "create", "large", "--cidr", "10.66.0.0/24", "--mtu", "9000")
		out, err := b.node("node1").Exec(b.ctx, "sh", "-c", "sdnctl attach web --network large --interface eth3 2>&1")
		says(t, must(b.bed, out, err), "warning: network/large: its MTU is 9000", "fix: sdnctl network set large --mtu 1450")
		b.detach("node1", "web", "--interface", "eth3")
	})
	b.part("a namespace and a process", func(t *testing.T, b attachBed) {
		// Not by a node's Exec: "ip netns exec" has mounts of its own.
		ns := strings.Replace(b.node("node2").Netns, "-node2", "-plain", 1)
		b.must(exec.CommandContext(b.ctx, "ip", "netns", "add", ns).Run())
		b.attach("node2", "plain", "--netns", ns, "--network", "segmented")
		out, err := b.node("node2").Exec(b.ctx, "docker", "inspect", "--format", "{{.State.Pid}}", "db")
		b.attach("node2", "by-pid", "--pid", strings.TrimSpace(must(b.bed, out, err)), "--network", "blue", "--interface", "eth1", "--port", "by-pid")
		b.reach(web, b.port("plain").Status.IP)
		b.detach("node2", "by-pid")
		// The namespace is deleted, and --gc finds what is left of it.
		b.must(exec.CommandContext(b.ctx, "ip", "netns", "del", ns).Run())
		b.gone("node2", "plain")
	})
	b.part("again changes nothing, not a flow and not the address", func(t *testing.T, b attachBed) {
		counts := b.changes(func() { b.attach("node1", "web"); b.attach("node1", "web", "--network", "segmented") }, "node1", "node2")
		for node, n := range counts {
			if n != 0 {
				t.Errorf("%d flow changes on %s", n, node)
			}
		}
		b.reach(web, db.IP.Addr().String())
	})
	b.part("a restarted container is attached again with the same address", func(t *testing.T, b attachBed) {
		_, err := b.node("node1").Exec(b.ctx, "docker", "restart", "--time", "0", "web")
		b.must(err)
		_, err = b.node("node1").Exec(b.ctx, "sdnctl", "attach", "--again", "--wait=20s")
		b.must(err)
		if again := b.adopt("node1", "web"); again.IP != web.IP || again.MAC != web.MAC {
			t.Errorf("now %s %s, before %s %s", again.IP, again.MAC, web.IP, web.MAC)
		} else {
			b.full(again, db)
		}
	})
	b.part("a declared port is used as it is, and stays", func(t *testing.T, b attachBed) {
		b.sdnctl("port", "create", "fixed", "--network", "segmented", "--node", "node1", "--interface-id", "3c5e-vm")
		b.docker("node1", "fixed")
		b.attach("node1", "fixed")
		b.reach(b.adopt("node1", "fixed"), db.IP.Addr().String())
		b.detach("node1", "fixed")
		if !b.declared("fixed") {
			t.Error("the port is gone")
		}
	})
	b.part("what fails leaves nothing", func(t *testing.T, b attachBed) {
		before := b.traces("node1")
		for _, args := range [][]string{
			{"nope", "--network", "segmented"},
			{"web2", "--network", "nope"},
			{"web2", "--network", "segmented", "--interface", "eth0", "--ip", "10.99.0.1"},
			{"web2", "--network", "segmented", "--port", "db"},
			{"web2", "--network", "segmented", "--interface", "lo"},
			{"web2"},
		} {
			b.dockerOnce("node1", "web2")
			if out, err := b.node("node1").Exec(b.ctx, append([]string{"sdnctl", "attach"}, args...)...); err == nil {
				t.Errorf("attach %v: %s", args, out)
			}
		}
		if after := b.traces("node1"); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
	b.part("containers that are gone are cleaned up after", func(t *testing.T, b attachBed) {
		n := b.node("node2")
		_, err := n.Exec(b.ctx, "docker", "stop", "--time", "0", "db")
		b.must(err)
		// The kernel removes a namespace when nothing holds it any more, and mounts of
		// other programs may hold it for a while.
		b.must(lab.PollFor(b.ctx, time.Minute, "the device to go with the container", func(ctx context.Context) error {
			links, err := n.Exec(ctx, "ip", "-o", "link", "show")
			if err == nil && strings.Contains(links, db.Interface) {
				err = errors.New(links)
			}
			return err
		}))
		_, err = n.Exec(b.ctx, "sdnctl", "attach", "--gc")
		b.must(err)
		if rows, err := n.VSCtl(b.ctx, "list-ports", "br-int"); err != nil || strings.Contains(rows, db.Interface) || !b.declared("db") {
			t.Errorf("stopped: %v, ports of the bridge %s", err, rows)
		}
		_, err = n.Exec(b.ctx, "docker", "rm", "db")
		b.must(err)
		b.gone("node2", "db")
		b.detach("node1", "web")
	})
	b.verify()
}

func (b attachBed) part(name string, f func(t *testing.T, b attachBed)) {
	b.run(name, func(t *testing.T, part *bed) { f(t, attachBed{part}) })
}

// docker runs a container without a network.
func (b attachBed) docker(node, name string) {
	b.t.Helper()
	_, err := b.node(node).Exec(b.ctx, "docker", "run", "--detach", "--network", "none", "--name", name, lab.Image)
	b.must(err)
}

func (b attachBed) dockerOnce(node, name string) {
	b.t.Helper()
	if _, err := b.node(node).Exec(b.ctx, "docker", "inspect", name); err != nil {
		b.docker(node, name)
	}
}

func (b attachBed) attach(node, name string, args ...string) {
	b.t.Helper()
	_, err := b.node(node).Exec(b.ctx, append([]string{"sdnctl", "attach", name, "--wait=20s"}, args...)...)
	b.must(err)
}

func (b attachBed) detach(node, name string, args ...string) {
	b.t.Helper()
	_, err := b.node(node).Exec(b.ctx, append([]string{"sdnctl", "detach", name}, args...)...)
	b.must(err)
}

// adopt registers a container that is attached with the lab.
func (b attachBed) adopt(node, name string) *lab.Container {
	b.t.Helper()
	c, err := b.AdoptDocker(b.ctx, b.node(node), lab.Container{Name: name, Interface: b.port(name).Status.Interface})
	return must(b.bed, c, err)
}

func (b attachBed) inside(c *lab.Container, args ...string) string {
	b.t.Helper()
	out, err := c.Exec(b.ctx, args...)
	return must(b.bed, out, err)
}

func (b attachBed) port(name string) api.Port {
	b.t.Helper()
	p, err := b.api.Port(b.ctx, name)
	return must(b.bed, p, err)
}

func (b attachBed) declared(port string) bool {
	_, err := b.api.Port(b.ctx, port)
	return err == nil
}

// gone runs --gc on a node until a port is no longer declared, and nothing is left of it.
func (b attachBed) gone(node, port string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, port+" to be collected", func(ctx context.Context) error {
		out, err := b.node(node).Exec(ctx, "sdnctl", "attach", "--gc")
		if err == nil && b.declared(port) {
			err = errors.New(out)
		}
		return err
	}))
	if left := b.traces(node); strings.Contains(left, "port/"+port+"\n") {
		b.t.Errorf("left:\n%s", left)
	}
}

// traces returns everything that attach may leave: ports of br-int, devices, declarations.
func (b attachBed) traces(node string) string {
	b.t.Helper()
	n := b.node(node)
	rows, err := n.VSCtl(b.ctx, "list-ports", "br-int")
	b.must(err)
	links, err := n.Exec(b.ctx, "ip", "-o", "link", "show", "type", "veth")
	b.must(err)
	var names []string
	for line := range strings.Lines(links) {
		names = append(names, strings.Fields(line)[1])
	}
	return fmt.Sprintf("%s\n%v\n%s", rows, names, b.sdnctl("port", "list", "--no-headers"))
}

// full pings with packets as long as the MTU allows, which may not be fragmented.
func (b attachBed) full(from, to *lab.Container) {
	b.t.Helper()
	b.reach(from, to.IP.Addr().String())
	size := fmt.Sprint(b.port(from.Name).Status.MTU - 28) // IPv4 and ICMP
	out, err := from.Exec(b.ctx, "ping", "-n", "-M", "do", "-s", size, "-c", "3", "-i", "0.2", "-W", "1", to.IP.Addr().String())
	if err != nil {
		b.t.Errorf("%s bytes from %s to %s: %v\n%s", size, from.Name, to.Name, err, out)
	}
}

// transfer sends some MB by TCP and counts what arrives.
func (b attachBed) transfer(from, to *lab.Container) {
	b.t.Helper()
	const total = 8 << 20
	l, err := to.Listen("tcp", net.JoinHostPort(to.IP.Addr().String(), "5201"))
	b.must(err)
	defer l.Close()
	received := make(chan int64, 1)
	go func() {
		defer close(received)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		n, _ := io.Copy(io.Discard, c)
		received <- n
	}()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	c, err := from.Dial(ctx, "tcp", l.Addr().String())
	b.must(err)
	defer c.Close()
	b.must(c.SetDeadline(time.Now().Add(20 * time.Second)))
	start := time.Now()
	_, err = c.Write(make([]byte, total))
	b.must(err)
	b.must(c.Close())
	if n := <-received; n != total {
		b.t.Errorf("%d of %d bytes arrived", n, total)
	}
	b.t.Logf("%d bytes in %v", total, time.Since(start))
}
