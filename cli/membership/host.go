package membership

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

// DefaultDir is the folder of the node's files unless [Host].Dir says otherwise.
const DefaultDir = "/etc/sdnctl"

// defaultRunDir is where Open vSwitch has its sockets.
const defaultRunDir = "/var/run/openvswitch"

// Host is what joining and leaving use of the machine they run on. [LocalHost]
// makes that of the process; tests replace its functions. All functions but Note
// must be set.
type Host struct {
	// Dir is the folder of node.yaml and of the certificate that an invitation
	// gave; "" is DefaultDir. It is made when it is needed.
	Dir string
	// RunDir is where Open vSwitch has its sockets; "" is that of its packages. The
	// user that owns the database's socket there may read the node's key.
	RunDir string
	// Exec runs a program and returns its standard output and error together.
	Exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// LocalAddr is this machine's address from which it would reach another, the
	// zero Addr when it would not.
	LocalAddr func(to netip.Addr) netip.Addr
	// MTU is that of this machine's interface that has an address, in bytes; ok
	// is false when none has it.
	MTU func(addr netip.Addr) (mtu int, ok bool)
	// Now is the clock by which certificates are valid.
	Now func() time.Time
	// Author is recorded by sdnd beside each change, as "user@host".
	Author string
	// Note gets what a person should read, as it happens: what is about to be done,
	// what is done, what is waited for. The text has no newline at its end and may
	// have some within. nil is for nobody.
	Note func(text string)
}

// LocalHost returns the machine that the process runs on, whose changes sdnd
// records as those of author.
func LocalHost(author string) Host {
	return Host{
		Dir:       os.Getenv("SDNCTL_DIR"),
		RunDir:    os.Getenv("OVS_RUNDIR"),
		Exec:      Exec,
		LocalAddr: LocalAddr,
		MTU:       MTU,
		Now:       time.Now,
		Author:    author,
	}
}

func (h Host) dir() string { return cmp.Or(h.Dir, DefaultDir) }

// file returns the name of one of the node's files.
func (h Host) file(name string) string { return filepath.Join(h.dir(), name) }

func (h Host) note(format string, args ...any) {
	if h.Note != nil {
		h.Note(fmt.Sprintf(format, args...))
	}
}

// machine is the Open vSwitch that has a database.
func (h Host) machine(db string, offline bool) nodeconfig.Machine {
	return nodeconfig.Machine{Exec: h.Exec, DB: db, Offline: offline}
}

// Exec runs a program of this machine and returns its standard output and error
// together. The error is that of [exec.Cmd.CombinedOutput].
func Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	return exec.CommandContext(ctx, name, args...).CombinedOutput()
}

// LocalAddr returns this machine's address from which it would reach another: it
// asks the routing table, by connecting a UDP socket. No packet is sent. It is the
// zero Addr when there is no route, or only one over the loopback interface.
func LocalAddr(to netip.Addr) netip.Addr {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 1)))
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil || local.Addr().IsLoopback() {
		return netip.Addr{}
	}
	return local.Addr().Unmap()
}

// MTU returns that of the interface of this machine that has an address, in bytes;
// ok is false when none has it.
func MTU(addr netip.Addr) (mtu int, ok bool) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0, false
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == addr {
				return i.MTU, true
			}
		}
	}
	return 0, false
}
