package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestCapture has tshark read a whole session, from the first HELLO on.
func TestCapture(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"tshark", "tcpdump"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s: apt-get install %s", program, program)
		}
	}
	b := newBed(t, 2)
	file := filepath.Join(t.TempDir(), "session.pcap")
	dump := b.Controller.Command(b.ctx, "tcpdump", "--immediate-mode", "-i", "underlay", "-U", "-s0", "-Z", "root", "-w", file, "tcp port 6653")
	b.must(dump.Start())
	// Wait for its file: the test would not notice what tcpdump has not captured yet.
	b.must(lab.PollFor(b.ctx, 10*time.Second, "tcpdump to listen", func(context.Context) error {
		// The header is written once the capture runs.
		if st, err := os.Stat(file); err != nil || st.Size() == 0 {
			return errors.New("it has written nothing")
		}
		return nil
	}))
	b.scenario("scale-model", "node1", "node2")
	one, far := b.plug("netsho1", "node1"), b.plug("netsho4", "node2")
	b.bound("netsho1", "netsho4")
	b.reach(one, far.IP.Addr().String())
	b.sdnctl("port", "delete", "nginx1", "--wait")
	b.verify() // reads all flows back
	b.must(dump.Process.Signal(os.Interrupt))
	b.must(dump.Wait())

	read := func(filter string) []string {
		out, err := exec.CommandContext(b.ctx, "tshark", "-n", "-r", file, "-d", "tcp.port==6653,openflow",
			"-Y", filter, "-T", "fields", "-e", "frame.number", "-e", "openflow_v4.type", "-e", "_ws.expert.message").CombinedOutput()
		if err != nil {
			t.Fatalf("tshark: %v\n%s", err, out)
		}
		var lines []string
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "Running as") && strings.TrimSpace(line) != "" {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		return lines
	}
	all := read("openflow_v4")
	if len(all) < 20 {
		t.Errorf("tshark saw %d frames with OpenFlow 1.3, too few for a session", len(all))
	}
	if bad := read("openflow && (_ws.malformed || _ws.short)"); len(bad) > 0 {
		t.Errorf("tshark calls malformed:\n%s", strings.Join(bad, "\n"))
	}
	t.Logf("tshark read %d frames", len(all))
}
