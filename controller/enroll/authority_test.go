package enroll

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// keeper opens authorities in one folder, with one set of notes and a clock.
type keeper struct {
	*testing.T
	dir   string
	notes *fakeNotes
	log   bytes.Buffer
	now   func() time.Time
	hosts []string
}

func newKeeper(t *testing.T) *keeper {
	return &keeper{
		T: t, dir: filepath.Join(t.TempDir(), "pki"), notes: &fakeNotes{notes: map[string][]byte{}},
		now: time.Now, hosts: []string{"localhost", "127.0.0.1", "192.0.2.10"},
	}
}

func (k *keeper) open() (*Authority, error) {
	return Open(k.dir, k.notes, Options{
		Logger: slog.New(slog.NewTextHandler(&k.log, nil)), Now: k.now, Hosts: func() []string { return k.hosts },
	})
}

func (k *keeper) mustOpen() *Authority {
	k.Helper()
	a, err := k.open()
	if err != nil {
		k.Fatal(err)
	}
	return a
}

// server checks sdnd's certificate for the hosts, and returns the file.
func (k *keeper) server(a *Authority) string {
	k.Helper()
	if err := a.Files().CheckServer(k.now(), 0, k.hosts); err != nil {
		k.Error(err)
	}
	b, err := os.ReadFile(a.Files().Cert)
	if err != nil {
		k.Fatal(err)
	}
	return string(b)
}

// TestAuthorityIsKept: the first start creates an authority and sdnd's certificate, whose keys
// only the owner can read. Later starts change neither. A signed certificate is for the node.
func TestAuthorityIsKept(t *testing.T) {
	k := newKeeper(t)
	first := k.mustOpen()
	cert := k.server(first)
	for _, key := range []string{"ca.key", "sdnd.key"} {
		if info, err := os.Stat(filepath.Join(k.dir, key)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", key, info, err)
		}
	}
	again := k.mustOpen()
	if again.Fingerprint() != first.Fingerprint() || k.server(again) != cert {
		t.Error("another authority or certificate after a restart")
	}
	request, _, err := pki.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := again.Sign(request, "node1")
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pki.ParseCertificates(signed)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := pki.IdentityOf(certs[0]); err != nil || who.String() != "node/node1" {
		t.Errorf("signed for %v, %v", who, err)
	}
	if err := certs[0].CheckSignatureFrom(first.ca.Certificate()); err != nil {
		t.Error(err)
	}
}

// TestLostAuthorityIsNoNewOne: sdnd does not replace a lost authority, because the nodes trust
// only that one; it says what to do. It uses a copy of the authority, or another one that
// somebody put there.
func TestLostAuthorityIsNoNewOne(t *testing.T) {
	k := newKeeper(t)
	first := k.mustOpen().Fingerprint()
	saved := k.dir + ".copy"
	if err := os.Rename(k.dir, saved); err != nil {
		t.Fatal(err)
	}
	_, err := k.open()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "sdnctl pki init") {
		t.Errorf("lost: %v", err)
	}
	if _, err := os.Stat(filepath.Join(k.dir, "ca.key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an authority was made: %v", err)
	}
	if err := os.Rename(saved, k.dir); err != nil {
		t.Fatal(err)
	}
	if got := k.mustOpen().Fingerprint(); got != first {
		t.Errorf("%v, want %v", got, first)
	}

	other := newKeeper(t)
	want := other.mustOpen().Fingerprint()
	k.dir = other.dir
	k.log.Reset()
	if got := k.mustOpen().Fingerprint(); got != want || !strings.Contains(k.log.String(), "must be invited again") {
		t.Errorf("another authority is used without a warning:\n%s", k.log.String())
	}
	k.log.Reset()
	if k.mustOpen(); strings.Contains(k.log.String(), "must be invited again") {
		t.Error("warned again")
	}
}

// TestDamagedAuthority: a file that is not an authority, or an expired authority, is an error.
func TestDamagedAuthority(t *testing.T) {
	k := newKeeper(t)
	k.mustOpen()
	k.now = func() time.Time { return time.Now().Add(authorityLife + time.Hour) }
	if _, err := k.open(); err == nil || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("expired: %v", err)
	}
	k.now = time.Now
	if err := os.WriteFile(filepath.Join(k.dir, "ca.crt"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.open(); err == nil || !strings.Contains(err.Error(), "from a copy") {
		t.Errorf("damaged: %v", err)
	}
}

// TestServerCertificateIsRenewed: sdnd renews its certificate when it starts on a machine with
// another address, and, while it runs, long before the certificate expires.
func TestServerCertificateIsRenewed(t *testing.T) {
	k := newKeeper(t)
	before := k.server(k.mustOpen())
	k.hosts = append(k.hosts, "192.0.2.11")
	after := k.server(k.mustOpen())
	if after == before {
		t.Error("not renewed for another address")
	}
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(t)
		a := k.mustOpen()
		before := k.server(a)
		time.Sleep(serverLife - serverLife/3 - 3*checkEvery)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- a.Run(ctx) }()
		time.Sleep(2 * checkEvery)
		if k.server(a) != before {
			t.Error("renewed while a third of its time is left")
		}
		time.Sleep(3 * checkEvery)
		if k.server(a) == before {
			t.Error("not renewed")
		}
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}
