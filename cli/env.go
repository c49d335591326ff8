package cli

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/user"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/sdnctl/sdnctl/cli/membership"
)

// Env is everything outside the program that a command may use. Tests make one of buffers;
// main makes one of the process.
type Env struct {
	// "apply -f -" reads In. Data goes to Out, messages to Err.
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Getenv reads an environment variable, "" when it is not set.
	Getenv func(string) string
	// Now is the clock for ages.
	Now func() time.Time
	// Exec runs a program on this machine and returns its standard output and error
	// together. Only commands for nodes use it.
	Exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// LocalAddr returns the address of this machine from which it would reach another, or
	// the zero Addr if it has no route. No packet is sent.
	LocalAddr func(to netip.Addr) netip.Addr
	// MTU returns the MTU in bytes of this machine's interface that has an address; ok is
	// false if no interface has it.
	MTU func(addr netip.Addr) (mtu int, ok bool)
	// Author is the user whom the daemon records beside each change, as "user@host".
	Author func() string
	// Width returns how many characters a line of Out has if that is a terminal, else 0;
	// nil means 0.
	Width func() int
	// Version of this program.
	Version string
}

func (e Env) width() int {
	if e.Width == nil {
		return 0
	}
	return e.Width()
}

// OSEnv returns the process's own environment.
func OSEnv(version string) Env {
	return Env{
		In:        os.Stdin,
		Out:       os.Stdout,
		Err:       os.Stderr,
		Getenv:    os.Getenv,
		Now:       time.Now,
		Exec:      membership.Exec,
		LocalAddr: membership.LocalAddr,
		MTU:       membership.MTU,
		Author:    osAuthor,
		Width:     osWidth,
		Version:   version,
	}
}

// osAuthor names the user of this process and the machine. Under sudo it is the user who
// called sudo.
func osAuthor() string {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		name = os.Getenv("USER")
	}
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host, _, _ = strings.Cut(host, ".")
	return name + "@" + host
}

// osWidth returns the width of the terminal on standard output, 0 if it is none.
func osWidth() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}
