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

// Host is the machine that joins or leaves. [LocalHost] returns the machine of the process; tests
// replace its functions. All functions except Note must be set.
type Host struct {
	// Dir is the folder of node.yaml and of the certificate from an invitation; "" is
	// DefaultDir. It is created if necessary.
	Dir string
	// RunDir is the folder of Open vSwitch's sockets; "" is that of its packages. The
	// owner of the database's socket becomes the owner of the node's key.
	RunDir string
	// Exec runs a program and returns its standard output and error together.
	Exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// LocalAddr returns the source address with which this machine reaches another one;
	// the zero Addr if it cannot.
	LocalAddr func(to netip.Addr) netip.Addr
	// MTU returns the MTU, in bytes, of this machine's interface that has the address; ok
	// is false if none has it.
	MTU func(addr netip.Addr) (mtu int, ok bool)
	// Now returns the time at which certificates must be valid.
	Now func() time.Time
	// Author is the author of changes in sdnd's history, such as "user@host".
	Author string
	// Note receives messages for the user about progress. A message may have several lines;
	// it does not end with a newline. nil discards them.
	Note func(text string)
}

// LocalHost returns the machine of this process. author is the author of its changes in sdnd's
// history.
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

// machine returns the Open vSwitch of a database.
func (h Host) machine(db string, offline bool) nodeconfig.Machine {
	return nodeconfig.Machine{Exec: h.Exec, DB: db, Offline: offline}
}

// Exec runs a program of this machine and returns its standard output and error
// together. The error is that of [exec.Cmd.CombinedOutput].
func Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	return exec.CommandContext(ctx, name, args...).CombinedOutput()
}

// LocalAddr returns the source address with which this machine reaches another one. It asks the
// routing table by connecting a UDP socket, and sends no packet. It returns the zero Addr if
// there is no route, or only one over the loopback interface.
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

// MTU returns the MTU, in bytes, of this machine's interface that has the address; ok is false
// if none has it.
func MTU(addr netip.Addr) (mtu int, ok bool) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0, false
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue // the interface was removed meanwhile
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == addr {
				return i.MTU, true
			}
		}
	}
	return 0, false
}
