package session

import (
	"bytes"
	"sync"

	"github.com/sdnctl/sdnctl/openflow"
)

// bundleCall receives all replies and errors for one bundle. The messages
// of a bundle have positions: 0 is the open request, 1.. the messages added,
// and then come the control requests. The xid of position p is base+p, with the
// top bit set.
type bundleCall struct {
	base openflow.Xid

	mu       sync.Mutex
	awaited  uint32      // guarded by mu: position of the control request under way
	answered chan []byte // guarded by mu: capacity 1, takes its reply or error
	refused  uint32      // guarded by mu: position of the first message refused
	refusal  []byte      // guarded by mu: the error for it, nil if there is none
	refusals int         // guarded by mu
}

func (b *bundleCall) xid(position uint32) openflow.Xid { return (b.base + position) | bundleXid }

// await declares that the request at position is about to be sent. Its answer
// will be sent to the channel returned.
func (b *bundleCall) await(position uint32) <-chan []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.awaited, b.answered = position, make(chan []byte, 1)
	return b.answered
}

func (*bundleCall) long() bool { return false }

func (b *bundleCall) receive(frame []byte) bool {
	position := (frameXid(frame) - b.base) &^ bundleXid
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answered != nil && position == b.awaited {
		select {
		case b.answered <- bytes.Clone(frame):
		default:
		}
		return false
	}
	if openflow.FrameType(frame) != openflow.TypeError {
		return false // a reply that nothing depends on, as to the open request
	}
	if b.refusals++; b.refusal == nil || position < b.refused {
		b.refused, b.refusal = position, bytes.Clone(frame)
	}
	return false
}

// firstRefusal returns the error for the first message that the switch refused,
// or nil.
func (b *bundleCall) firstRefusal() (position uint32, frame []byte, refusals int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused, b.refusal, b.refusals
}
