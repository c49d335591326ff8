package nameserver

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// withUpstreams returns a topology with a network for each list of upstream servers.
func withUpstreams(t *testing.T, networks ...[]netip.Addr) *topology.Snapshot {
	t.Helper()
	b := &bed{t: t, topo: topology.NewSnapshot()}
	for i, servers := range networks {
		b.put(topology.KindNetwork, string(rune('a'+i)), topology.NetworkSpec{
			Subnets: prefixes("10.0.0.0/24"), DNS: model.DNS{Enabled: true, Upstream: servers},
		})
	}
	return b.topo
}

// TestChecker: servers that do not answer are reported, with the reason, and reported again when
// they answer; so are those that are not declared any more. The metric has those that are.
func TestChecker(t *testing.T) {
	const gone = "127.0.0.4"
	var silent atomic.Bool
	port := serve(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		if silent.Load() {
			return
		}
		if err := w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeRefused)); err != nil {
			t.Error(err)
		}
	})
	c := NewChecker(port)
	var topo atomic.Pointer[topology.Snapshot]
	topo.Store(withUpstreams(t, addrs("127.0.0.1"), addrs("127.0.0.1", gone)))
	ctx, cancel := context.WithCancel(t.Context())
	reports, ended := make(chan map[netip.Addr]string, 16), make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, topo.Load, func(failing map[netip.Addr]string) { reports <- failing })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	await := func(what string, want map[netip.Addr]string, nudge func()) {
		t.Helper()
		timeout, nudges := time.After(patience), time.NewTicker(50*time.Millisecond)
		defer nudges.Stop()
		var got map[netip.Addr]string
		for !maps.Equal(got, want) || got == nil {
			select {
			case got = <-reports:
			case <-nudges.C:
				nudge()
			case <-timeout:
				t.Fatalf("%s: %v, want %v", what, got, want)
			}
		}
	}
	none := func() {}
	at := netip.MustParseAddr
	await("nobody is at one", map[netip.Addr]string{at(gone): "connection refused"}, none)
	// A question that is not answered has its server checked before its time.
	silent.Store(true)
	await("one is silent", map[netip.Addr]string{at(gone): "connection refused", at("127.0.0.1"): "no answer"}, func() {
		c.Noted(at("127.0.0.1"), errors.New("no answer"))
		c.Noted(at("127.0.0.9"), errors.New("no answer")) // not declared
	})
	for server, want := range map[string]float64{"127.0.0.1": 0, gone: 0} {
		if got := testutil.ToFloat64(c.up.WithLabelValues(server)); got != want {
			t.Errorf("the metric of %s is %v", server, got)
		}
	}
	silent.Store(false)
	await("it answers again", map[netip.Addr]string{at(gone): "connection refused"}, none)
	if got := testutil.ToFloat64(c.up.WithLabelValues("127.0.0.1")); got != 1 {
		t.Errorf("the metric of the one that answers is %v", got)
	}
	topo.Store(withUpstreams(t, addrs("127.0.0.1")))
	await("the other one is not declared any more", map[netip.Addr]string{}, none)
	if n := testutil.CollectAndCount(c.up); n != 1 {
		t.Errorf("%d servers in the metric", n)
	}
	topo.Store(withUpstreams(t, addrs(gone)))
	await("it is again, and no longer the first", map[netip.Addr]string{at(gone): "connection refused"}, none)
}

// TestNotedByQuestions: the server that a question went to is noted, with what it did. A server
// that refuses has answered.
func TestNotedByQuestions(t *testing.T) {
	port := serve(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if strings.HasPrefix(q.Question[0].Name, "refused.") {
			m.Rcode = dns.RcodeRefused
		}
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	})
	noted := map[netip.Addr]bool{}
	u := Upstream{Port: port, Noted: func(server netip.Addr, err error) { noted[server] = err == nil }}
	for name, want := range map[string]map[netip.Addr]bool{
		"good.example.":    {netip.MustParseAddr("127.0.0.4"): false, netip.MustParseAddr("127.0.0.1"): true},
		"refused.example.": {netip.MustParseAddr("127.0.0.4"): false},
	} {
		clear(noted)
		servers := []string{"127.0.0.4", "127.0.0.1", "127.0.0.5"}
		if _, err := exchange(t, u, 512, new(dns.Msg).SetQuestion(name, dns.TypeA), servers[:2]...); err != nil {
			t.Error(err)
		}
		if name == "refused.example." { // the last one may refuse: it is the answer
			want[netip.MustParseAddr("127.0.0.1")] = true
		}
		if !maps.Equal(noted, want) {
			t.Errorf("%s: %v, want %v", name, noted, want)
		}
	}
}

// TestFailure: errors are said in few words, which do not differ from one question to the next.
func TestFailure(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.ReadFrom(make([]byte, 1))
	if got := failure(err); got != "no answer" {
		t.Errorf("%v: %q", err, got)
	}
	if got := failure(context.DeadlineExceeded); got != "no answer" {
		t.Error(got)
	}
}
