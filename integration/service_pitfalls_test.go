package integration

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// servicesTwo: one client port to two services with the same one backend: both connections live.
func servicesTwo(t *testing.T, b *serviceBed) {
	const one = "{endpoints: [{port: web2}]}"
	other := strings.NewReplacer("name: web,", "name: other,", service4, "10.96.0.77", service6, "fd00:96::77").Replace(serviceWeb(one))
	b.apply(serviceWeb(one) + "---\n" + other)
	b.revalidated()
	defer func() {
		b.sdnctl("service", "delete", "other")
		b.apply(serviceWeb(allWeb))
	}()
	for i, to := range [][2]string{{service4 + ":80", "10.96.0.77:80"}, {"[" + service6 + "]:80", "[fd00:96::77]:80"}} {
		first, err := b.connect(b.hosts["near"], "tcp", to[0], 42000+i)
		b.must(err)
		defer first.Close()
		if who, _, err := ask(first); err != nil || who != "web2" {
			t.Errorf("%s: %q, %v", to[0], who, err)
		}
		second, err := b.connect(b.hosts["near"], "tcp", to[1], 42000+i)
		if err != nil {
			t.Errorf("%s, from the same port: %v", to[1], err)
			continue
		}
		defer second.Close()
		for _, c := range []net.Conn{second, first, second} {
			if who, _, err := ask(c); err != nil || who != "web2" {
				t.Errorf("%v: both live: %q, %v", c.RemoteAddr(), who, err)
			}
		}
	}
}

// servicesOneSocket: backends on the client's own node and on another one answer each of five
// datagrams of one socket, and a connection, from the service's address: a socket that is connected
// takes no others.
func servicesOneSocket(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	for _, backend := range []string{"web1", "web2"} {
		b.apply(serviceWeb("{endpoints: [{port: " + backend + "}]}"))
		b.revalidated()
		for _, way := range addresses(b.hosts["near"]) {
			c, err := b.connect(b.hosts["near"], way[0], way[1], 0)
			b.must(err)
			for n := range 5 {
				if who, _, err := ask(c); err != nil || who != backend {
					t.Errorf("%s, %s %s, request %d: %q, %v", backend, way[0], way[1], n+1, who, err)
				}
			}
			b.must(c.Close())
		}
	}
}

// servicesLastFIN: a server whose port has left the service ends its connections itself, as long as
// its interface is there: the client learns that they have ended.
func servicesLastFIN(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	l, err := b.hosts["web2"].Listen("tcp", ":8096")
	b.must(err)
	defer l.Close()
	for _, to := range []string{service4 + ":80", "[" + service6 + "]:80"} {
		b.apply(strings.Replace(serviceWeb("{endpoints: [{port: web2}]}"), "targetPort: 8080", "targetPort: 8096", 1))
		b.revalidated()
		client, err := b.connect(b.hosts["near"], "tcp", to, 0)
		b.must(err)
		defer client.Close()
		server, err := l.Accept()
		b.must(err)
		b.apply(serviceWeb("{endpoints: [{port: web1}]}"))
		b.revalidated()
		b.must(server.Close())
		b.must(client.SetReadDeadline(time.Now().Add(servicePatience)))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, want the end of the connection", to, err)
		}
	}
}

// servicesPairs: two questions from one socket of UDP at once, as a resolver sends them: both are
// answered.
func servicesPairs(t *testing.T, b *serviceBed) {
	b.apply(serviceWeb("{endpoints: [{port: web1}, {port: web2}]}"))
	b.revalidated()
	defer b.apply(serviceWeb(allWeb))
	const pairs = 200
	for _, to := range []string{service4 + ":53", "[" + service6 + "]:53"} {
		lost := 0
		for range pairs {
			c, err := b.connect(b.hosts["near"], "udp", to, 0)
			b.must(err)
			for range 2 {
				_, err := c.Write([]byte("who\n"))
				b.must(err)
			}
			b.must(c.SetReadDeadline(time.Now().Add(servicePatience)))
			for range 2 {
				if _, err := c.Read(make([]byte, 128)); err != nil {
					lost++
				}
			}
			b.must(c.Close())
		}
		if lost > 0 {
			t.Errorf("%s: %d of %d answers are lost", to, lost, 2*pairs)
		}
	}
}
