package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// Config is what a caller chooses about a session. The zero value of each field
// means its default.
type Config struct {
	// EchoInterval is how long a connection may be silent before the switch is
	// asked for a sign of life. Default 5 s.
	EchoInterval time.Duration
	// EchoTimeout is how long the switch may then remain silent before the
	// connection is given up. So a dead switch is noticed after EchoInterval +
	// EchoTimeout. Default 10 s: Open vSwitch answers nothing while it commits
	// a bundle, which takes it about 15 µs for each flow; while a commit is
	// under way a further 100 µs are allowed for each of its messages.
	EchoTimeout time.Duration
	// HandshakeTimeout bounds all of Handshake. Default 10 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long the switch may refuse to take a single byte
	// before the connection is given up; the same is added while a commit is
	// under way. Default 15 s.
	WriteTimeout time.Duration
	// MaxMessage is the longest message accepted, in bytes, up to
	// MaxMessageLen, the default. Open vSwitch sends statistics in messages of
	// nearly 64 KiB.
	MaxMessage int
	// PacketInQueue is how many packet-ins may wait to be taken from the
	// channel of events; more are dropped and counted. Default 256.
	PacketInQueue int
	// UnaskedRate is how many messages a second are read, in the long run, of
	// those that nobody asked for: packet-ins, ports' status, flow-removed
	// messages, echo requests, and errors and replies that nobody waits for.
	// Each 128 bytes begun count as one. Beyond, reading of the connection
	// pauses and the switch has to wait. Replies and a monitor's reports are
	// not counted, but wait behind what is: 10 MiB in the buffers of a
	// connection are 16 s by default, and up to 26 s of ports' status. Default
	// 5000: about a hundredth of a processor.
	UnaskedRate int
	// UnaskedBurst is how many of them are read at once after a time with none.
	// Default 131072: two for each of the 65280 ports that an Open vSwitch can
	// have, as when all are made and their links come up.
	UnaskedBurst int
	// MissSendLen is how many bytes of a packet the switch sends in packet-ins
	// that no output action asked for (OpenFlow 1.3.5, 7.3.2). Default
	// 65535: the whole packet.
	MissSendLen uint16
	// Fragments is how the switch is told to treat IP fragments. Default
	// FragNormal.
	Fragments uint16
	// AdmitPorts, if set, is called in the handshake each time that the switch
	// has described some of its ports, with how many those are so far; a switch
	// has up to 65536, at about 150 bytes each. An error ends the handshake. It
	// may wait until ctx ends, as it does when the connection has no more time;
	// meanwhile nothing is read.
	AdmitPorts func(ctx context.Context, ports int) error
	// Role to ask for. The default, RoleEqual, is what every connection starts
	// with and is not asked for.
	Role openflow.Role
	// GenerationID goes with RoleMaster and RoleSlave: the switch refuses one
	// older than the newest it has seen (OpenFlow 1.3.5, 6.3.4).
	GenerationID uint64
	// Logger receives what a person may want to know. Default: nothing is
	// logged.
	Logger *slog.Logger
}

// withDefaults returns c with the zero values replaced.
func (c Config) withDefaults() Config {
	setDefault(&c.EchoInterval, 5*time.Second)
	setDefault(&c.EchoTimeout, 10*time.Second)
	setDefault(&c.HandshakeTimeout, 10*time.Second)
	setDefault(&c.WriteTimeout, 15*time.Second)
	setDefault(&c.MaxMessage, openflow.MaxMessageLen)
	c.MaxMessage = min(c.MaxMessage, openflow.MaxMessageLen)
	setDefault(&c.PacketInQueue, 256)
	setDefault(&c.UnaskedRate, 5000)
	setDefault(&c.UnaskedBurst, 1<<17)
	setDefault(&c.MissSendLen, 0xffff)
	setDefault(&c.Role, openflow.RoleEqual)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
