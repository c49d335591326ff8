package openflow

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// recordedMessages returns every message of a recorded conversation with Open
// vSwitch, of either side.
func recordedMessages(t testing.TB) (messages [][]byte) {
	t.Helper()
	data, err := os.ReadFile("session/testdata/conversations/openvswitch.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "<" && words[0] != ">" {
			continue
		}
		b, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		messages = append(messages, b)
	}
	if len(messages) == 0 {
		t.Fatal("the recorded conversation is empty")
	}
	return messages
}

// TestRealMessagesComeBack decodes and encodes what Open vSwitch has said: not
// a byte may change, and no part of a message be beyond us.
func TestRealMessagesComeBack(t *testing.T) {
	for _, b := range recordedMessages(t) {
		m, err := DecodeMessage(b)
		if err != nil {
			t.Errorf("%x: %v", b, err)
			continue
		}
		if again := encode(t, m); !bytes.Equal(b, again) {
			t.Errorf("%T changed:\n%s\nto\n%s", m, hex.Dump(b), hex.Dump(again))
		}
		if r, ok := m.(*MultipartReply); ok {
			if err := readBody(r); err != nil {
				t.Error(err)
			}
		}
		switch m.(type) {
		case *Unknown, *Experimenter:
			t.Errorf("%v: a message that we have no struct for", m.Type())
		}
	}
}
