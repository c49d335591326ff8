package integration

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// servicesUDP: a socket that never pauses stays with a draining backend, and moves within a
// second when its backend serves the service no more: because it is not listed, because the
// service reaches it by another port, or because its interface is gone. Connections of TCP
// to the same backend are not touched, nor are sockets of which the backend still serves.
func servicesUDP(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	b.apply(serviceWeb("{endpoints: [{port: web1}]}"))
	b.revalidated()
	kept, err := b.connect(b.hosts["near"], "tcp", service4+":80", 0)
	b.must(err)
	defer kept.Close()
	var senders []net.Conn
	for _, to := range []string{service4 + ":53", "[" + service6 + "]:53"} {
		c, err := b.connect(b.hosts["near"], "udp", to, 0)
		b.must(err)
		defer c.Close()
		senders = append(senders, c)
	}
	all := func(when, want string) {
		t.Helper()
		for _, c := range senders {
			if err := b.moves(c, want); err != nil {
				t.Errorf("%s: %v to %v: %v", when, c.LocalAddr(), c.RemoteAddr(), err)
			}
		}
		if who, _, err := ask(kept); err != nil || who != "web1" {
			t.Errorf("%s: the connection of TCP to web1: %q, %v", when, who, err)
		}
	}
	all("at first", "web1")
	b.apply(serviceWeb("{endpoints: [{port: web1, state: draining}, {port: web2}]}"))
	all("draining", "web1")
	b.apply(serviceWeb("{endpoints: [{port: web2}]}"))
	all("web1 is not listed", "web2")
	b.apply(strings.Replace(serviceWeb("{endpoints: [{port: web1}]}"), "port: 53, targetPort: 8080", "port: 53, targetPort: 8081", 1))
	if err := b.moves(senders[0], "web2"); err == nil {
		t.Error("the service's old target port answers")
	}
	b.apply(serviceWeb("{endpoints: [{port: web2}]}"))
	all("the target port is back", "web2")
	web2 := b.hosts["web2"]
	_, err = b.node("node2").VSCtl(b.ctx, "remove", "interface", web2.Interface, "external_ids", "iface-id")
	b.must(err)
	b.apply(serviceWeb("{endpoints: [{port: web2}, {port: web3}]}"))
	b.must(lab.PollFor(b.ctx, 10*time.Second, "web2 to be not bound", func(ctx context.Context) error {
		p, err := b.api.Port(ctx, "web2")
		if err == nil && p.Status.Bound {
			err = errors.New("bound")
		}
		return err
	}))
	b.settle()
	all("web2 has no interface", "web3")
	_, err = b.node("node2").VSCtl(b.ctx, "set", "interface", web2.Interface, "external_ids:iface-id=web2")
	b.must(err)
	b.sdnctl("wait", "--for", "bound", "port/web2")
}

// moves sends by a socket every 20 ms, as one that never pauses, until the wanted backend
// answers. It returns an error if that takes longer than a second, which is the promise, or
// if another one answers after it.
func (b *serviceBed) moves(c net.Conn, want string) error {
	buf, last := make([]byte, 128), "nobody"
	for quiet := false; !quiet; { // what was asked before is answered
		if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return err
		}
		_, err := c.Read(buf)
		quiet = errors.Is(err, os.ErrDeadlineExceeded)
	}
	deadline := time.Now().Add(time.Second)
	for answers := 0; answers < 3; {
		if time.Now().After(deadline) {
			return errors.New(last + " answered last, want " + want)
		}
		if _, err := c.Write([]byte("who\n")); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			return err
		}
		n, err := c.Read(buf)
		if err != nil {
			continue // or an error about what was sent before
		}
		if last, _, _ = strings.Cut(string(buf[:n]), " "); last == want {
			answers++
		}
	}
	return nil
}
