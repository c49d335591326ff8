package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

type backupOptions struct {
	app *app
	cmd *cobra.Command
}

func newBackupCmd(a *app) *cobra.Command {
	o := &backupOptions{app: a}
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up sdnd's data file while it runs",
		Long: `Copy sdnd's data file, of one moment, while changes go on. It has everything:
objects, what was allocated to them, and history. FILE is replaced if it exists,
and only once the copy is whole; - is standard output.

'sdnctl restore' goes back to it. Also, sdnd starts from it when it is put in
the place of its own data file while sdnd does not run.`,
		Example: `  sdnctl backup sdnd-2026-01-15.db
  sdnctl backup - | ssh elsewhere 'cat > sdnd.db'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	return cmd
}

func (o *backupOptions) run(ctx context.Context, path string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	if path == "-" {
		_, err := client.Backup(ctx, o.app.binary)
		return err
	}
	var what string
	err = replaceFile(path, func(f *os.File) error {
		rev, err := client.Backup(ctx, f)
		if err != nil {
			return err
		}
		fi, err := f.Stat()
		if err == nil {
			what = fmt.Sprintf("revision %d, %d bytes", rev, fi.Size())
		}
		return err
	})
	if err == nil {
		o.app.note("%s: %s", path, what)
	}
	return err
}

// replaceFile writes a file so that at every moment the old one is there, or
// the new one, whole. Only its owner may read it.
func replaceFile(path string, write func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
