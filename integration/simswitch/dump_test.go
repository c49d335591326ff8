package simswitch_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// dumpOf is a kind of multipart reply that lists what a table has.
type dumpOf struct {
	name     string
	lengthAt int // of an entry's length
	age      int // where in an entry it says how long it has been there; 0 nowhere
}

// dumpKind returns the kind of dump that a message is.
func dumpKind(f []byte) (dumpOf, bool) {
	if openflow.MessageType(f[1]) != openflow.TypeMultipartReply {
		return dumpOf{}, false
	}
	switch openflow.MultipartType(be.Uint16(f[8:])) {
	case openflow.MultipartFlow:
		return dumpOf{name: "flow", age: 4}, true
	case openflow.MultipartGroupDesc:
		return dumpOf{name: "group"}, true
	case openflow.MultipartGroup:
		return dumpOf{name: "group", age: 32}, true
	case openflow.MultipartMeterConfig:
		return dumpOf{name: "meter"}, true
	case openflow.MultipartMeter:
		return dumpOf{name: "meter", lengthAt: 4, age: 32}, true
	}
	return dumpOf{}, false
}

// entries splits the body of a message, and clears ages.
func (k dumpOf) entries(tb testing.TB, f []byte) (all [][]byte) {
	tb.Helper()
	for b := f[16:]; len(b) > 0; {
		n := int(be.Uint16(b[k.lengthAt:]))
		if n < 8 || n > len(b) || n < k.age+8 {
			tb.Fatalf("entry of %d bytes", n)
		}
		e := slices.Clone(b[:n])
		if k.age > 0 {
			clear(e[k.age : k.age+8])
		}
		all, b = append(all, e), b[n:]
	}
	return all
}

// lines writes down entries, sorted: a dump has no order.
func (k dumpOf) lines(dump [][]byte) []string {
	lines := make([]string, 0, len(dump))
	for _, e := range dump {
		lines = append(lines, fmt.Sprintf("  %s%s %s", k.name, k.text(e), hex.EncodeToString(e)))
	}
	slices.Sort(lines)
	return lines
}

// text shows a flow so that differences can be read.
func (k dumpOf) text(e []byte) string {
	if k.name != "flow" {
		return ""
	}
	r := openflow.MultipartReply{Kind: openflow.MultipartFlow, Body: e}
	for s, err := range r.Flows() {
		if err != nil {
			return " " + err.Error()
		}
		return fmt.Sprintf(" %v cookie=%v", &s.Flow, s.Cookie)
	}
	return ""
}
