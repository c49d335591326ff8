package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestDataFileLost: a data file that is removed, or emptied, under sdnd stops
// changes with what to do, and nothing else; what is in memory can be saved, and
// is the topology of the sdnd that starts from it.
func TestDataFileLost(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			metrics := freeAddr(t)
			d := start(t, dir, "--metrics-listen", metrics)
			if _, err := declare(t, d, "blue", 200); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "lib", "sdnd.db")
			if err := spoil(file); err != nil {
				t.Fatal(err)
			}
			resp, err := http.Get("http://" + metrics + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %s", resp.Status)
			}
			_, err = declare(t, d, "green", 1)
			var e *api.Error
			if !errors.As(err, &e) || e.Code != api.CodeFileLost || !strings.Contains(e.Message, "sdnctl backup") {
				t.Errorf("a change: %v", err)
			}
			if s, err := d.client.Status(t.Context()); err != nil || s.Ports != 200 {
				t.Errorf("the status: %+v %v", s, err)
			}
			// Whatever it answers, sdnd lives.
			_, _ = d.client.History(t.Context(), api.HistoryOptions{Limit: 10})
			_, _ = d.client.CheckIPAM(t.Context())
			var saved bytes.Buffer
			if b, err := d.client.Backup(t.Context(), &saved); err != nil || b != (api.Backup{Revision: 1, FromMemory: true}) {
				t.Fatalf("backup: %+v %v", b, err)
			}
			other := launch(t, dir, "--api-socket", filepath.Join(dir, "other.sock"))
			if err := other.wait(); err == nil || !strings.Contains(other.stderr.String(), "in use by another sdnd") {
				t.Errorf("a second sdnd: %v\n%s", err, other.stderr)
			}
			if err := d.stop(syscall.SIGTERM); err != nil {
				t.Errorf("%v\n%s", err, d.stderr)
			}
			if err := os.WriteFile(file, saved.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			d = start(t, dir)
			if s, err := d.client.Status(t.Context()); err != nil || s.Ports != 200 || s.Revision != 1 {
				t.Errorf("after a start from the backup: %+v %v", s, err)
			}
			if _, err := declare(t, d, "green", 1); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNewestStateDamaged: one bit that flips in the page that makes the newest
// state valid does not take sdnd back a revision without a word.
func TestNewestStateDamaged(t *testing.T) {
	dir := t.TempDir()
	d := start(t, dir)
	for _, name := range []string{"blue", "green", "red"} {
		if _, err := d.client.Create(t.Context(), networkOf(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.stop(syscall.SIGKILL); err == nil {
		t.Fatal("it ended by itself")
	}
	file := filepath.Join(dir, "lib", "sdnd.db")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The transaction id is 8 bytes of each of the two first pages (bbolt, type
	// Meta); the greater counts.
	page, at := os.Getpagesize(), 16+48
	if bytes.Compare(b[page+at:page+at+1], b[at:at+1]) > 0 {
		at += page
	}
	b[at] ^= 0x40
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	d = launch(t, dir)
	if err := d.wait(); err == nil || !strings.Contains(d.stderr.String(), "--data-accept-older") {
		t.Fatalf("%v\n%s", err, d.stderr)
	}
	d = start(t, dir, "--data-accept-older")
	if s, err := d.client.Status(t.Context()); err != nil || s.Networks != 2 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := d.client.Create(t.Context(), networkOf(t, "red")); err != nil {
		t.Fatal(err)
	}
	d.stop(syscall.SIGKILL)
	start(t, dir)
}

func networkOf(t *testing.T, name string) api.Object {
	t.Helper()
	o, err := api.NewObject(name, nil, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	return o
}
