package membership

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
	// awaitEvery is the interval at which Await checks the node.
	awaitEvery = 200 * time.Millisecond
	// quiet is how long Await waits before it reports what is missing.
	quiet = time.Second
	// dialTimeout is how long sdnd may take to accept a connection.
	dialTimeout = 5 * time.Second
)

// Await waits until the node works: it is connected to sdnd by OpenFlow and OVSDB, and its
// VXLAN port exists. After limit it returns an [Error] with Late that lists what is missing,
// causes first. The node stays configured and continues to try. Await may be called again.
func (d *Joined) Await(ctx context.Context, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	late := time.NewTimer(quiet)
	defer late.Stop()
	var reported string
	verbose := false
	for {
		p, err := d.progress(ctx)
		if err != nil {
			return err
		}
		missing := d.config.Missing(p)
		if len(missing) == 0 {
			d.connected(p)
			return nil
		}
		if missing[0] != reported && verbose {
			d.Join.Host.note("waiting: %s", missing[0])
			reported = missing[0]
		}
		select {
		case <-late.C:
			verbose = true
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return d.notConnected(ctx, limit, p, missing)
		}
	}
}

// progress reads the state of the node, from Open vSwitch and from sdnd.
func (d *Joined) progress(ctx context.Context) (nodeconfig.Progress, error) {
	j, m := d.Join, d.Join.machine()
	state, err := m.Read(ctx, j.Bridge)
	p := nodeconfig.Progress{State: state, Flows: -1}
	if err != nil {
		return p, err
	}
	if p.Daemon = d.daemon.status(ctx, j.Node, j.ID()); p.Daemon == nil {
		if n, err := m.CountFlows(ctx, j.Bridge); err == nil {
			p.Flows = n
		}
	}
	return p, nil
}

// connected notes that the node works, and which program reported it.
func (d *Joined) connected(p nodeconfig.Progress) {
	j := d.Join
	with := "its VXLAN port and OVSDB"
	if j.OVSDBPort == 0 {
		with = "its VXLAN port (without OVSDB)"
	}
	switch {
	case p.Daemon != nil:
		j.Host.note("sdnd reports that %s is connected, with %s", j.Node, with)
	case p.Flows > 0:
		j.Host.note("%s is connected, with %s, and has %d flows from sdnd, as Open vSwitch reports; sdnd itself was not asked (give --host)", j.Node, with, p.Flows)
	default:
		j.Host.note("%s is connected, with %s, as Open vSwitch reports; sdnd was not asked whether the node is declared (give --host)", j.Node, with)
	}
}

// notConnected returns the error that lists what is missing, with remedies.
func (d *Joined) notConnected(ctx context.Context, limit time.Duration, p nodeconfig.Progress, missing []string) error {
	j := d.Join
	text := fmt.Sprintf("after %v %s does not work yet:\n  %s", limit, j.Node, strings.Join(missing, "\n  "))
	if b := p.State.Bridge; b != nil && len(b.Controllers) > 0 && !b.Controllers[0].Connected {
		if err := j.dial(ctx); err != nil {
			text += "\n" + err.Error()
		}
	}
	if p.Daemon != nil && !p.Daemon.Declared {
		text += "\ndeclare it where you run sdnctl: " + j.DeclareCommand()
	}
	if p.Daemon == nil {
		text += "\nsdnd itself was not asked; give --host for more details"
	}
	return fault(Late, "%s\nthe node stays configured and keeps trying; undo that with: sdnctl node leave", text)
}

// dial connects to sdnd as Open vSwitch does, and closes the connections. It returns an [Error]
// with Unreachable if that fails.
func (j Join) dial(ctx context.Context) error {
	ports := []uint16{j.OpenFlowPort}
	if j.OVSDBPort != 0 {
		ports = append(ports, j.OVSDBPort)
	}
	for _, port := range ports {
		if err := j.dialPort(ctx, j.endpoint(port)); err != nil {
			return &Error{Code: Unreachable, Err: err}
		}
	}
	return nil
}

// dialPort connects to one port of sdnd, and if the node uses TLS does a handshake.
func (j Join) dialPort(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return fmt.Errorf("sdnd cannot be reached at %s: %w; is it running there, and does a firewall allow the connection?", endpoint, err)
	}
	defer conn.Close()
	if !j.secure() || j.Invitation != nil && !j.redeemed {
		return nil
	}
	source, err := pki.Open(j.Files, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	secure := tls.Client(conn, source.Client(j.Controller.String()))
	err = secure.HandshakeContext(ctx)
	if err == nil {
		// In TLS 1.3 the server refuses a certificate after the client's handshake is
		// complete. If it accepts the certificate, it sends nothing or a hello.
		deadline := time.Now().Add(500 * time.Millisecond)
		err = errors.Join(secure.SetReadDeadline(deadline), readOne(secure))
	}
	if err != nil {
		return fmt.Errorf("TLS with sdnd at %s fails: %w; was the certificate issued by sdnd's CA ('sdnctl pki node %s'), and does sdnd use TLS?", endpoint, err, nodeconfig.ShellQuote(j.Node))
	}
	return nil
}

// readOne reads one byte. It is no error if none arrives before the deadline.
func readOne(conn net.Conn) error {
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return err
}
