package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// dhcpScript is what each client runs instead of its own script, which would write the
// machine's resolv.conf. It logs its parameters, and configures the address and the routes.
const dhcpScript = `#!/bin/sh
env | grep -E '^(ip|subnet|router|routes|dns|domain|search|hostname|mtu|lease|serverid|staticroutes|siaddr|boot_file|new_.*|reason)=' | sort | sed "s/^/$1 /" >> LOG
ip=${ip:-$new_ip_address} mask=${subnet:-$new_subnet_mask} router=${router:-$new_routers}
case "$1$reason" in *deconfig*|PREINIT*|*NAK*|*nak*|*EXPIRE*|*FAIL*|*STOP*|*CARRIER*) exit 0 ;; esac
[ -n "$ip" ] && ip addr replace "$ip/$mask" dev eth0
[ -n "$router" ] && ip route replace default via "$router"
[ -n "$new_ip6_address" ] && ip -6 addr replace "$new_ip6_address/128" dev eth0
exit 0
`

// dhcpClient is a client that a test runs in a container.
type dhcpClient struct {
	b      *bed
	c      *lab.Container
	dir    string
	script string
}

// plugBare plugs a port in without configuring its address.
func (b *bed) plugBare(port, node string) *dhcpClient {
	b.t.Helper()
	c := b.plug(port, node, func(c *lab.Container) {
		c.IP, c.IP6 = lab.Container{}.IP, lab.Container{}.IP6
		c.Gateway, c.Gateway6 = lab.Container{}.Gateway, lab.Container{}.Gateway6
	})
	b.bound(port)
	d := &dhcpClient{b: b, c: c, dir: b.t.TempDir()}
	d.script = filepath.Join(d.dir, "script")
	b.must(os.WriteFile(d.script, []byte(strings.ReplaceAll(dhcpScript, "LOG", d.log())), 0o755))
	return d
}

func (d *dhcpClient) log() string { return filepath.Join(d.dir, "log") }

// said returns the parameters that the client got so far.
func (d *dhcpClient) said() string {
	b, err := os.ReadFile(d.log())
	if err != nil {
		return ""
	}
	return string(b)
}

// await waits until the client has got all of the words.
func (d *dhcpClient) await(words ...string) {
	d.b.t.Helper()
	d.awaitFor(20*time.Second, words...)
}

func (d *dhcpClient) awaitFor(within time.Duration, words ...string) {
	d.b.t.Helper()
	d.b.must(lab.PollFor(d.b.ctx, within, "the client of "+d.c.Name, func(context.Context) error {
		for _, w := range words {
			if !strings.Contains(d.said(), w) {
				return fmt.Errorf("%s does not have %q", d.said(), w)
			}
		}
		return nil
	}))
}

// start runs a client until the test ends.
func (d *dhcpClient) start(args ...string) {
	d.b.t.Helper()
	cmd := d.c.Command(d.b.ctx, args...)
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	endTogether(cmd)
	d.b.must(cmd.Start())
	d.b.t.Cleanup(func() {
		_ = cmd.Cancel() // it may have ended
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			d.b.t.Error(err)
		}
		if d.b.t.Failed() {
			d.b.t.Logf("%s: %s", args[0], out)
		}
	})
}

// endTogether has a command be killed together with the processes that it has started, as dhcpcd does.
func endTogether(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// needs skips a test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed (integration/deps.sh test)", p)
		}
	}
}

// moved has a port get another address, and waits until its client has it: its next renewal, after half of a lease at the latest, is
// refused, and it begins anew (P-DHC-04). The port keeps its MAC, as one that sdnd derives belongs to the address.
func (d *dhcpClient) moved(to, says string) {
	d.b.t.Helper()
	p, err := d.b.api.Port(d.b.ctx, d.c.Name)
	d.b.must(err)
	began := time.Now()
	d.b.sdnctl("port", "set", d.c.Name, "--ip", to, "--mac", p.Status.MAC, "--wait")
	d.awaitFor(40*time.Second, says+to+"\n") // udhcpc renews after 15 s at the earliest, and begins anew 3 s later
	d.b.t.Logf("%s has its other address after %v, with leases of 10 s", d.c.Name, time.Since(began).Round(100*time.Millisecond))
}

// TestDHCPClients: real clients get the address of their port, with MTU, default route
// and options; renew by unicast under default deny; follow the port to another address; and are refused another's
// address. systemd-networkd: [TestNetworkd].
func TestDHCPClients(t *testing.T) {
	t.Parallel()
	needs(t, "busybox", "dhclient", "dhcpcd")
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, mtu: 1400, dhcp: {enabled: true, leaseTime: 10s, dns: [10.7.0.53], domain: blue.example, search: [blue.example, more.example], routes: [{cidr: 192.168.0.0/16, via: 10.7.0.9}]}}}
---
{kind: Network, name: lone, spec: {cidr: 10.8.0.0/24, dhcp: {enabled: true}}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Policy, name: none, spec: {subject: {selector: {}}, isolates: [ingress, egress]}}
`)
	for _, p := range []string{"udhcpc", "dhclient", "dhcpcd", "reboot", "elsewhere", "flag"} {
		b.apply(fmt.Sprintf("{kind: Port, name: %s, spec: {network: blue, node: node1}}", p))
	}
	b.apply("{kind: Port, name: lone, spec: {network: lone, node: node1}}")
	address := func(port string) string {
		p, err := b.api.Port(b.ctx, port)
		b.must(err)
		return p.Status.IP
	}
	b.run("udhcpc", func(t *testing.T, b *bed) {
		d := b.plugBare("udhcpc", "node1")
		d.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", d.script, "-T", "1", "-O", "mtu", "-O", "staticroutes", "-O", "search")
		d.await("bound ip="+address("udhcpc"), "mtu=1400", "router=10.7.0.1", "dns=10.7.0.53", "domain=blue.example", "staticroutes=192.168.0.0/16 10.7.0.9 0.0.0.0/0 10.7.0.1",
			"hostname=udhcpc\n", "search=blue.example more.example\n") // P-DHC-05, P-DHC-08
		d.await("renew ip=" + address("udhcpc")) // at half of the lease, by unicast
		d.moved("10.7.0.71", "bound ip=")
	})
	b.run("dhclient", func(t *testing.T, b *bed) {
		d := b.plugBare("dhclient", "node1")
		d.start("dhclient", "-4", "-d", "-sf", d.script, "-lf", d.dir+"/leases", "-pf", d.dir+"/pid", "eth0")
		d.await("reason=BOUND", "new_ip_address="+address("dhclient"), "new_interface_mtu=1400", "new_domain_name=blue.example", "new_host_name=dhclient\n", "new_domain_search=blue.example. more.example.",
			"new_rfc3442_classless_static_routes=16 192 168 10 7 0 9 0 10 7 0 1\n")
		d.await("reason=RENEW")
		d.moved("10.7.0.72", "new_ip_address=")
	})
	b.run("dhcpcd", func(t *testing.T, b *bed) {
		d := b.plugBare("dhcpcd", "node1")
		d.start("dhcpcd", "-B", "-4", "-A", "--config", "/dev/null", "--script", d.script, "-o", "interface_mtu", "-o", "classless_static_routes", "eth0")
		d.await("reason=BOUND", "new_ip_address="+address("dhcpcd"), "new_interface_mtu=1400")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "dhcpcd's routes", func(context.Context) error { // P-DHC-05: it sets them itself
			out, err := d.c.Exec(b.ctx, "ip", "-4", "route")
			if err == nil && (!strings.Contains(out, "default via 10.7.0.1") || !strings.Contains(out, "192.168.0.0/16 via 10.7.0.9")) {
				err = errors.New(out)
			}
			return err
		}))
		d.moved("10.7.0.73", "new_ip_address=")
	})
	for port, had := range map[string]string{"reboot": "10.7.0.77", "elsewhere": "192.168.50.7"} {
		b.run("P-DHC-03, P-DHC-19: had "+had+" before", func(t *testing.T, b *bed) {
			d := b.plugBare(port, "node1")
			s := b.sniff(d.c)
			b.must(os.WriteFile(d.dir+"/leases", []byte(`lease { interface "eth0"; fixed-address `+had+`; option subnet-mask 255.255.255.0; option dhcp-lease-time 86400;
option dhcp-server-identifier 10.7.0.1; renew 4 2036/01/03 10:00:00; rebind 5 2036/01/04 10:00:00; expire 6 2036/01/05 10:00:00; }`), 0o644))
			d.start("dhclient", "-4", "-d", "-sf", d.script, "-lf", d.dir+"/leases", "-pf", d.dir+"/pid", "eth0")
			d.await("reason=BOUND", "new_ip_address="+address(port))
			var said []string
			for _, f := range b.frames(s, func(lab.Frame) bool { return true }) {
				m, to, ok := dhcpFrame(f)
				if !ok {
					continue
				}
				switch kind := m.MessageType(); {
				case kind == dhcpv4.MessageTypeRequest && len(said) == 0 && m.RequestedIPAddress().String() != had:
					t.Errorf("it asks for %s first", m.RequestedIPAddress())
				case kind == dhcpv4.MessageTypeNak && (to.String() != "255.255.255.255" || m.Options.Has(dhcpv4.OptionIPAddressLeaseTime)):
					t.Errorf("refused to %s: %s", to, m.Summary())
				}
				said = append(said, m.MessageType().String())
			}
			if got := strings.Join(said, " "); !strings.HasPrefix(got, "REQUEST NAK DISCOVER OFFER REQUEST ACK") {
				t.Errorf("they said %s", got)
			}
		})
	}
	b.run("P-DHC-06, P-DHC-20: who wants answers by broadcast gets them so", func(t *testing.T, b *bed) {
		d := b.plugBare("flag", "node1")
		s := b.sniff(d.c)
		d.start("busybox", "udhcpc", "-f", "-B", "-i", "eth0", "-s", d.script, "-T", "1")
		d.await("bound ip=" + address("flag"))
		answers := 0
		for _, f := range b.frames(s, func(f lab.Frame) bool { return !f.Sent }) {
			if m, to, ok := dhcpFrame(f); ok {
				answers++
				if to.String() != "255.255.255.255" || net.HardwareAddr(f.Data[:6]).String() != "ff:ff:ff:ff:ff:ff" || !m.IsBroadcast() {
					t.Errorf("answered to %s, %x: %s", to, f.Data[:6], m.Summary())
				}
			}
		}
		if answers < 2 {
			t.Errorf("%d answers", answers)
		}
	})
	b.run("P-DHC-21, P-DHC-10: the smallest blocks, one port by three clients", func(t *testing.T, b *bed) {
		// A network of one address, whose gateway is outside, is refused. The smallest that there is has one for each node,
		// of four, and every client reaches the gateway on its link, by the mask that it gets.
		if out := b.refused("network", "create", "single", "--cidr", "10.9.0.5/32", "--dhcp"); !strings.Contains(out, "a /32 is out of range (give a prefix from /8 to /30)") {
			t.Errorf("a network of one address: %s", out)
		}
		b.apply("{kind: Network, name: least, spec: {mode: segmented, cidr: 10.9.0.0/24, containersPerNode: 1, maxNodes: 4, dhcp: {enabled: true}}}\n---\n{kind: Port, name: least, spec: {network: least, node: node1}}")
		d := b.plugBare("least", "node1")
		p, err := b.api.Port(b.ctx, "least")
		b.must(err)
		for _, client := range [][]string{
			{"busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-s", d.script, "-T", "1", "-t", "20"},
			{"dhclient", "-4", "-1", "-d", "-sf", d.script, "-lf", d.dir + "/leases", "-pf", d.dir + "/pid", "eth0"},
			{"dhcpcd", "-B", "-4", "-A", "--config", "/dev/null", "--script", d.script, "eth0"},
		} {
			_, err := d.c.Exec(b.ctx, "ip", "-4", "addr", "flush", "dev", "eth0")
			b.must(err)
			ctx, cancel := context.WithCancel(b.ctx)
			cmd := d.c.Command(ctx, client...)
			endTogether(cmd)
			b.must(cmd.Start())
			b.must(lab.PollFor(b.ctx, 20*time.Second, client[0]+" to configure a route to the gateway", func(context.Context) error {
				out, err := d.c.Exec(b.ctx, "ip", "-4", "route", "get", p.Status.Gateway)
				if err == nil && (strings.Contains(out, " via ") || !strings.Contains(out, "dev eth0") || !strings.Contains(out, "src "+p.Status.IP)) {
					err = errors.New(out)
				}
				if err == nil {
					_, err = d.c.Exec(b.ctx, "ping", "-c", "1", "-W", "2", p.Status.Gateway)
				}
				return err
			}))
			if out, err := d.c.Exec(b.ctx, "ip", "-4", "route", "show", "default"); err != nil || !strings.Contains(out, "via "+p.Status.Gateway) {
				t.Errorf("%s: the default route is %q, %v", client[0], out, err)
			}
			cancel()
			_ = cmd.Wait() // it has ended, or was killed
		}
	})
	b.run("no router, no default route", func(t *testing.T, b *bed) {
		d := b.plugBare("lone", "node1")
		d.start("busybox", "udhcpc", "-f", "-i", "eth0", "-s", d.script, "-T", "1")
		d.await("bound ip="+address("lone"), "lease=86400")
		if strings.Contains(d.said(), "router=") {
			t.Errorf("there is a default route: %s", d.said())
		}
	})
	b.settle()
	b.verify()
}
