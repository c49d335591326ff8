package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// small mounts a file system of a megabyte on a folder.
func small(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=1m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// declare applies a network with so many ports.
func declare(t *testing.T, d *daemon, name string, ports int) (api.ApplyResult, error) {
	t.Helper()
	network, err := api.NewObject(name, nil, model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	req := api.ApplyRequest{Objects: []api.Object{network}}
	for i := range ports {
		port, err := api.NewObject(fmt.Sprintf("%s-%d", name, i), nil, model.PortSpec{Network: name})
		if err != nil {
			t.Fatal(err)
		}
		req.Objects = append(req.Objects, port)
	}
	return d.client.Apply(t.Context(), req)
}

// TestDiskFull: with no room a change is refused with 507 and nothing of it is
// done; everything else goes on, a restart too; and once there is room again
// so do changes, without one.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	lib := filepath.Join(dir, "lib")
	small(t, lib, 0)
	d := start(t, dir)
	if _, err := declare(t, d, "blue", 1); err != nil {
		t.Fatal(err)
	}
	// Writes what fits; the error is the point.
	_ = os.WriteFile(filepath.Join(lib, "filler"), make([]byte, 2<<20), 0o600)
	refused := func() {
		t.Helper()
		_, err := declare(t, d, "green", 1000)
		var e *api.Error
		if !errors.As(err, &e) || e.Status != http.StatusInsufficientStorage || e.Code != api.CodeNoSpace || !strings.Contains(e.Message, "make room") {
			t.Fatalf("%v, want 507", err)
		}
		s, err := d.client.Status(t.Context())
		if err != nil || s.Revision != 1 {
			t.Fatalf("%+v, %v", s, err)
		}
		if c, err := d.client.CheckIPAM(t.Context()); err != nil || !c.OK || c.Ports != 1 {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	refused()
	refused()
	var saved bytes.Buffer
	if b, err := d.client.Backup(t.Context(), &saved); err != nil || b.Revision != 1 {
		t.Errorf("backup on a full disk: revision %d, %v", b.Revision, err)
	}
	d.stop(syscall.SIGKILL)
	d = start(t, dir)
	refused()
	if err := os.Remove(filepath.Join(lib, "filler")); err != nil {
		t.Fatal(err)
	}
	if r, err := declare(t, d, "green", 1000); err != nil || r.Revision != 2 {
		t.Errorf("with room again: revision %d, %v", r.Revision, err)
	}
	if c, err := d.client.CheckIPAM(t.Context()); err != nil || !c.OK || c.Ports != 1001 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := d.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyFolder: sdnd says why it cannot start.
func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	small(t, filepath.Join(dir, "lib"), syscall.MS_RDONLY)
	d := launch(t, dir)
	if err := d.wait(); err == nil || !strings.Contains(d.stderr.String(), "lib/sdnd.db: read-only file system") {
		t.Errorf("%v\n%s", err, d.stderr)
	}
}

// TestBadDataFile: sdnd refuses a data file that it cannot trust, says what to
// do, and leaves the file as it is.
func TestBadDataFile(t *testing.T) {
	good := t.TempDir()
	d := start(t, good)
	if _, err := declare(t, d, "blue", 200); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if _, err := d.client.Backup(t.Context(), &saved); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		spoil func(path string) error
		want  string
	}{
		{"truncated", func(path string) error { return os.Truncate(path, int64(saved.Len()/2)) }, "the data file is damaged; restore a backup"},
		{"cut to nothing useful", func(path string) error { return os.Truncate(path, 100) }, "the data file is damaged; restore a backup"},
		{"overwritten in the middle", func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(bytes.Repeat([]byte("hello"), 4000), 2*4096)
			return errors.Join(err, f.Close())
		}, "the data file is damaged; restore a backup"},
		{"something else", func(path string) error {
			return os.WriteFile(path, []byte("kind: Network\nname: blue\n"), 0o600)
		}, "the data file is damaged; restore a backup"},
		{"newer", func(path string) error {
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				return err
			}
			err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("99")) })
			return errors.Join(err, db.Close())
		}, "the data file was written by a newer sdnd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "lib", "sdnd.db")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.WriteFile(path, saved.Bytes(), 0o600), tt.spoil(path)); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d := launch(t, dir)
			var exit *exec.ExitError
			if err := d.wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%v", err)
			}
			if said := d.stderr.String(); !strings.Contains(said, tt.want) || !strings.Contains(said, path) || strings.Contains(said, "goroutine") {
				t.Errorf("it says:\n%s", said)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
}

// TestStartFromBackup: a backup in the place of the data file is all it takes, with
// sdnd's authority beside it; without that, which the nodes know, sdnd says so.
func TestStartFromBackup(t *testing.T) {
	d := start(t, t.TempDir())
	if _, err := declare(t, d, "blue", 20); err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if _, err := d.client.Backup(t.Context(), &saved); err != nil {
		t.Fatal(err)
	}
	was, err := d.client.Ports(t.Context(), api.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "lib"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib", "sdnd.db"), saved.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := launch(t, dir)
	if err := lost.wait(); err == nil || !strings.Contains(lost.stderr.String(), "put ca.crt and ca.key back from a copy") {
		t.Errorf("without the authority: %v\n%s", err, lost.stderr)
	}
	if err := os.CopyFS(filepath.Join(dir, "lib", "pki"), os.DirFS(filepath.Join(d.dir, "lib", "pki"))); err != nil {
		t.Fatal(err)
	}
	d = start(t, dir)
	is, err := d.client.Ports(t.Context(), api.ListOptions{})
	if err != nil || fmt.Sprint(is.Revision, len(is.Items)) != "1 20" {
		t.Fatalf("revision %d, %d ports, %v", is.Revision, len(is.Items), err)
	}
	for i, p := range is.Items {
		if p.Name != was.Items[i].Name || p.Status.IP != was.Items[i].Status.IP || p.Status.MAC != was.Items[i].Status.MAC {
			t.Errorf("%s: %+v, was %+v", p.Name, p.Status, was.Items[i].Status)
		}
	}
}
