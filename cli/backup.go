package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type backupOptions struct {
	app *app
}

func newBackupCmd(a *app) *cobra.Command {
	o := &backupOptions{app: a}
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Back up sdnd's data file while it runs",
		Long: `Copy sdnd's data file while sdnd runs. The copy is consistent: it has the objects,
their allocations and the history as of one moment. An existing FILE is replaced
once the copy is complete. - is standard output.

If the data file is lost or damaged, the backup is made from memory. It has all
objects and allocations, but no history, no bindings (where ports were last
seen) and no invitations; a message on standard error says so.

'sdnctl restore' goes back to a backup. sdnd also starts from one: stop sdnd,
put FILE in the place of its data file, and start sdnd. On another machine, or
where it was lost, sdnd also needs the folder pki beside the data file. It holds
sdnd's certificate authority (CA), which the nodes trust, and is not part of the
backup. Copy it with 'cp -a /var/lib/sdnctl/pki DIR', and keep the copy secret:
whoever has it can make certificates.`,
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
		b, err := client.Backup(ctx, o.app.binary)
		if err == nil {
			o.report(b)
		}
		return err
	}
	var (
		b    api.Backup
		size int64
	)
	err = replaceFile(path, func(f *os.File) error {
		var err error
		if b, err = client.Backup(ctx, f); err != nil {
			return err
		}
		fi, err := f.Stat()
		if err == nil {
			size = fi.Size()
		}
		return err
	})
	if err == nil {
		o.app.note("%s: revision %d, %d bytes", path, b.Revision, size)
		o.report(b)
	}
	return err
}

// report prints what the backup does not contain.
func (o *backupOptions) report(b api.Backup) {
	if b.FromMemory {
		o.app.note("the data file of sdnd is lost or damaged: this backup is made from memory and has no history, no bindings and no invitations; " +
			"'sdnctl backup --help' says how sdnd starts from it")
	}
}

// replaceFile writes a file so that at every moment either the old or the complete new one
// exists. Only its owner may read it.
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
