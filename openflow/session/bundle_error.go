package session

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/sdnctl/sdnctl/openflow"
)

// BundleError says that the switch refused a bundle, and for which message of
// it.
type BundleError struct {
	// Index of the refused message, counting from 0; -1 if the switch refused
	// the bundle as such, for example because another controller is master.
	Index int
	// Message is the refused message. If the bundle's messages could not be
	// iterated over again, it is the part that the switch sent back. It is nil if
	// Index is -1.
	Message []byte
	// Err is the switch's answer.
	Err *openflow.ErrorMsg
	// Refusals is how many messages were refused; Index is the first. It is 1
	// after a failed commit, which stops at the first.
	Refusals int
	// Committed is true if the rest of the bundle took effect nevertheless,
	// which is possible with BundlePipelined only.
	Committed bool
}

// Error names the message and the switch's reason.
func (e *BundleError) Error() string {
	what := "it"
	if e.Index >= 0 {
		what = fmt.Sprintf("message %d", e.Index)
		if text := describeMod(e.Message); text != "" {
			what += " (" + text + ")"
		}
	}
	outcome := "nothing was changed"
	if e.Committed {
		outcome = "the other messages took effect"
	}
	return fmt.Sprintf("bundle: switch refused %s: %s; %s", what, e.Err.Name(), outcome)
}

// Unwrap returns the switch's answer.
func (e *BundleError) Unwrap() error { return e.Err }

// describeMod returns the flow of a flow-mod as text, or "" for another message.
func describeMod(b []byte) string {
	m, err := openflow.DecodeMessage(b)
	if err != nil {
		return ""
	}
	if mod, ok := m.(interface{ String() string }); ok {
		return mod.String()
	}
	return m.Type().String()
}

// refusedMod finds the refused message by iterating over the bundle's messages
// again. Since an iter.Seq may not allow that, refusedMod compares what it finds
// with the beginning of the message that the switch sent back.
func refusedMod(mods iter.Seq[[]byte], index int, sentBack []byte) []byte {
	if len(sentBack) >= openflow.BundleAddHeaderLen && openflow.MessageType(sentBack[1]) == openflow.TypeExperimenter {
		sentBack = sentBack[openflow.BundleAddHeaderLen:]
	}
	i := 0
	for mod := range mods {
		if i == index {
			if sameButXid(mod, sentBack) {
				return bytes.Clone(mod)
			}
			break
		}
		i++
	}
	return bytes.Clone(sentBack)
}

// sameButXid says whether mod begins with the bytes of excerpt, whatever the
// xid of either.
func sameButXid(mod, excerpt []byte) bool {
	n := len(excerpt)
	if n > len(mod) {
		return false
	}
	return bytes.Equal(mod[:min(n, 4)], excerpt[:min(n, 4)]) &&
		(n <= openflow.HeaderLen || bytes.Equal(mod[openflow.HeaderLen:n], excerpt[openflow.HeaderLen:]))
}
