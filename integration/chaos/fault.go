package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Direction is where a message goes.
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

// Kind is what happens to a connection.
type Kind int

const (
	// Cut ends the connection in order: the controller reads its end (FIN).
	Cut Kind = iota
	// Reset ends it by surprise (RST); between unix sockets it is a Cut.
	Reset
	// Truncate passes on half of a message and then cuts.
	Truncate
	// Delay holds the messages in one direction up for Fault.Delay.
	Delay
	// HalfOpen ends it on the switch's side alone: the controller's stays
	// open, takes everything, and says nothing any more.
	HalfOpen
	// Duplicate has the switch connect a second time while the first
	// connection lives, and go on with both.
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

// Fault is something that happens to a connection once, at a place.
type Fault struct {
	Kind Kind
	// Before message At, counting from 0 and without echoes, in the direction
	// Dir. Truncate is in the middle of that message.
	Dir Direction
	At  int
	// Delay is for how long messages are held up, for Kind Delay.
	Delay time.Duration
}

// String describes the fault for a test's failure.
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
