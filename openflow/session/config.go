package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/sdnctl/sdnctl/openflow"
)

// Config has a session's settings. The zero value of each field means its
// default.
type Config struct {
	// EchoInterval is how long a connection may be silent before the session
	// sends an echo request. Default 5 s.
	EchoInterval time.Duration
	// EchoTimeout is how long the switch may then remain silent before the
	// session ends the connection. So a dead switch is noticed after EchoInterval
	// + EchoTimeout. Default 10 s: Open vSwitch answers nothing while it commits
	// a bundle, which takes about 15 µs for each flow. During a commit the
	// session allows a further 100 µs for each of its messages.
	EchoTimeout time.Duration
	// HandshakeTimeout bounds all of Handshake. Default 10 s.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long the switch may accept no byte before the session
	// ends the connection; the time is doubled during a commit. Default 15 s.
	WriteTimeout time.Duration
	// MaxMessage is the longest message accepted, in bytes, up to
	// MaxMessageLen, the default. Open vSwitch sends statistics in messages of
	// nearly 64 KiB.
	MaxMessage int
	// PacketInQueue is how many packet-ins may wait for NextEvent; more are dropped
	// and counted. Default 256.
	PacketInQueue int
	// PacketInUserdata asks the switch for packet-ins that have the userdata of the
	// flow that sent them (openflow.PacketIn2). A switch that does not know them sends
	// the usual ones.
	PacketInUserdata bool
	// PacketInRate is how many packet-ins a second the session takes in the long run. Every
	// 256 bytes, or part of that, count as one, so that a question by DNS does. Those above
	// the rate are dropped, and count as unsolicited messages; see UnaskedRate. Default 5000.
	PacketInRate int
	// PacketInBurst is how many of them the session takes at once after a time without
	// any. Default 5000: each of a thousand ports that come up may ask for an address, an
	// advertisement and a few names.
	PacketInBurst int
	// UnaskedRate is how many unsolicited messages a second the session reads in
	// the long run: port-status and flow-removed messages, echo
	// requests, errors and replies that nobody waits for, and packet-ins above
	// PacketInRate. Every 128 bytes, or
	// part of that, count as one message; of packet-ins every 256. Above the rate the session pauses
	// reading, and the switch has to wait. Replies and a monitor's reports do not
	// count, but they wait for the messages before them: 10 MiB in the buffers of
	// a connection take 16 s by default, and up to 26 s if they are port-status
	// messages. Default 5000: about a hundredth of a processor.
	UnaskedRate int
	// UnaskedBurst is how many of them the session reads at once after a time
	// without any. Default 131072: two for each of the 65280 ports that an Open
	// vSwitch can have, as when all are added and their links come up.
	UnaskedBurst int
	// MissSendLen is how many bytes of a packet the switch sends in packet-ins
	// that no output action asked for (OpenFlow 1.3.5, 7.3.2). Default
	// 65535: the whole packet.
	MissSendLen uint16
	// Fragments is how the switch is to treat IP fragments (OpenFlow 1.3.5,
	// 7.3.2). Default FragNormal.
	Fragments uint16
	// AdmitPorts, if set, is called in the handshake for each part of the
	// switch's port descriptions, with the number of ports so far. A switch
	// has up to 65536, at about 150 bytes each. An error ends the handshake.
	// AdmitPorts may block until ctx ends, which it does when the connection has
	// no more time; meanwhile the session reads nothing.
	AdmitPorts func(ctx context.Context, ports int) error
	// Role is the role to request. Every connection starts with the default,
	// RoleEqual, so that is not requested.
	Role openflow.Role
	// GenerationID goes with RoleMaster and RoleSlave: the switch refuses one
	// older than the newest it has seen (OpenFlow 1.3.5, 6.3.4).
	GenerationID uint64
	// Logger receives log lines. Default: nothing is logged.
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
	setDefault(&c.PacketInRate, 5000)
	setDefault(&c.PacketInBurst, 5000)
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
