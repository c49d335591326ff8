package reconcile_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// tlsBed is a Fabric that switches reach by TLS, or by plain TCP.
type tlsBed struct {
	*testing.T
	plain     bool
	authority *pki.Authority
	store     store.Store
	fabric    *reconcile.Fabric
	addr      string
}

func newTLSBed(t *testing.T) *tlsBed {
	t.Helper()
	return newIdentityBed(t, reconcile.Config{
		Identify: func(ctx context.Context, conn net.Conn) (reconcile.Proof, error) {
			node, expires, err := pki.NodeOf(ctx, conn)
			return reconcile.Proof{Node: node, Expires: expires}, err
		},
	})
}

// newIdentityBed returns a bed where connections prove who they are if the
// configuration says how.
func newIdentityBed(t *testing.T, cfg reconcile.Config) *tlsBed {
	t.Helper()
	a, err := pki.NewAuthority("test", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b := &tlsBed{T: t, authority: a, plain: cfg.Identify == nil}
	b.store, err = bolt.Open(filepath.Join(t.TempDir(), "test.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.fabric, err = reconcile.New(cfg, b.store)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := a.IssueServer([]string{"sdnd"}, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.addr = ln.Addr().String()
	config := b.source(issued).Server(tls.RequireAndVerifyClientCert)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.fabric.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running.Go(func() {
		if !b.plain {
			ln = pki.NewListener(ln, config)
		}
		if err := b.fabric.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *tlsBed) source(i pki.Issued) *pki.Source {
	b.Helper()
	dir := b.TempDir()
	files := pki.Files{CA: filepath.Join(dir, "ca.crt"), Cert: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key")}
	ca, err := b.authority.Encode()
	if err == nil {
		err = ca.Write(files.CA, filepath.Join(dir, "ca.key"), true)
	}
	if err == nil {
		err = i.Write(files.Cert, files.Key, true)
	}
	if err != nil {
		b.Fatal(err)
	}
	s, err := pki.Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// dial returns a way to the Fabric from an address with a certificate.
func (b *tlsBed) dial(from, certificate string) func(context.Context) (net.Conn, error) {
	b.Helper()
	issued, err := b.authority.IssueClient(pki.Identity{Kind: pki.Node, Name: certificate}, time.Now(), time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	config := b.source(issued).Client("127.0.0.1")
	config.ServerName = "sdnd"
	plain := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	if b.plain {
		return func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", b.addr) }
	}
	d := tls.Dialer{NetDialer: plain, Config: config}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", b.addr) }
}

// connect keeps a switch connected that says it is a node, until the test ends
// or stop is called.
func (b *tlsBed) connect(from, certificate, node string) (stop func()) {
	b.Helper()
	return b.connectAs(from, certificate, simswitch.Config{DatapathID: openflow.DatapathID(model.DatapathIDFor(node))})
}

// connectAs is connect for a switch that is as cfg says; without a datapath id
// it has that of the certificate.
func (b *tlsBed) connectAs(from, certificate string, cfg simswitch.Config) (stop func()) {
	b.Helper()
	if cfg.DatapathID == 0 {
		cfg.DatapathID = openflow.DatapathID(model.DatapathIDFor(certificate))
	}
	cfg.Backoff = 20 * time.Millisecond
	s := simswitch.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	dial := b.dial(from, certificate)
	running.Go(func() { s.Run(ctx, dial) })
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	b.Cleanup(stop)
	return stop
}

func (b *tlsBed) declare(names ...string) {
	b.Helper()
	var ops []topology.Op
	for i, name := range names {
		ip := netip.AddrFrom4([4]byte{10, 0, 0, byte(len(name) + i)})
		ops = append(ops, put(topology.KindNode, name, topology.NodeSpec{TunnelIP: ip}))
	}
	if _, err := b.store.Apply(b.Context(), "test", ops); err != nil {
		b.Fatal(err)
	}
}

func (b *tlsBed) await(what string, ok func() bool) {
	b.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			b.Fatalf("never: %s; switches: %+v", what, b.fabric.Switches())
		}
	}
}

// listed reports whether a switch at an address is listed for a reason.
func (b *tlsBed) listed(from, reason string) bool {
	for _, s := range b.fabric.Switches() {
		if strings.HasPrefix(s.Address, from+":") && strings.Contains(s.Reason, reason) {
			return true
		}
	}
	return false
}

// at reports whether a node is connected from an address.
func (b *tlsBed) at(node, from string) bool {
	s, _ := b.fabric.NodeStatus(node)
	return s.Connected && s.InSync && strings.HasPrefix(s.Address, from+":")
}

// TestCertificateBindsSwitchToNode: a switch is only the node that its
// certificate names, whoever comes first, and before and after the node is
// declared.
func TestCertificateBindsSwitchToNode(t *testing.T) {
	const honest, rogue = "127.0.0.2", "127.0.0.3"
	forged := fmt.Sprintf("datapath id %v, which is that of node node1, but its certificate is for node node2", model.DatapathIDFor("node1"))
	t.Run("declared", func(t *testing.T) {
		b := newTLSBed(t)
		b.declare("node1", "node2")
		b.connect(rogue, "node2", "node1")
		b.await("the rogue is listed", func() bool { return b.listed(rogue, forged) })
		b.connect(honest, "node1", "node1")
		b.await("node1 is connected", func() bool { return b.at("node1", honest) })
		if s, _ := b.fabric.NodeStatus("node1"); time.Until(s.CertificateExpires) > time.Minute || time.Until(s.CertificateExpires) <= 0 {
			t.Errorf("its certificate expires %v", s.CertificateExpires)
		}
		since, _ := b.fabric.NodeStatus("node1")
		b.connect("127.0.0.4", "node2", "node1") // while node1 is connected
		b.await("the next is listed", func() bool { return b.listed("127.0.0.4", forged) })
		if now, _ := b.fabric.NodeStatus("node1"); now.Since != since.Since || now.Address != since.Address {
			t.Errorf("node1 was disturbed: %+v, before %+v", now, since)
		}
	})
	t.Run("declared later", func(t *testing.T) {
		b := newTLSBed(t)
		b.connect(rogue, "node2", "node1")
		b.await("the rogue waits", func() bool { return b.listed(rogue, "no declared node") })
		b.connect(honest, "node1", "node1")
		b.await("the honest waits", func() bool { return b.listed(honest, "datapath id") })
		b.declare("node1")
		b.await("node1 is connected", func() bool { return b.at("node1", honest) })
		b.await("the rogue is refused", func() bool { return b.listed(rogue, forged) })
	})
}

// TestWithoutProofNothingIsTaken: who speaks plain TCP, or has the certificate
// of a user, does not get as far as OpenFlow, and is listed.
func TestWithoutProofNothingIsTaken(t *testing.T) {
	b := newTLSBed(t)
	plain := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.5")}}
	conn, err := plain.DialContext(t.Context(), "tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{4, 0, 0, 8, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	b.await("plain TCP is listed", func() bool { return b.listed("127.0.0.5", "plain TCP where TLS is required") })
}

// TestAdmitOVSDB: who may say what interfaces a bridge has.
func TestAdmitOVSDB(t *testing.T) {
	b := newTLSBed(t)
	b.declare("node1", "node2")
	b.await("both are known", func() bool { return b.fabric.View().Topo.NumNodes() == 2 })
	one, other := uint64(model.DatapathIDFor("node1")), uint64(model.DatapathIDFor("foreign"))
	for _, tt := range []struct {
		conn ovsdb.Conn
		ok   bool
	}{
		{ovsdb.Conn{DatapathID: one, Node: "node1"}, true},
		{ovsdb.Conn{DatapathID: one, Node: "node2"}, false},
		{ovsdb.Conn{DatapathID: other, Node: "node2"}, true}, // no node's, so nobody uses its reports
		{ovsdb.Conn{DatapathID: one}, true},                  // without TLS
	} {
		if err := b.fabric.AdmitOVSDB(tt.conn); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.conn, err)
		}
	}
}

// TestReportsOfAnotherNodeAreIgnored: what the OVSDB of another node said of a bridge
// before the bridge became a node's does not bind that node's ports.
func TestReportsOfAnotherNodeAreIgnored(t *testing.T) {
	b := newTLSBed(t)
	id := uint64(model.DatapathIDFor("node1"))
	b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Node: "node2"})
	b.fabric.InterfacesChanged(id, []*ovsdb.Interface{{Name: "veth0", IfaceID: "web"}})
	b.declare("node1")
	b.connect("127.0.0.2", "node1", "node1")
	b.await("node1 is connected", func() bool { return b.at("node1", "127.0.0.2") })
	if s, _ := b.fabric.NodeStatus("node1"); s.OVSDB {
		t.Error("node1 is said to have OVSDB, by node2")
	}
	b.fabric.OVSDBDisconnected(id, context.Canceled)
	b.fabric.OVSDBConnected(ovsdb.Conn{DatapathID: id, Node: "node1"})
	b.fabric.InterfacesChanged(id, nil)
	b.await("the reports of node1 itself are accepted", func() bool { s, _ := b.fabric.NodeStatus("node1"); return s.OVSDB })
}
