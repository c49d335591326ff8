package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// serviceBed is a bed for services: two nodes, a stretched and a segmented network of both
// families and a stretched one of IPv4, joined by a router. On port 8080 each container
// answers, by TCP and UDP, with its name and the client's address.
type serviceBed struct {
	*bed
	hosts map[string]*lab.Container
}

const serviceObjects = `
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.7.0.0/24}, {cidr: "fd00:7::/64"}]}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.8.0.0/24}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, containersPerNode: 20, maxNodes: 100, subnets: [{cidr: 10.9.0.0/16}, {cidr: "fd00:9::/48"}]}}
---
{kind: Router, name: r, spec: {networks: [blue, red, pods]}}
---
{kind: Port, name: web1, labels: {app: web}, spec: {network: blue, node: node1}}
---
{kind: Port, name: web2, labels: {app: web}, spec: {network: blue, node: node2}}
---
{kind: Port, name: web3, labels: {app: web}, spec: {network: pods, node: node2}}
---
{kind: Port, name: near, spec: {network: blue, node: node1}}
---
{kind: Port, name: pod, spec: {network: pods, node: node1}}
---
{kind: Port, name: far, labels: {app: client}, spec: {network: red, node: node2}}
---
`

// The addresses of the service.
const (
	service4 = "10.96.0.10"
	service6 = "fd00:96::10"
)

// serviceWeb is the service, with backends as given.
func serviceWeb(backends string) string {
	return `{kind: Service, name: web, spec: {addresses: [` + service4 + `, "` + service6 + `"], routers: [r],
  ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, protocol: udp, port: 53, targetPort: 8080}], backends: ` + backends + `}}
`
}

const allWeb = "{selector: {matchLabels: {app: web}}}"

func newServiceBed(t *testing.T) *serviceBed {
	t.Helper()
	b := &serviceBed{newBed(t, 2), map[string]*lab.Container{}}
	b.join("node1", "node2")
	b.apply(nodes(2) + serviceObjects + serviceWeb(allWeb))
	for name, node := range map[string]string{"web1": "node1", "web2": "node2", "web3": "node2", "near": "node1", "pod": "node1", "far": "node2"} {
		c := b.plug(name, node)
		b.hosts[name] = c
		b.serve(c)
	}
	b.bound("web1", "web2", "web3", "near", "pod", "far")
	return b
}

func (b *serviceBed) part(name string, f func(t *testing.T, b *serviceBed)) {
	b.run(name, func(t *testing.T, inner *bed) { f(t, &serviceBed{inner, b.hosts}) })
}

// serve runs a container's server until the end of the test.
func (b *serviceBed) serve(c *lab.Container) {
	l, err := c.Listen("tcp", ":8080")
	b.must(err)
	p, err := c.ListenPacket("udp", ":8080")
	b.must(err)
	b.t.Cleanup(func() {
		if err := errors.Join(l.Close(), p.Close()); err != nil {
			b.t.Error(err)
		}
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerLines(conn, c.Name)
		}
	}()
	go func() {
		buf := make([]byte, 64)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := p.WriteTo([]byte(c.Name+" "+from.String()+"\n"), from); err != nil {
				return
			}
		}
	}()
}

// answerLines answers each line with a name and the client's address.
func answerLines(conn net.Conn, name string) {
	defer conn.Close()
	for r := bufio.NewReader(conn); ; {
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		if _, err := fmt.Fprintf(conn, "%s %s\n", name, conn.RemoteAddr()); err != nil {
			return
		}
	}
}

// patience is how long an answer of a service may take.
const servicePatience = time.Second

// connect connects from a port of a container, or any for 0, to an address.
func (b *serviceBed) connect(c *lab.Container, network, to string, port int) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(b.ctx, servicePatience)
	defer cancel()
	err = c.Inside(func() (err error) {
		d := net.Dialer{Control: reuse}
		if port != 0 {
			a := c.IP.Addr()
			if strings.HasPrefix(to, "[") {
				a = c.IP6.Addr()
			}
			if d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port))); network == "udp" {
				d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port)))
			}
		}
		conn, err = d.DialContext(ctx, network, to)
		return err
	})
	return conn, err
}

// reuse lets several sockets of a host have one port.
func reuse(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
	return errors.Join(err, failed)
}

// ask sends one request over a connection and returns the server's name, and the client's
// address that it saw.
func ask(conn net.Conn) (who, saw string, err error) {
	if err := conn.SetDeadline(time.Now().Add(servicePatience)); err != nil {
		return "", "", err
	}
	if _, err := conn.Write([]byte("who\n")); err != nil {
		return "", "", err
	}
	buf := make([]byte, 128)
	n, err := conn.Read(buf)
	who, saw, _ = strings.Cut(strings.TrimSpace(string(buf[:n])), " ")
	if host, _, err := net.SplitHostPort(saw); err == nil {
		saw = host
	}
	return who, saw, err
}

// whoAnswers makes a new connection and returns the server's name, and the client's address
// that it saw.
func (b *serviceBed) whoAnswers(c *lab.Container, network, to string) (who, saw string, err error) {
	conn, err := b.connect(c, network, to, 0)
	if err != nil {
		return "", "", err
	}
	who, saw, err = ask(conn)
	return who, saw, errors.Join(err, conn.Close())
}

// addresses returns the networks and addresses by which a container reaches the service.
func addresses(c *lab.Container) (all [][2]string) {
	all = [][2]string{{"tcp", service4 + ":80"}, {"udp", service4 + ":53"}}
	if c.IP6.IsValid() {
		all = append(all, [2]string{"tcp", "[" + service6 + "]:80"}, [2]string{"udp", "[" + service6 + "]:53"})
	}
	return all
}
