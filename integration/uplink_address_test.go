package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// leaseScript is what a DHCP client of a node runs. It logs what happens, and sets the address with
// the lifetime of its lease, as the scripts of dhclient do.
const leaseScript = `#!/bin/sh
case "$1" in
bound | renew) ip addr replace "$ip/$mask" dev "$interface" valid_lft "$lease" preferred_lft "$lease" ;;
deconfig) ip addr flush dev "$interface" scope global ;;
esac
echo "$1 $ip" >> LOG
`

// TestUplinkBridgeAddress: P-NS-09: a network card with an address by DHCP becomes part of the bridge
// of an uplink. Joining is refused, with the address and the end of its lease, which is then lost. With
// the client on the bridge the node joins, and keeps its address.
func TestUplinkBridgeAddress(t *testing.T) {
	t.Parallel()
	needs(t, "busybox", "nft")
	b := &bridgeBed{&outsideBed{bed: newBed(t, 1)}, lab.Outside{}.Addr}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	dir := t.TempDir()
	server := filepath.Join(dir, "udhcpd.conf")
	b.must(os.WriteFile(server, []byte(strings.ReplaceAll(`interface lan
start 192.0.2.20
end 192.0.2.30
max_leases 11
option subnet 255.255.255.0
option lease 20
lease_file DIR/leases
pidfile DIR/udhcpd.pid
`, "DIR", dir)), 0o600))
	b.must(os.WriteFile(filepath.Join(dir, "leases"), nil, 0o600))
	b.start(b.outside.Command(b.ctx, "busybox", "udhcpd", "-f", server))
	n := b.node("node1")
	client := func(dev string) (log func() string, end func()) {
		file, script := filepath.Join(dir, dev+".log"), filepath.Join(dir, dev+".sh")
		b.must(os.WriteFile(script, []byte(strings.ReplaceAll(leaseScript, "LOG", file)), 0o755))
		end = b.start(n.Command(b.ctx, "busybox", "udhcpc", "-f", "-i", dev, "-s", script, "-t", "20", "-T", "1", "-A", "1"))
		return func() string {
			text, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				b.t.Error(err)
			}
			return string(text)
		}, end
	}
	waitFor := func(what string, log func() string, times int, event string) {
		b.t.Helper()
		b.must(lab.PollFor(b.ctx, time.Minute, what, func(context.Context) error {
			if text := log(); strings.Count(text, event) < times {
				return fmt.Errorf("the client did %q", text)
			}
			return nil
		}))
	}
	join := func(more ...string) (string, error) {
		args := append([]string{"sdnctl", "node", "join", "node1", "--uplink", "bridge:" + lab.ExternalBridge,
			"--controller", b.Controller.Addr.String(), "--tunnel-ip", n.Addr.String(), "--no-wait"}, more...)
		out, err := n.Command(b.ctx, args...).CombinedOutput()
		return string(out), err
	}
	refused := func(words ...string) {
		b.t.Helper()
		out, err := join()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 5 {
			b.t.Errorf("joining: %v, want exit code 5:\n%s", err, out)
		}
		for _, w := range append(words, "network card ex in bridge br-ex", "nothing was changed", "--allow-nic-address") {
			if !strings.Contains(out, w) {
				b.t.Errorf("the refusal has no %q:\n%s", w, out)
			}
		}
		b.t.Log(out)
	}
	bridges := func() string {
		out, err := n.VSCtl(b.ctx, "--columns=name,ports,controller,fail_mode,external_ids", "list", "bridge")
		return must(b.bed, out, err)
	}
	// Open vSwitch gives a bridge the MAC of a card, but not of an interface whose MAC is made up.
	_, err = n.Exec(b.ctx, "ip", "link", "set", "ex", "address", "00:16:3e:00:00:99")
	b.must(err)
	_, err = n.VSCtl(b.ctx, "set", "interface", "ex", "external_ids:card=yes") // has it look
	b.must(err)
	before := bridges()
	onCard, end := client("ex")
	waitFor("a lease on the card", onCard, 1, "bound ")
	// The userspace datapath reads copies of what arrives. This is what the kernel's datapath does:
	// what is for the bridge does not reach the card's own addresses.
	_, err = n.Exec(b.ctx, "nft", "add table netdev taken; add chain netdev taken in { type filter hook ingress device ex priority 0; policy drop; }")
	b.must(err)
	card := leased(onCard())
	refused(card+"/24 (dynamic, its lease ends in ", "br-ex, which has no address, instead of ex, also the DHCP client", "ip addr flush dev ex scope global")
	if now := bridges(); now != before {
		t.Errorf("a refused join changed bridges:\n%s\nbefore:\n%s", now, before)
	}
	waitFor("the address to be lost", onCard, 2, "deconfig") // the first is at the start
	end()
	// The administrator moves the client.
	_, err = n.Exec(b.ctx, "ip", "link", "set", lab.ExternalBridge, "up")
	b.must(err)
	onBridge, _ := client(lab.ExternalBridge)
	waitFor("a lease on the bridge", onBridge, 1, "bound ")
	if out, err := join(); err != nil {
		t.Fatalf("joining with the client on the bridge: %v:\n%s", err, out)
	}
	b.joined = append(b.joined, n)
	waitFor("two renewals, after which the first lease is over", onBridge, 2, "renew ")
	address := leased(onBridge())
	if address != card {
		t.Errorf("the bridge, which has the MAC of the card, got the address %s, the card had %s", address, card)
	}
	if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "1", "-W", "5", address); err != nil {
		t.Errorf("the node is not reached at %s: %v: %s", address, err, out)
	}
	if text := onBridge(); strings.Count(text, "deconfig") > 1 {
		t.Errorf("the node lost its address meanwhile:\n%s", text)
	}
	// A fixed address on the card, which is refused also when the node joins again.
	_, err = n.Exec(b.ctx, "ip", "addr", "add", "192.0.2.40/24", "dev", "ex")
	b.must(err)
	refused("192.0.2.40/24; the bridge takes", "br-ex, which has "+address+"/24, instead of ex,")
	out, err := join("--allow-nic-address")
	if err != nil || !strings.Contains(out, "note: network card ex in bridge br-ex has an address of this machine: 192.0.2.40/24") {
		t.Errorf("with --allow-nic-address: %v:\n%s", err, out)
	}
}

// leased returns the address of the last line that the script of a client wrote.
func leased(log string) string {
	words := strings.Fields(log)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// start starts a program, which ends with the test, or by the function.
func (b *bed) start(cmd *exec.Cmd) (end func()) {
	b.t.Helper()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	b.must(cmd.Start())
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		_ = cmd.Process.Kill() // it may have ended
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			b.t.Error(err)
		}
		if b.t.Failed() {
			b.t.Logf("%s: %s", cmd.Args, &out)
		}
	}
	b.t.Cleanup(end)
	return end
}
