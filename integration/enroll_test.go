package integration

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// secondOfSdnd is another address of sdnd's machine than nodes use.
const secondOfSdnd = "198.51.100.77"

// TestEnroll starts with an sdnd without configuration and ends with two nodes that ping
// each other, by one command on each: OpenFlow and OVSDB use TLS, and sdnd restarts between
// an invitation and its use.
func TestEnroll(t *testing.T) {
	t.Parallel()
	b := newBed(t, 2)
	restart := func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.must(b.Controller.Start(b.ctx, "--insecure=false"))
	}
	b.must(b.Controller.Command(b.ctx, "ip", "addr", "add", secondOfSdnd+"/32", "dev", "underlay").Run())
	restart()
	lines := map[string]string{}
	for _, name := range []string{"node1", "node2"} {
		lines[name] = strings.TrimPrefix(strings.TrimSpace(b.sdnctl("node", "invite", name)), "sudo ")
		if !strings.HasPrefix(lines[name], "sdnctl node join "+name+" --controller "+b.Controller.Addr.String()+" --token SDNCTL-") {
			t.Fatalf("the line is %q", lines[name])
		}
	}
	restart()
	for name, line := range lines {
		n := b.node(name)
		out, err := n.Exec(b.ctx, "sh", "-c", line+" 2>&1")
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		b.joined = append(b.joined, n)
	}
	b.settle()
	for _, name := range []string{"node1", "node2"} {
		got, err := b.api.Node(b.ctx, name)
		s := must(b, got, err).Status
		if !s.OVSDB || !s.TunnelPort || s.CertificateExpires == nil || got.Spec.TunnelIP != b.node(name).Addr {
			t.Errorf("%s: %+v", name, s)
		}
	}
	b.run("the token works once", func(t *testing.T, _ *bed) {
		out, err := b.node("node2").Exec(b.ctx, "sh", "-c", lines["node1"]+" --take-over --no-wait 2>&1")
		if err == nil || !strings.Contains(out, "used already") {
			t.Errorf("%v: %s", err, out)
		}
		// The failed attempt changed nothing on the node that made it.
		if out, err := b.node("node2").Exec(b.ctx, "sdnctl", "node", "renew", "--within=1h"); err != nil {
			t.Errorf("after a token of another node: %v: %s", err, out)
		}
	})
	b.run("its line again changes nothing", func(t *testing.T, _ *bed) {
		out, err := b.node("node2").Exec(b.ctx, "sh", "-c", lines["node2"]+" 2>&1")
		if err != nil || !strings.Contains(out, "sdnd reports that node2 is connected") {
			t.Errorf("%v: %s", err, out)
		}
	})
	b.run("a look whether sdnd can be reached is no switch", func(t *testing.T, b *bed) {
		b.on(b.node("node1"), "bash -c 'exec 3<>/dev/tcp/"+b.Controller.Addr.String()+"/6653'")
		if all := b.awaitSwitches(0); len(all) > 0 {
			t.Errorf("%+v", all)
		}
	})
	b.run("plain TCP gets in from sdnd's own machine only", func(t *testing.T, _ *bed) {
		out, err := b.node("node2").Exec(b.ctx, "sh", "-c", "bash -c 'exec 3<>/dev/tcp/"+b.Controller.Addr.String()+"/6653; printf \"\\\\004\\\\000\\\\000\\\\010\\\\000\\\\000\\\\000\\\\001\" >&3; timeout 3 cat <&3' | wc -c")
		if err != nil || strings.TrimSpace(out) != "0" && strings.TrimSpace(out) != "7" { // at most a TLS alert
			t.Errorf("%v: %q", err, out)
		}
	})
	if _, err := b.Controller.Apply(b.ctx, `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Port, name: near, spec: {network: blue}}
---
{kind: Port, name: far, spec: {network: blue}}
`); err != nil {
		t.Fatal(err)
	}
	near, far := b.plug("near", "node1"), b.plug("far", "node2")
	b.bound("near")
	b.bound("far")
	b.matrix([]*lab.Container{near, far}, everyPair)
	b.run("by an uplink ports reach no address of sdnd", func(t *testing.T, b *bed) {
		n := b.node("node1")
		b.on(n, "ip route add "+secondOfSdnd+" via "+b.Controller.Addr.String())
		b.on(n, lines["node1"]+" --uplink host 2>&1")
		if _, err := b.Controller.Apply(b.ctx, `
{kind: Uplink, name: wan}
---
{kind: Router, name: r, spec: {networks: [blue], egress: {uplink: wan}}}
`); err != nil {
			t.Fatal(err)
		}
		b.settle()
		reaches := func(inside func(func() error) error, at string) error {
			return inside(func() error {
				conn, err := (&net.Dialer{Timeout: briefly}).Dial("tcp", at)
				if err == nil {
					err = conn.Close()
				}
				return err
			})
		}
		for _, a := range []string{b.Controller.Addr.String(), secondOfSdnd} {
			b.must(lab.PollFor(b.ctx, 20*time.Second, "a way out to "+a, func(ctx context.Context) error {
				_, err := near.Reaches(ctx, netip.MustParseAddr(a))
				return err
			}))
			for _, port := range []string{"6653", "6640", "8453"} {
				at := net.JoinHostPort(a, port)
				if err := reaches(n.Inside, at); err != nil {
					t.Errorf("the node itself to %s: %v", at, err)
				}
				if err := reaches(near.Inside, at); err == nil {
					t.Errorf("a port reaches %s", at)
				}
			}
		}
	})
	b.run("renew", func(t *testing.T, _ *bed) {
		expires := func() time.Time {
			got, err := b.api.Node(b.ctx, "node1")
			return *must(b, got, err).Status.CertificateExpires
		}
		before := expires()
		<-time.After(time.Second) // certificates tell time in seconds
		if out, err := b.node("node1").Exec(b.ctx, "sdnctl", "node", "renew"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		b.on(b.node("node1"), "ovs-appctl bridge/reconnect br-int")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "node1 to connect with its new certificate", func(context.Context) error {
			if now := expires(); !now.After(before) {
				return fmt.Errorf("it expires on %v", now)
			}
			return nil
		}))
		b.bound("near")
	})
}
