package session

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/openflow"
)

// update is the flag of tests that compare with what was recorded from Open
// vSwitch.
var update = flag.Bool("update", false, "record testdata anew from the real Open vSwitch")

// flowKind is a flow of one kind, and how it reads.
type flowKind struct {
	name, want string
	flow       openflow.Flow
}

// flowKinds has a flow for every field, action and instruction; package openflow
// keeps them in a file.
func flowKinds(t testing.TB) []flowKind {
	t.Helper()
	text, err := os.ReadFile("../testdata/kinds.txt")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []flowKind
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(parts) != 3 {
			t.Fatalf("%q: want a name, a text and a message", line)
		}
		b, err := hex.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		m, err := openflow.DecodeMessage(b)
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, flowKind{parts[0], parts[1], m.(*openflow.FlowMod).Flow})
	}
	return kinds
}

// encode returns entries one behind the other.
func encode(t testing.TB, entries ...interface {
	AppendBinary([]byte) ([]byte, error)
}) (b []byte) {
	t.Helper()
	for _, e := range entries {
		var err error
		if b, err = e.AppendBinary(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// experimenterBody begins the body of a multipart message of one of ONF's types.
func experimenterBody(typ uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, openflow.ExperimenterONF)
	return binary.BigEndian.AppendUint32(b, typ)
}

// sampleUpdates is the body of a message with a report of each sort.
func sampleUpdates(t testing.TB) []byte {
	t.Helper()
	b := append(experimenterBody(openflow.ONFFlowMonitor), encode(t, &openflow.FlowUpdate{Event: openflow.FlowAbbrev, ModXid: 0x2b}, &openflow.FlowUpdate{Event: openflow.FlowModified})...)
	for _, k := range flowKinds(t) {
		f := k.flow
		f.Flags = 0 // which reports do not have
		b = append(b, encode(t, &openflow.FlowUpdate{Event: openflow.FlowAdded, Flow: f})...)
	}
	return b
}
