package ovsdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// frames cuts s into messages, one byte per read.
func frames(s string, max int) ([]string, error) {
	f := newFramer(iotest.OneByteReader(strings.NewReader(s)), max, partOf(newPool(max)))
	var got []string
	for {
		b, _, err := f.next(context.Background())
		if err != nil {
			return got, err
		}
		got = append(got, string(b))
	}
}

func TestFramer(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		err      string
	}{
		{"nothing", "", nil, "EOF"},
		{"white space", " \r\n\t", nil, "EOF"},
		{"back to back", `{"a":1}{"b":{"c":[{}]}} {}`, []string{`{"a":1}`, `{"b":{"c":[{}]}}`, `{}`}, "EOF"},
		{"braces in strings", `{"a{":"}\"}\\"}{}`, []string{`{"a{":"}\"}\\"}`, `{}`}, "EOF"},
		{"cut", `{}{"a":1`, []string{`{}`}, "unexpected EOF"},
		{"exactly the limit", `{"a":"0123456789ab"}`, []string{`{"a":"0123456789ab"}`}, "EOF"},
		{"beyond the limit", `{}{"a":"0123456789abc"}`, []string{`{}`}, "message of more than 20 bytes"},
		{"array", `{}[]`, []string{`{}`}, "peer does not speak OVSDB: a message begins with byte 0x5b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := frames(tt.in, 20)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("messages (-want +got):\n%s", d)
			}
			if err.Error() != tt.err {
				t.Errorf("error %q, want %q", err, tt.err)
			}
		})
	}
}

func TestFramerGivesLargeBuffersBack(t *testing.T) {
	f := newFramer(strings.NewReader(`{"a":"`+strings.Repeat("x", 1<<20)+`"}{}`), 2<<20, partOf(newPool(2<<20)))
	for range 2 {
		if _, _, err := f.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if cap(f.buf) > keepBuffer {
		t.Errorf("a buffer of %d bytes is kept", cap(f.buf))
	}
}

// FuzzFramer holds the framer against encoding/json: a stream of objects that
// the latter can read is cut at the same places.
func FuzzFramer(f *testing.F) {
	f.Add([]byte(`{"a":"}"} {"b":[{}]}`))
	f.Add([]byte(`{"a":"\\"}{"b":"\"{"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := frames(string(b), 1<<20)
		if err == nil {
			t.Fatal("no end")
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		for i := 0; ; i++ {
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				if errors.Is(err, io.EOF) && len(got) != i {
					t.Fatalf("%d messages, want %d", len(got), i)
				}
				return
			}
			if raw[0] != '{' {
				return
			}
			if i >= len(got) || got[i] != string(raw) {
				t.Fatalf("message %d of %q is not %q", i, got, raw)
			}
		}
	})
}
