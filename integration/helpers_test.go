package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
)

// unbound waits until a port is no longer bound.
func (b *bed) unbound(port string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 10*time.Second, "port "+port+" to be unbound", func(ctx context.Context) error {
		p, err := b.api.Port(ctx, port)
		if err == nil && p.Status.Bound {
			err = fmt.Errorf("bound on %q", p.Status.Node)
		}
		return err
	}))
	b.settle()
}

// awaitSwitches waits until that many switches are in quarantine.
func (b *bed) awaitSwitches(n int) []api.Switch {
	b.t.Helper()
	var got []api.Switch
	b.must(lab.PollFor(b.ctx, 10*time.Second, fmt.Sprintf("%d switches in quarantine", n), func(ctx context.Context) error {
		list, err := b.api.Switches(ctx)
		if err == nil && len(list.Items) != n {
			err = fmt.Errorf("there are %d: %+v", len(list.Items), list.Items)
		}
		got = list.Items
		return err
	}))
	return got
}

// runCommand runs a command that sdnd has suggested, with its placeholder replaced.
func (b *bed) runCommand(command, placeholder, value string) {
	b.t.Helper()
	words := strings.Fields(strings.ReplaceAll(command, placeholder, value))
	if len(words) == 0 || words[0] != "sdnctl" || !strings.Contains(command, placeholder) {
		b.t.Fatalf("not a command with %s: %q", placeholder, command)
	}
	b.sdnctl(words[1:]...)
}

// awaitFrame waits until a sniffer has recorded a frame that found likes.
func (b *bed) awaitFrame(s *lab.Sniffer, what string, found func(lab.Frame) bool) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, what, func(context.Context) error {
		if len(b.frames(s, found)) == 0 {
			return errors.New("not seen")
		}
		return nil
	}))
}

// tcp sends a million bytes from one container to another and compares them.
func (b *bed) tcp(from, to *lab.Container) {
	b.t.Helper()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	listener, err := to.Listen("tcp4", ":0")
	b.must(err)
	defer listener.Close()
	got := make(chan []byte, 1)
	go func() {
		defer close(got)
		if c, err := listener.Accept(); err == nil {
			defer c.Close()
			if data, err := io.ReadAll(c); err == nil {
				got <- data
			}
		}
	}()
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	c, err := from.Dial(ctx, "tcp4", netip.AddrPortFrom(to.IP.Addr(), port).String())
	b.must(err)
	deadline, _ := ctx.Deadline()
	b.must(c.SetDeadline(deadline))
	_, err = c.Write(sent)
	b.must(errors.Join(err, c.Close()))
	select {
	case data := <-got:
		if !bytes.Equal(data, sent) {
			b.t.Errorf("from %s to %s: %d bytes of %d arrived", from.Name, to.Name, len(data), len(sent))
		}
	case <-ctx.Done():
		b.t.Errorf("from %s to %s: %v", from.Name, to.Name, ctx.Err())
	}
}
