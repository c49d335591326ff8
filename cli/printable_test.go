package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"web1 läuft\tgut …\n":   "web1 läuft\tgut …\n",
		"\x1b[31mred\x07":       `\u001b[31mred\u0007`,
		"line\rover":            `line\u000dover`,
		"c1 \u009b, del \x7f":   `c1 \u009b, del \u007f`,
		"\u202etxt.exe, \u200b": `\u202etxt.exe, \u200b`,
		"no text \xff\xfe":      `no text \ufffd\ufffd`,
		"\U000e0001":            `\udb40\udc01`,
	} {
		for _, size := range []int{1, 2, 3, len(in)} { // also cut within a character
			var b strings.Builder
			w := &printable{w: &b}
			for p := []byte(in); len(p) > 0; {
				n, err := w.Write(p[:min(size, len(p))])
				if err != nil {
					t.Fatal(err)
				}
				p = p[n:]
			}
			if b.String() != want {
				t.Errorf("%q in pieces of %d is written as %q, want %q", in, size, b.String(), want)
			}
		}
	}
}

// TestPrintableKeepsJSON: printed JSON still has every character of a name.
func TestPrintableKeepsJSON(t *testing.T) {
	name := "a\x1b[2Jb\u009bc\u202ed\U000e0001e\x7f"
	var b bytes.Buffer
	if err := json.NewEncoder(&printable{w: &b}).Encode(name); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back != name {
		t.Errorf("%q was read as %q, %v", b.String(), back, err)
	}
	if _, err := (&printable{w: broken{}}).Write([]byte("x")); err == nil {
		t.Error("an error of the writer is lost")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
