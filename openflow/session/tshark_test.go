package session

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An independent reader of the protocol finds nothing malformed in a whole
// session with a real Open vSwitch.
func TestOVSConversationInTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skipf("needs tshark: %v", err)
	}
	o := startOVS(t)
	conn := &recordingConn{Conn: o.accept()}
	if _, err := converse(t.Context(), conn, o.world()); err != nil {
		t.Fatal(err)
	}
	file := o.Path("session.pcap")
	if err := os.WriteFile(file, pcap(conn.said), 0o644); err != nil {
		t.Fatal(err)
	}
	read := func(args ...string) string {
		t.Helper()
		var complaints bytes.Buffer
		cmd := exec.Command(tshark, append([]string{"-n", "-r", file, "-d", "tcp.port==6653,openflow"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+o.Path(""))
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v\n%s", err, &complaints)
		}
		return strings.TrimSpace(string(out))
	}
	if bad := read("-Y", "_ws.malformed || _ws.expert.severity == error", "-V"); bad != "" {
		t.Errorf("tshark finds malformed:\n%.4000s", bad)
	}
	// It must have read them as OpenFlow to judge.
	if n := len(strings.Fields(read("-Y", "openflow_v4", "-T", "fields", "-e", "frame.number"))); n != len(conn.said) {
		t.Errorf("tshark reads %d messages as OpenFlow 1.3, of %d", n, len(conn.said))
	}
}

// pcap returns the conversation as a capture file of a TCP connection, a packet
// for each message, from switch 10.0.0.1 to port 6653 of controller 10.0.0.2.
func pcap(said conversation) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 1<<18)
	b = le.AppendUint32(b, 101) // raw IP
	ends := [2]struct {
		ip   byte
		port uint16
		seq  uint32
	}{{2, 6653, 1}, {1, 40000, 1}}
	at := time.Unix(1_700_000_000, 0)
	segment := func(from int, flags byte, payload []byte) {
		src, dst := &ends[from], &ends[1-from]
		n := 40 + len(payload)
		b = le.AppendUint32(b, uint32(at.Unix()))
		b = le.AppendUint32(b, uint32(at.Nanosecond()/1000))
		b = le.AppendUint32(b, uint32(n))
		b = le.AppendUint32(b, uint32(n))
		at = at.Add(time.Millisecond)
		b = append(b, 0x45, 0, byte(n>>8), byte(n), 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, src.ip, 10, 0, 0, dst.ip)
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, src.port), dst.port)
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, src.seq), dst.seq)
		b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
		b = append(b, payload...)
		src.seq += uint32(len(payload))
	}
	const most = 32 << 10
	for _, m := range said {
		from := 0
		if m.bySwitch {
			from = 1
		}
		for rest := m.frame; len(rest) > 0; {
			n := min(len(rest), most)
			segment(from, 0x18, rest[:n])
			rest = rest[n:]
		}
	}
	return b
}
