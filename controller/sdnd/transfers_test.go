package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTransferOptions: options of zone transfers that do not fit together stop the start, and say what to change.
func TestTransferOptions(t *testing.T) {
	good, open := filepath.Join(t.TempDir(), "good"), filepath.Join(t.TempDir(), "open")
	for file, mode := range map[string]os.FileMode{good: 0o600, open: 0o644} {
		text := `key "a" { algorithm hmac-sha256; secret "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="; };`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		o    options
		want string
	}{
		{options{}, ""},
		{options{dnsTransferListen: ":5353", dnsTransferKeys: good}, ""},
		{options{dnsTransferKeys: good}, "not transferred without --dns-transfer-listen"},
		{options{dnsTransferNameServers: "ns1.example.com"}, "not transferred without --dns-transfer-listen"},
		{options{dnsTransferListen: ":5353"}, "tsig-keygen NAME > FILE"},
		{options{dnsTransferListen: ":5353", dnsTransferKeys: good + "x"}, "--dns-transfer-keys: file of keys: open"},
		{options{dnsTransferListen: ":5353", dnsTransferKeys: open}, "chmod 640 " + open},
		{options{dnsTransferListen: ":5353", dnsTransferKeys: good, dnsTransferNameServers: "a b"}, `"a b" is not the name of a server`},
	} {
		if _, err := openTransferKeys(tt.o, slog.New(slog.DiscardHandler)); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
	c, err := openTransferKeys(options{dnsTransferListen: ":5353", dnsTransferKeys: good, dnsTransferNameServers: "NS1.example.com., ns2.example.com"}, slog.New(slog.DiscardHandler))
	if err != nil || !slices.Equal(c.NameServers, []string{"ns1.example.com.", "ns2.example.com."}) {
		t.Errorf("%v, %v", c.NameServers, err)
	}
}
