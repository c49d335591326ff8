package zonetransfer

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const (
	secret1 = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	secret2 = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// keyText is what tsig-keygen prints.
func keyText(name, algorithm, secret string) string {
	return "key \"" + name + "\" {\n\talgorithm " + algorithm + ";\n\tsecret \"" + secret + "\";\n};\n"
}

// TestParseKeys: what tsig-keygen prints and named reads is read, with comments and on one line; anything else
// has an error with its line.
func TestParseKeys(t *testing.T) {
	good := "# ours\n// theirs\n/* both\n */" + keyText("One.Example", "hmac-sha256", secret1) + `key two { secret "` + secret2 + `"; algorithm HMAC-SHA512; };`
	all, err := parseKeys(good)
	if err != nil || len(all) != 2 || all["one.example."].algorithm != dns.HmacSHA256 || all["two."].algorithm != dns.HmacSHA512 || len(all["two."].secret) != 32 {
		t.Errorf("%v, %v", all, err)
	}
	for text, want := range map[string]string{
		"":                                  "it has no key",
		"zone a { };":                       `line 1: "zone" is not the beginning of a key`,
		"\n\nkey a {":                       "line 3: the file ends within a key",
		"key a":                             "the file ends within a key",
		"key { };":                          `"{" is not the name of a key`,
		"key a { algorithm hmac-md5;":       `"hmac-md5" is not an algorithm of keys here: hmac-sha256`,
		"key a { secret \"!\"; };":          "the secret is not in base64",
		"key a { secret \"c2hvcnQ=\"; };":   "the secret has 5 bytes, at least 16 are needed",
		"key a { algorithm hmac-sha256; };": "the key a. lacks an algorithm or a secret",
		"key a { server x; };":              `a key has no "server"`,
		"key a { secret " + secret1 + " }":  `"}" where ; belongs`,
		"key a { secret \"abc\n\"; };":      "a string does not end on its line",
		"/* ":                               "a comment does not end",
		keyText("a", "hmac-sha256", secret1) + keyText("A", "hmac-sha256", secret2): "the key a. comes twice",
	} {
		if _, err := parseKeys(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	many := ""
	for i := range maxKeys + 1 {
		many += keyText("k"+strings.Repeat("x", i%60)+string(rune('a'+i/60)), "hmac-sha256", secret1)
	}
	if _, err := parseKeys(many); err == nil || !strings.Contains(err.Error(), "more than 256 keys") {
		t.Errorf("%v", err)
	}
}

// FuzzParseKeys: no text makes the parser fail otherwise than with an error.
func FuzzParseKeys(f *testing.F) {
	f.Add(keyText("a", "hmac-sha256", secret1))
	f.Add("key \"")
	f.Add("key a { secret \"\n")
	f.Fuzz(func(t *testing.T, text string) {
		if all, err := parseKeys(text); err == nil && len(all) == 0 {
			t.Errorf("%q has no keys and no error", text)
		}
	})
}

// TestKeyFile: others must not be able to read the file; it is read again when it has changed, and while it
// cannot be read there are no keys.
func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file+".new", mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	fails := func(want string) {
		t.Helper()
		if _, err := OpenKeys(file, logger); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	fails("no such file")
	for _, mode := range []os.FileMode{0o644, 0o604, 0o620, 0o601} {
		write(keyText("one", "hmac-sha256", secret1), mode)
		fails("chmod 640 " + file)
	}
	write(strings.Repeat("#", maxKeyFile+1), 0o600)
	fails("more than 1048576 bytes")
	if _, err := OpenKeys(filepath.Dir(file), logger); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Errorf("a folder: %v", err)
	}
	write(keyText("one", "hmac-sha256", secret1), 0o640)
	keys, err := OpenKeys(file, logger)
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string, want bool) {
		t.Helper()
		if _, ok := keys.find(name); ok != want {
			t.Errorf("key %s: %t\n%s", name, ok, &log)
		}
	}
	has("ONE.", true)
	write(keyText("two", "hmac-sha256", secret2), 0o600)
	has("one.", false)
	has("two.", true)
	write("nonsense", 0o600)
	has("two.", false)
	has("two.", false)
	if n := strings.Count(log.String(), "cannot be used"); n != 1 {
		t.Errorf("said %d times that there are no keys: %s", n, &log)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	has("two.", false)
	write(keyText("two", "hmac-sha256", secret2), 0o600)
	has("two.", true)
}
