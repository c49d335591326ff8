package main

import (
	"net"
	"os"
	"strings"
)

// notify reports the daemon's state to systemd (sd_notify(3)), if systemd started
// it with NOTIFY_SOCKET. Errors are ignored.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if name, ok := strings.CutPrefix(path, "@"); ok {
		path = "\x00" + name
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}
