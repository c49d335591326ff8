package integration

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// kernelFolder is where integration/deps.sh unpacks Debian's kernel for virtual machines: vmlinuz, and the modules of its interface.
const kernelFolder = "/var/cache/sdnctl/kernel"

// initramfs writes the files of testdata/vm, busybox and the modules as a file that the kernel unpacks into its memory.
func (b *bed) initramfs() (file string) {
	b.t.Helper()
	dir := b.t.TempDir()
	file = filepath.Join(dir, "initramfs")
	out, err := exec.CommandContext(b.ctx, "sh", "-ec", `root=$1/root
mkdir -p $root/bin $root/etc $root/modules $root/dev
cp testdata/vm/* $root
cp $2/*.ko $root/modules
cp -L "$(command -v busybox)" $root/bin/busybox
cd $root && find . | busybox cpio -o -H newc > $1/initramfs`, "sh", dir, kernelFolder).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %s", err, out)
	}
	return file
}

// TestVM: Linux in a virtual machine, plugged in as libvirt does it, gets its address, MTU, router and name server by DHCP, and
// finds and reaches its gateway and a port of another network on another node, by packets of full size and by TCP.
func TestVM(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-system-x86_64", "busybox")
	kernel := filepath.Join(kernelFolder, "vmlinuz")
	if _, err := os.Stat(kernel); err != nil {
		t.Skip("no kernel for a virtual machine (integration/deps.sh ci)")
	}
	b := newBed(t, 2)
	b.join("node1", "node2")
	const id = "8f2d1a3e-6b1c-4a73-9f0e-0d6f0c5d1a77"
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, mtu: 1400, dhcp: {enabled: true}, dns: {enabled: true, domain: blue.example}}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24, dns: {enabled: true, domain: green.example}}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: server, spec: {network: green, node: node2, ip: 10.8.0.5}}
---
{kind: Port, name: vm, spec: {network: blue, interfaceID: ` + id + `}}
`)
	b.greets(b.plug("server", "node2"))
	b.bound("server")
	p, err := b.api.Port(b.ctx, "vm")
	b.must(err)
	ctx, cancel := context.WithTimeout(b.ctx, 4*time.Minute)
	defer cancel()
	vm := b.machine(b.node("node1"), p.Status.MAC, []string{
		"external_ids:attached-mac=" + strings.ReplaceAll(p.Status.MAC, ":", `\:`), "external_ids:iface-id=" + id,
		"external_ids:iface-status=active", "external_ids:vm-id=0b1f3c52-8f5e-4c39-9f43-5a0d2f7a8f10",
	}, "-m", "96", "-global", "virtio-net-pci.romfile=", "-kernel", kernel, "-initrd", b.initramfs(),
		"-append", "console=ttyS0 quiet panic=-1 no_timer_check peer=10.8.0.5 name=server.green.example") // a busy machine's timers fail that check
	began := time.Now()
	stop := context.AfterFunc(ctx, func() { _ = vm.Process.Kill() })
	defer stop()
	out, err := vm.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("booted, reported and ended in %v", time.Since(began).Round(100*time.Millisecond))
	reports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if _, report, ok := strings.Cut(line, "vm: "); ok {
			what, said, _ := strings.Cut(strings.TrimSpace(report), ":")
			reports[what] = said
		}
	}
	for what, want := range map[string]string{
		"address": " " + p.Status.IP + "/24 ", "link": " mtu 1400 ", "route": "default via 10.7.0.1 ", "gateway": " 0% packet loss",
		"peer": " 0% packet loss", "full": " 0% packet loss", "name": "10.8.0.5", "tcp": "hello " + p.Status.IP,
	} {
		if !strings.Contains(reports[what], want) {
			t.Errorf("%s: %q, want %q in it", what, reports[what], want)
		}
	}
	if t.Failed() {
		t.Logf("the machine: %s", out)
	}
	b.bound("vm")
	b.verify()
}

// greets runs a server of HTTP in a container until the test ends, which says hello to whom it sees.
func (b *bed) greets(c *lab.Container) {
	b.t.Helper()
	l, err := c.Listen("tcp4", ":80")
	b.must(err)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.RemoteAddr, ":")
		_, _ = io.WriteString(w, "hello "+host)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it was closed
	}()
	b.t.Cleanup(func() { _ = server.Close(); <-done })
}
