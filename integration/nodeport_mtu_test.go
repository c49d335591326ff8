package integration

import (
	"bytes"
	"io"
	"net"
	"time"
)

// narrow: P-ICM-02: a machine outside behind a path with an MTU of 1280 bytes gets much from a node
// port, by both families. The backend learns of the MTU by ICMP errors about packets that two nodes
// and the service have translated.
func (b *nodePortBed) narrow() {
	const size = 1 << 20
	l, err := b.hosts["web2"].Listen("tcp", ":8096")
	b.must(err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Write(bytes.Repeat([]byte{'x'}, size)) // the client counts what arrives
			}()
		}
	}()
	b.apply(`{kind: Service, name: large, spec: {addresses: [10.96.0.40, "fd00:96::40"], routers: [r], backends: {endpoints: [{port: web2}]},
  ports: [{name: http, port: 80, targetPort: 8096, nodePort: 30096}]}}`)
	b.settle()
	b.revalidated()
	mtu := func(of string) {
		b.must(b.Controller.Command(b.ctx, "ip", "link", "set", "outside", "mtu", of).Run()) // in the hub, which routes
	}
	mtu("1280")
	defer mtu("1500")
	for _, node := range []string{"node1", "node2", "node3"} {
		for _, six := range []bool{false, true} {
			c, err := b.enter("tcp", b.at(node, 30096, six), 0)
			b.must(err)
			b.must(c.(*net.TCPConn).SetReadDeadline(time.Now().Add(10 * time.Second)))
			n, err := io.Copy(io.Discard, c)
			if n != size || err != nil {
				b.t.Errorf("%s, IPv6 %v: %d of %d bytes: %v", node, six, n, size, err)
			}
			b.must(c.Close())
		}
	}
	b.sdnctl("service", "delete", "large", "--wait=20s")
}
