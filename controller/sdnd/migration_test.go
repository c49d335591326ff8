package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// TestCheckMigration asks about a file that the release before wrote.
func TestCheckMigration(t *testing.T) {
	z, err := os.Open("../../topology/store/bolt/testdata/schema1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r, err := gzip.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sdnd.db")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func() (string, error) {
		var out bytes.Buffer
		cmd := newCommand(nil)
		cmd.SetOut(&out)
		cmd.SetArgs([]string{"--check-migration", "--data", file})
		err := cmd.Execute()
		return strings.TrimSpace(out.String()), err
	}
	want := file + ": schema 1, revision 3: would be migrated to schema 2 (4 ports, 2 blocks), and kept as it is in " + file + ".schema1-revision3"
	if out, err := ask(); err != nil || out != want {
		t.Errorf("%q, %v\nwant %q", out, err, want)
	}
	st, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := ask(); err == nil || !strings.Contains(err.Error(), "sdnctl backup FILE") {
		t.Errorf("while sdnd has it open: %q, %v", out, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := ask(); err != nil || out != file+": schema 2, revision 3: nothing to do" {
		t.Errorf("migrated: %q, %v", out, err)
	}
}
