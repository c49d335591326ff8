package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/pki"
)

const (
	// awaitEvery is how often a node that has joined is looked at until it works.
	awaitEvery = 200 * time.Millisecond
	// dialTimeout is how long sdnd may take to accept a connection.
	dialTimeout = 5 * time.Second
)

// await waits until the node works. The error says what is missing.
func (o *joinOptions) await(ctx context.Context, m nodeconfig.Machine, j nodeconfig.Join, daemon *joinDaemon) error {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	var said string
	late := o.app.env.Now().Add(2 * patience)
	for {
		p, err := o.progress(ctx, m, daemon)
		if err != nil {
			return err
		}
		missing := j.Missing(p)
		if len(missing) == 0 {
			o.connected(p)
			return nil
		}
		if missing[0] != said && o.app.env.Now().After(late) {
			o.app.note("waiting: %s", missing[0])
			said = missing[0]
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return o.notConnected(ctx, j, p, missing)
		}
	}
}

// progress looks at the node, from here and from sdnd.
func (o *joinOptions) progress(ctx context.Context, m nodeconfig.Machine, daemon *joinDaemon) (nodeconfig.Progress, error) {
	state, err := m.Read(ctx, o.sw.bridge)
	p := nodeconfig.Progress{State: state, Flows: -1}
	if err != nil {
		return p, err
	}
	if p.Daemon = daemon.word(ctx, o.name, o.id); p.Daemon == nil {
		if n, err := m.CountFlows(ctx, o.sw.bridge); err == nil {
			p.Flows = n
		}
	}
	return p, nil
}

// connected says what was seen to work.
func (o *joinOptions) connected(p nodeconfig.Progress) {
	with := "its VXLAN port and OVSDB"
	if o.ovsdbPort == 0 {
		with = "its VXLAN port (without OVSDB)"
	}
	switch {
	case p.Daemon != nil:
		o.app.note("sdnd says that %s is connected, with %s", o.name, with)
	case p.Flows > 0:
		o.app.note("%s is connected, with %s, and has %d flows from sdnd; that is what Open vSwitch says here, sdnd itself was not asked (give --host)", o.name, with, p.Flows)
	default:
		o.app.note("%s is connected, with %s; that is what Open vSwitch says here: whether sdnd knows the node was not asked (give --host)", o.name, with)
	}
}

// notConnected says what is missing and what to do.
func (o *joinOptions) notConnected(ctx context.Context, j nodeconfig.Join, p nodeconfig.Progress, missing []string) error {
	text := fmt.Sprintf("after %v %s does not work yet:\n  %s", o.timeout, o.name, strings.Join(missing, "\n  "))
	if b := p.State.Bridge; b != nil && len(b.Controllers) > 0 && !b.Controllers[0].Connected {
		if err := o.dial(ctx); err != nil {
			text += "\n" + err.Error()
		}
	}
	if p.Daemon != nil && !p.Daemon.Declared {
		text += "\ndeclare it where you run sdnctl: " + o.createCommand()
	}
	if p.Daemon == nil {
		text += "\nsdnd itself was not asked; give --host to have it say more"
	}
	return codedError{ExitTimeout, fmt.Errorf("%s\nthe node stays configured and goes on trying; undo that with: sdnctl node leave", text)}
}

// dial says why sdnd cannot be reached as Open vSwitch does it, nil if it can.
func (o *joinOptions) dial(ctx context.Context) error {
	ports := []uint16{o.openflowPort}
	if o.ovsdbPort != 0 {
		ports = append(ports, o.ovsdbPort)
	}
	for _, port := range ports {
		if err := o.dialPort(ctx, o.endpoint(port)); err != nil {
			return codedError{ExitUnreachable, err}
		}
	}
	return nil
}

func (o *joinOptions) dialPort(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return fmt.Errorf("sdnd cannot be reached at %s: %w; is it running there, and does a firewall let this through?", endpoint, err)
	}
	defer conn.Close()
	if !o.tls.used() || o.token.pending() {
		return nil
	}
	source, err := pki.Open(o.tls.files, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	secure := tls.Client(conn, source.Client(o.address.String()))
	err = secure.HandshakeContext(ctx)
	if err == nil {
		// By TLS 1.3 the other end refuses a certificate after the handshake. It
		// sends nothing by itself, or a hello.
		deadline := time.Now().Add(500 * time.Millisecond)
		err = errors.Join(secure.SetReadDeadline(deadline), readOne(secure))
	}
	if err != nil {
		return fmt.Errorf("TLS with sdnd at %s fails: %w; was the certificate made by the authority of sdnd ('sdnctl pki node %s'), and does sdnd speak TLS?", endpoint, err, nodeconfig.ShellQuote(o.name))
	}
	return nil
}

// readOne reads a byte, if one comes before the deadline.
func readOne(conn net.Conn) error {
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return err
}
