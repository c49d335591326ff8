package nodeconfig

import (
	"encoding/json"
	"strings"
)

// ShellQuote quotes s, if necessary, so that a POSIX shell reads it as one word.
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

// valueQuote quotes s for ovs-vsctl, if it has a character with a special meaning
// (ovs-vsctl(8), "Database Values").
func valueQuote(s string) string {
	if s != "" && !strings.ContainsAny(s, `:=, []{}!<>"\`) {
		return s
	}
	quoted, err := json.Marshal(s) // ovs-vsctl accepts the escapes of JSON
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(quoted)
}
