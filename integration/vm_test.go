package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// bootServer serves one file by TFTP (RFC 1350), and notes who asked for which.
type bootServer struct {
	conn net.PacketConn
	mu   sync.Mutex
	// asked has "FILE from ADDRESS".
	asked []string
}

// serveBoot serves a file of less than 512 bytes from a container until the test ends.
func (b *bed) serveBoot(c *lab.Container, name, text string) *bootServer {
	b.t.Helper()
	conn, err := c.ListenPacket("udp4", ":69")
	b.must(err)
	s := &bootServer{conn: conn}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 2000); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			const read, data, failed = 1, 3, 5
			if n < 4 || binary.BigEndian.Uint16(buf) != read {
				continue // a confirmation
			}
			file, _, _ := bytes.Cut(buf[2:n], []byte{0})
			s.mu.Lock()
			s.asked = append(s.asked, fmt.Sprintf("%s from %s", file, from.(*net.UDPAddr).IP))
			s.mu.Unlock()
			answer := append([]byte{0, failed, 0, 1}, "not found\x00"...)
			if string(file) == name {
				answer = append([]byte{0, data, 0, 1}, text...)
			}
			_, _ = conn.WriteTo(answer, from) // who asked asks again
		}
	}()
	b.t.Cleanup(func() { _ = conn.Close(); <-done })
	return s
}

// asks returns what was asked for.
func (s *bootServer) asks() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, "; ")
}

// machine returns a virtual machine of a node, its console at its standard output. Its interface is a tap on br-int, with columns
// of Open vSwitch's table as who plugs it in sets them.
func (b *bed) machine(n *lab.Node, mac string, columns []string, args ...string) *exec.Cmd {
	b.t.Helper()
	_, err := n.Exec(b.ctx, "sh", "-c", "ip tuntap add dev vm0 mode tap && ip link set dev vm0 addrgenmode none arp off up")
	b.must(err)
	_, err = n.VSCtl(b.ctx, append([]string{"add-port", "br-int", "vm0", "--", "set", "interface", "vm0"}, columns...)...)
	b.must(err)
	// Open vSwitch's datapath in userspace takes no packets whose checksum is yet to be computed.
	return n.Command(b.ctx, append([]string{
		"qemu-system-x86_64", "-machine", "pc,accel=tcg", "-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot",
		"-netdev", "tap,id=net,ifname=vm0,script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=net,mac=" + mac + ",csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ufo=off",
	}, args...)...)
}

// TestVirtualMachine: a virtual machine without a disk boots from its tap (P-DHC-07): its firmware, iPXE, gets the port's address by DHCP,
// finds the server and the file to boot where firmware looks for them, and loads that from a port on another node. The file is a
// script that says what the machine has got.
func TestVirtualMachine(t *testing.T) {
	t.Parallel()
	needs(t, "qemu-system-x86_64")
	b := newBed(t, 2)
	b.join("node1", "node2")
	b.apply(nodes(2) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24, dns: {enabled: true, domain: blue.example}, dhcp: {enabled: true, bootServer: 10.8.0.5, bootFile: boot.ipxe}}}
---
{kind: Network, name: green, spec: {cidr: 10.8.0.0/24}}
---
{kind: Router, name: r, spec: {networks: [blue, green]}}
---
{kind: Port, name: server, spec: {network: green, node: node2, ip: 10.8.0.5}}
---
{kind: Port, name: vm, spec: {network: blue}}
`)
	server := b.serveBoot(b.plug("server", "node2"), "boot.ipxe", "#!ipxe\n"+
		"imgfetch tftp://${next-server}/${net0/ip}-${netmask}-${gateway}-${dns}-${domain}-${hostname} || poweroff\npoweroff\n")
	b.bound("server")
	p, err := b.api.Port(b.ctx, "vm")
	b.must(err)
	n := b.node("node1")
	console := &strings.Builder{}
	vm := b.machine(n, p.Status.MAC, []string{"external_ids:iface-id=vm"}, "-m", "64", "-boot", "n")
	vm.Stdout, vm.Stderr = console, console
	began := time.Now()
	b.must(vm.Start())
	ended := make(chan error, 1)
	go func() { ended <- vm.Wait() }()
	defer func() {
		_ = vm.Process.Kill() // it may have ended
		<-ended
		if t.Failed() {
			t.Logf("the machine: %s", console)
		}
	}()
	want := fmt.Sprintf("boot.ipxe from %[1]s; %[1]s-255.255.255.0-10.7.0.1-10.7.0.1-blue.example-vm from %[1]s", p.Status.IP)
	b.must(lab.PollFor(b.ctx, 2*time.Minute, "the machine to boot", func(context.Context) error {
		if got := server.asks(); !strings.Contains(got, want) {
			return errors.New("asked for: " + got + "; want " + want)
		}
		return nil
	}))
	t.Logf("booted after %v", time.Since(began).Round(100*time.Millisecond))
	b.bound("vm")
	b.verify()
}
