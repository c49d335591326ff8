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

// servicesDraining: with a draining time, connections to a backend that is draining, or that
// the service does not list any more, go on for that time, and are reset then, also over a
// restart of sdnd. Those to other backends are not touched.
func servicesDraining(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	with := func(drain, backends string) string {
		return strings.Replace(serviceWeb(backends), "routers: [r]", "drainingTime: "+drain+", routers: [r]", 1)
	}
	for _, way := range [][2]string{{"draining", "{endpoints: [{port: web1, state: draining}, {port: web2}]}"}, {"not listed", "{endpoints: [{port: web2}]}"}} {
		when := way[0]
		b.apply(with("3s", "{endpoints: [{port: web1}]}"))
		b.revalidated()
		var cut []net.Conn
		for _, to := range []string{service4 + ":80", "[" + service6 + "]:80"} {
			c, err := b.connect(b.hosts["near"], "tcp", to, 0)
			b.must(err)
			defer c.Close()
			_, _, err = ask(c)
			b.must(err)
			cut = append(cut, c)
		}
		sender, err := b.connect(b.hosts["near"], "udp", service4+":53", 0)
		b.must(err)
		defer sender.Close()
		_, _, err = ask(sender)
		b.must(err)
		b.apply(with("3s", "{endpoints: [{port: web1}, {port: web2}]}"))
		b.revalidated()
		kept := b.connectTo("web2")
		defer kept.Close()
		began := time.Now()
		b.apply(with("3s", way[1]))
		b.revalidated()
		for _, c := range append(cut, sender) {
			if who, _, err := ask(c); err != nil || who != "web1" {
				t.Errorf("%s: %v after %v: %q, %v", when, c.RemoteAddr(), time.Since(began), who, err)
			}
		}
		if who, _, err := b.whoAnswers(b.hosts["near"], "tcp", service4+":80"); err != nil || who != "web2" {
			t.Errorf("%s: a new connection: %q, %v", when, who, err)
		}
		if when == "draining" {
			b.must(b.Controller.Stop(b.ctx, syscall.SIGKILL))
			b.must(b.Controller.Start(b.ctx))
		}
		for _, c := range cut {
			// A node comes back to an sdnd that was away after up to 8 s.
			if err := endsWithin(c, began.Add(30*time.Second)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %v: %v, want that it is reset", when, c.RemoteAddr(), err)
			}
		}
		if after := time.Since(began); after < 3*time.Second {
			t.Errorf("%s: cut after %v", when, after)
		}
		b.must(sender.SetDeadline(time.Time{}))
		if err := b.moves(sender, "web2"); err != nil {
			t.Errorf("%s: the socket of UDP: %v", when, err)
		}
		if who, _, err := ask(kept); err != nil || who != "web2" {
			t.Errorf("%s: a connection to another backend: %q, %v", when, who, err)
		}
		port := cut[0].LocalAddr().(*net.TCPAddr).Port
		again, err := b.connect(b.hosts["near"], "tcp", service4+":80", port)
		b.must(err)
		if who, _, err := ask(again); err != nil || who != "web2" {
			t.Errorf("%s: from the same port again: %q, %v", when, who, err)
		}
		b.must(again.Close())
	}
	b.settle()
	b.verify()
}

// servicesCut: when the draining time is over, the backend's end of a connection is reset as
// well: by the client, once the backend sends after the client has been reset, or by the first
// segment that it sends to a client that is silent.
func servicesCut(t *testing.T, b *serviceBed) {
	defer b.apply(serviceWeb(allWeb))
	l, err := b.hosts["web2"].Listen("tcp", ":8095")
	b.must(err)
	defer l.Close()
	ends := make(chan net.Conn, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			ends <- c
		}
	}()
	cuts := func() int {
		log, err := os.ReadFile(b.Controller.LogFile)
		b.must(err)
		return strings.Count(string(log), "its draining time is over")
	}
	service := func(backends string) string {
		return strings.NewReplacer("targetPort: 8080", "targetPort: 8095", "routers: [r]", "drainingTime: 1s, routers: [r]").Replace(serviceWeb(backends))
	}
	for _, to := range []string{service4 + ":80", "[" + service6 + "]:80"} {
		for _, silent := range []bool{false, true} {
			b.apply(service("{endpoints: [{port: web2}]}"))
			b.revalidated()
			client, err := b.connect(b.hosts["near"], "tcp", to, 0)
			b.must(err)
			defer client.Close()
			var server net.Conn
			select {
			case server = <-ends:
				defer server.Close()
			case <-time.After(servicePatience):
				t.Fatalf("%s: the backend has no connection", to)
			}
			_, err = client.Write([]byte("hello\n"))
			b.must(err)
			b.must(server.SetReadDeadline(time.Now().Add(servicePatience)))
			_, err = server.Read(make([]byte, 16))
			b.must(err)
			before := cuts()
			b.apply(service("{endpoints: [{port: web2, state: draining}]}"))
			b.must(lab.PollFor(b.ctx, 10*time.Second, "the connection to be cut", func(context.Context) error {
				if cuts() == before {
					return errors.New("nothing is cut")
				}
				return nil
			}))
			b.settle()
			b.revalidated()
			if !silent {
				if err := endsWithin(client, time.Now().Add(20*time.Second)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s: the client: %v, want that it is reset", to, err)
				}
			}
			if err := sendsUntil(server, time.Now().Add(20*time.Second)); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%s, silent client %v: the backend: %v, want that it is reset", to, silent, err)
			}
		}
	}
}

// sendsUntil sends by a connection until that fails, and returns why.
func sendsUntil(c net.Conn, deadline time.Time) error {
	for time.Now().Before(deadline) {
		if _, err := c.Write([]byte("still here\n")); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond) // a reset comes as the answer to what was sent
	}
	return errors.New("it goes on")
}

// connectTo connects a host to the service until the wanted backend answers.
func (b *serviceBed) connectTo(want string) net.Conn {
	for range 40 {
		c, err := b.connect(b.hosts["near"], "tcp", service4+":80", 0)
		b.must(err)
		who, _, err := ask(c)
		b.must(err)
		if who == want {
			return c
		}
		b.must(c.Close())
	}
	b.must(errors.New(want + " does not answer"))
	return nil
}

// endsWithin asks by a connection until that fails, and returns why. An answer that is late is no
// end: what asks for it is sent again.
func endsWithin(c net.Conn, deadline time.Time) error {
	var last error
	for time.Now().Before(deadline) {
		if _, _, last = ask(c); last != nil && !errors.Is(last, os.ErrDeadlineExceeded) {
			return last
		}
	}
	if last != nil {
		return errors.New("it is neither answered nor reset")
	}
	return errors.New("it goes on")
}
