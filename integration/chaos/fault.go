package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Direction is the direction of a message.
type Direction int

// The two directions.
const (
	ToSwitch Direction = iota
	ToController
)

// String returns the direction in words.
func (d Direction) String() string {
	if d == ToSwitch {
		return "to the switch"
	}
	return "to the controller"
}

// Kind is the kind of a fault.
type Kind int

const (
	// Cut closes the connection: the controller reads the end of the stream (FIN).
	Cut Kind = iota
	// Reset resets it (RST). Between unix sockets it is the same as Cut.
	Reset
	// Truncate passes on half of a message and then cuts.
	Truncate
	// Delay delays the messages in one direction by Fault.Delay.
	Delay
	// HalfOpen closes it on the switch's side only. The controller's side stays open,
	// accepts all messages, and sends none.
	HalfOpen
	// Duplicate makes the switch connect a second time while the first connection is open,
	// and keeps both.
	Duplicate
	// Takeover is Duplicate followed by a Cut of the first.
	Takeover
	kinds int = iota
)

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"cut", "reset", "truncate", "delay", "half-open", "duplicate", "takeover"}[k]
}

// Fault is a fault of a connection that occurs once, at a place.
type Fault struct {
	Kind Kind
	// Before message At, counting from 0 and without echoes, in the direction
	// Dir. Truncate is in the middle of that message.
	Dir Direction
	At  int
	// Delay is the delay of messages, for Kind Delay.
	Delay time.Duration
}

// String describes the fault, for errors.
func (f Fault) String() string {
	return fmt.Sprintf("%v before message %d %v", f.Kind, f.At, f.Dir)
}

// Random returns a fault of a random kind within the first n messages of either
// direction, with a delay below 2·delay.
func Random(r *rand.Rand, n int, delay time.Duration) Fault {
	return Fault{
		Kind: Kind(r.IntN(kinds)), Dir: Direction(r.IntN(2)), At: r.IntN(n),
		Delay: time.Duration(r.Int64N(int64(2 * delay))),
	}
}
