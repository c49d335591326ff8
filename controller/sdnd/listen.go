package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// listeners are the sockets of the daemon. They are all opened before any is
// served, so that a port that is taken stops the start and nothing else.
type listeners struct {
	openflow net.Listener
	ovsdb    net.Listener
	metrics  net.Listener
	// transfers and transfersUDP are of zone transfers.
	transfers    net.Listener
	transfersUDP net.PacketConn
	api          []net.Listener
}

// open opens what the options ask for, and has those of the API and of metrics
// accept only so many connections as they are given. After an error close closes
// the rest.
func (l *listeners) open(o options, d descriptors) (err error) {
	if l.openflow, err = listenTCP("openflow-listen", o.openflowListen); err != nil {
		return err
	}
	if o.ovsdbListen != "" {
		if l.ovsdb, err = listenTCP("ovsdb-listen", o.ovsdbListen); err != nil {
			return err
		}
	}
	if o.metricsListen != "" {
		ln, err := listenTCP("metrics-listen", o.metricsListen)
		if err != nil {
			return err
		}
		l.metrics = connlimit.Listen(ln, d.metrics, d.metrics)
	}
	if o.dnsTransferListen != "" {
		if err := l.openTransfers(o.dnsTransferListen, d.transfers); err != nil {
			return err
		}
	}
	if o.apiListen != "" {
		ln, err := listenTCP("api-listen", o.apiListen)
		if err != nil {
			return err
		}
		l.api = append(l.api, connlimit.Listen(ln, d.api, waitingOf(d.api)))
	}
	if o.apiSocket != "" {
		ln, err := listenUnix(o.apiSocket, fs.FileMode(o.apiSocketMode), o.apiSocketGroup)
		if err != nil {
			return err
		}
		l.api = append(l.api, connlimit.Listen(ln, d.socket, waitingOf(d.socket)))
	}
	return nil
}

// openTransfers opens the sockets of zone transfers, at one port by TCP and UDP.
func (l *listeners) openTransfers(addr string, most int) error {
	ln, err := listenTCP("dns-transfer-listen", addr)
	if err != nil {
		return err
	}
	l.transfers = connlimit.Listen(ln, most, most)
	if l.transfersUDP, err = net.ListenPacket("udp", ln.Addr().String()); err != nil {
		return fmt.Errorf("--dns-transfer-listen %s: by UDP: %w; stop what uses the port, or give another address", addr, err)
	}
	return nil
}

// waitingOf is how many of so many connections may wait for a request.
func waitingOf(connections int) int { return max(1, connections/2) }

// all returns the listeners that are open.
func (l *listeners) all() []net.Listener {
	var open []net.Listener
	for _, ln := range append([]net.Listener{l.openflow, l.ovsdb, l.metrics, l.transfers}, l.api...) {
		if ln != nil {
			open = append(open, ln)
		}
	}
	return open
}

// close closes what is still open; those that serve close theirs themselves.
func (l *listeners) close() {
	for _, ln := range l.all() {
		ln.Close()
	}
	if l.transfersUDP != nil {
		l.transfersUDP.Close()
	}
}

// where returns the addresses for the log.
func (l *listeners) where() []any {
	out := []any{"openflow", l.openflow.Addr().String()}
	if l.ovsdb != nil {
		out = append(out, "ovsdb", l.ovsdb.Addr().String())
	}
	if l.metrics != nil {
		out = append(out, "metrics", l.metrics.Addr().String())
	}
	if l.transfers != nil {
		out = append(out, "dns-transfers", l.transfers.Addr().String())
	}
	for _, ln := range l.api {
		out = append(out, "api", ln.Addr().String())
	}
	return out
}

// listenTCP listens on an address that a flag gave.
func listenTCP(flag, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--%s %s: the port is in use by another program; stop that one or give another address", flag, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, addr, err)
	}
	return ln, nil
}

// listenUnix listens on a unix socket with the given permissions, in place of
// one that an earlier run left behind.
func listenUnix(path string, mode fs.FileMode, group string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, fmt.Errorf("--api-socket %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != fs.ModeSocket {
			return fail(errors.New("there is a file of that name which is not a socket"))
		}
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return fail(errors.New("another program serves it; is sdnd running already?"))
		}
		if err := os.Remove(path); err != nil {
			return fail(err)
		}
	}
	// The socket is made without permissions for others and gets the configured
	// ones afterwards, so that nobody else can connect in between.
	old := syscall.Umask(0o177)
	ln, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return fail(err)
	}
	if group != "" {
		err = chgrp(path, group)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		ln.Close()
		return fail(err)
	}
	return ln, nil
}

func chgrp(path, group string) error {
	g, err := user.LookupGroup(group)
	if err != nil {
		return fmt.Errorf("--api-socket-group: %w", err)
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return fmt.Errorf("--api-socket-group %s: %w", group, err)
	}
	return os.Chown(path, -1, gid)
}
