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

// Env is all that a command may touch of the world around it. Tests make one
// of buffers; main makes one of the process.
type Env struct {
	// In is read by "apply -f -". Out gets data, Err gets words about it.
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Getenv reads an environment variable, "" when it is not set.
	Getenv func(string) string
	// Now is the clock by which ages are shown.
	Now func() time.Time
	// Exec runs a program on this machine and returns its standard output and
	// error together. Only what is for a node uses it.
	Exec func(ctx context.Context, name string, args ...string) ([]byte, error)
	// LocalAddr is the address of this machine from which it would reach
	// another, the zero Addr when it would not. No packet is sent.
	LocalAddr func(to netip.Addr) netip.Addr
	// MTU is that of this machine's interface that has an address, in bytes; ok
	// is false when none has it.
	MTU func(addr netip.Addr) (mtu int, ok bool)
	// Author is recorded by the daemon beside each change, as "user@host".
	Author func() string
	// Width returns how many characters a line of the terminal has that Out is, 0
	// if it is none; nil means 0.
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

// osAuthor names the user of this process and the machine. Under sudo it is
// the user who called sudo that counts.
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

// osWidth asks the terminal that standard output is, if it is one.
func osWidth() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}
