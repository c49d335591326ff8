package cli

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// printable writes text to a terminal or a file. Names and messages come from switches,
// containers and other people, and a terminal executes control characters: they could
// change what it shows, or type for the user. So every character that is not printable is
// written as its escape in JSON, \u001b, which keeps JSON and YAML valid. Newlines and tabs
// stay.
type printable struct {
	w io.Writer
	// cut has the first bytes of a character that is not complete yet.
	cut []byte
}

// Write writes text; p may end within a character.
func (w *printable) Write(p []byte) (int, error) {
	text := append(w.cut, p...)
	w.cut = nil
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			w.cut = append([]byte(nil), text...)
			break
		}
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n', r == '\t', unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default: // bytes that are no character, too
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	if _, err := w.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
