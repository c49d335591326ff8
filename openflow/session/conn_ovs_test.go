package session

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/ovstest"
	"github.com/sdnctl/sdnctl/openflow"
)

// ovs is an Open vSwitch of the test's own, and a listener for its bridge br0.
type ovs struct {
	*ovstest.OVS
	tb   testing.TB
	addr string // of ln
	ln   *net.TCPListener
}

// startOVS starts an Open vSwitch whose bridge br0 connects to the listener of accept.
// The packets that p2 sends are in p2.pcap. It skips the test if Open vSwitch is not
// installed.
func startOVS(tb testing.TB) *ovs {
	tb.Helper()
	o := &ovs{OVS: ovstest.Start(tb), tb: tb}
	o.ln = o.Listen()
	o.addr = o.ln.Addr().String()
	o.Vsctl("set", "interface", "p2", "options:tx_pcap="+o.Path("p2.pcap"))
	return o
}

// accept makes br0 connect to the test, and returns the connection.
func (o *ovs) accept() net.Conn {
	o.tb.Helper()
	o.connect(o.addr)
	return o.acceptNext()
}

// connect points br0 at a controller's address.
func (o *ovs) connect(addr string) {
	o.tb.Helper()
	o.SetController("5000", addr)
}

func (o *ovs) acceptNext() net.Conn {
	o.tb.Helper()
	return o.Accept(o.ln)
}

// session connects br0 and does the handshake. Run is under way until the test
// ends.
func (o *ovs) session(cfg Config) *Session {
	o.tb.Helper()
	s, err := Handshake(context.Background(), o.accept(), cfg)
	if err != nil {
		o.tb.Fatal(err)
	}
	runSession(o.tb, s)
	return s
}

// runSession runs s until the test ends.
func runSession(tb testing.TB, s *Session) {
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	tb.Cleanup(func() {
		s.Close()
		if err := <-ended; tb.Failed() {
			tb.Logf("session ended: %v", err)
		}
	})
}

// eventually waits for something outside this process.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	tb.Fatalf("waited in vain until %s", what)
}

// testFlow returns the i-th of many flows that differ in their match.
func testFlow(i int) openflow.Flow {
	ip := [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
	return openflow.Flow{
		Table: 10, Priority: 100, Cookie: openflow.Cookie(i) + 1,
		Match:        openflow.Match{}.EthType(0x0800).IPv4Dst(prefix32(ip)),
		Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.Output(2)),
	}
}

// testMods returns n flow-mods that add testFlows, encoded into one buffer.
func testMods(n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		var b []byte
		for i := range n {
			f := testFlow(i)
			if b = f.AppendAdd(b[:0], 0); !yield(b) {
				return
			}
		}
	}
}

func (o *ovs) countFlows() string {
	return fmt.Sprint(strings.Count(o.Ofctl("dump-flows"), "cookie="))
}
