package reconcile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/openflow/session"
)

// TestLookIsNoSwitch: a connection that ends or says nothing before it has proven
// who it is is not listed as a switch; one that proves the wrong thing is.
func TestLookIsNoSwitch(t *testing.T) {
	for _, tt := range []struct {
		err    error
		listed int
	}{
		{io.EOF, 0},
		{io.ErrUnexpectedEOF, 0},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, 0},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 0},
		{errors.New("certificate signed by unknown authority"), 1},
		{errors.New("first record does not look like a TLS handshake"), 1},
	} {
		f := &Fabric{board: status.New(time.Now, "br-int", false)}
		f.showUnproven(&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}, fmt.Errorf("tls handshake: %w", tt.err))
		if n := len(f.Switches()); n != tt.listed {
			t.Errorf("%v: %d are listed, want %d", tt.err, n, tt.listed)
		}
	}
}

// TestOldVersionIsRefused: of a switch that does not speak OpenFlow 1.3 it is shown what it
// offers and the command that lets it in.
func TestOldVersionIsRefused(t *testing.T) {
	f := &Fabric{board: status.New(time.Now, "br-lan", false), cfg: Config{Bridge: "br-lan"}}
	f.showRefused(&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 4711}, fmt.Errorf("handshake: %w", &session.VersionError{Offered: []uint8{1}}))
	all := f.Switches()
	if len(all) != 1 || !strings.Contains(all[0].Reason, "1.0") || all[0].Action != "on that machine: ovs-vsctl set bridge br-lan protocols=OpenFlow13" {
		t.Errorf("%+v", all)
	}
}
