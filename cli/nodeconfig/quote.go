package nodeconfig

import (
	"encoding/json"
	"strings"
)

// ShellQuote returns s so that a POSIX shell reads it as one word.
func ShellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// valueQuote writes s as a string of ovs-vsctl's column values, quoted when a
// character in it would mean something else (ovs-vsctl(8), "Database Values").
func valueQuote(s string) string {
	if s != "" && !strings.ContainsAny(s, `:=, []{}!<>"\`) {
		return s
	}
	quoted, err := json.Marshal(s) // ovs-vsctl reads JSON's escapes
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(quoted)
}
