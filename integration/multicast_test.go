package integration

import (
	"net"
	"strings"
	"testing"
	"time"
)

// TestNoMulticast: what a port sends to a group, or to the broadcast address, reaches no other port
// of its network, also one that has joined the group, as docs/answers.md says.
func TestNoMulticast(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)
	b.join("node1")
	b.apply(nodes(1) + `
{kind: Network, name: blue, spec: {cidr: 10.7.0.0/24}}
---
{kind: Router, name: r, spec: {networks: [blue]}}
---
{kind: Port, name: web, spec: {network: blue, node: node1}}
---
{kind: Port, name: db, spec: {network: blue, node: node1}}
`)
	web, db := b.plug("web", "node1"), b.plug("db", "node1")
	b.bound("web", "db")
	var conn *net.UDPConn
	b.must(db.Inside(func() (err error) {
		nic, err := net.InterfaceByName("eth0")
		if err == nil {
			conn, err = net.ListenMulticastUDP("udp4", nic, &net.UDPAddr{IP: net.IPv4(239, 1, 2, 3), Port: 5000})
		}
		return err
	}))
	defer conn.Close()
	for _, to := range []string{"239.1.2.3", "224.0.0.251", "10.7.0.255", "255.255.255.255"} {
		out, err := web.Exec(b.ctx, "ping", "-b", "-c1", "-W1", "-I", "eth0", to)
		if err == nil || strings.Contains(out, "bytes from") {
			t.Errorf("%s is answered: %s", to, out)
		}
	}
	sender, err := web.Dial(b.ctx, "udp4", "239.1.2.3:5000")
	b.must(err)
	defer sender.Close()
	_, err = sender.Write([]byte("to the group"))
	b.must(err)
	// What is sent later, and arrives, was behind it.
	_, err = web.Reaches(b.ctx, db.IP.Addr())
	b.must(err)
	b.must(conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)))
	buf := make([]byte, 100)
	if n, from, err := conn.ReadFrom(buf); err == nil {
		t.Errorf("%v sent %q to a group, and it arrived", from, buf[:n])
	}
}
