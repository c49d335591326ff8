package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
)

type restoreOptions struct {
	app    *app
	dryRun bool
	wait   waitFlag
	output output
}

func newRestoreCmd(a *app) *cobra.Command {
	o := &restoreOptions{app: a}
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore the topology from a backup",
		Long: `Restore the topology from a file of 'sdnctl backup' in one transaction. The objects
and the addresses, VNIs and numbers that were allocated to them become exactly what
they were. This makes a new revision in your name: the history continues, and
switches get only the difference. Bindings (where interfaces are) are observed, not restored.

With --dry-run, show the difference and change nothing.`,
		Example: `  sdnctl restore sdnd-2026-01-15.db --dry-run
  sdnctl restore sdnd-2026-01-15.db --wait`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what would change")
	o.wait.add(a, cmd)
	o.output.flags(a, cmd)
	return cmd
}

func (o *restoreOptions) run(ctx context.Context, path string) error {
	client, err := o.app.client()
	if err != nil {
		return err
	}
	defer client.Close()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: not a file", path)
	}
	if err := looksLikeBackup(f, path); err != nil {
		return err
	}
	r, err := client.Restore(ctx, f, fi.Size(), o.dryRun)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := o.print(r); err != nil || o.dryRun {
		return err
	}
	return o.wait.after(ctx, client, r.Revision)
}

// backupMagic are the first bytes of a data file after the header of its first page
// (bbolt's file format).
const (
	backupMagic       = "\xed\xda\x0c\xed"
	backupMagicOffset = 16
)

// looksLikeBackup returns an error if a file is certainly not a backup.
func looksLikeBackup(f *os.File, path string) error {
	head := make([]byte, backupMagicOffset+len(backupMagic))
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", path, err)
	}
	if n == len(head) && string(head[backupMagicOffset:]) == backupMagic {
		return nil
	}
	notBackup := func(format string, args ...any) error {
		return codedError{ExitInvalid, fmt.Errorf("%s is not a backup: "+format, append([]any{path}, args...)...)}
	}
	if n == 0 {
		return notBackup("it is empty")
	}
	if l := load([]string{path}, nil); len(l.found) > 0 {
		return notBackup("it has %s in YAML or JSON; apply it with: sdnctl apply -f %s", count(len(l.found), "object"), path)
	}
	return notBackup("'sdnctl backup' writes those")
}

func (o *restoreOptions) print(r api.RestoreResult) error {
	switch {
	case !o.output.table():
		if err := o.output.data(r); err != nil {
			return err
		}
	case o.dryRun:
		if err := writeDiffs(o.output.w, r.Changes, allocation); err != nil {
			return err
		}
	default:
		for _, c := range r.Changes {
			fmt.Fprintln(o.output.w, changeText(c, false))
		}
	}
	text := summary(api.ApplyResult{Revision: r.Revision, DryRun: r.DryRun, Changes: r.Changes}, r.Unchanged+present(r.Changes))
	o.app.note("backup of revision %d; %s", r.Backup, text)
	return nil
}

// present counts the objects that exist after changes.
func present(changes []api.Change) int {
	n := 0
	for _, c := range changes {
		if c.After != nil {
			n++
		}
	}
	return n
}

// allocated returns the fields of a status with values that are allocated once.
func allocated() []string { return []string{"datapathID", "vni", "gatewayMAC", "id", "ip", "mac"} }

// allocation returns the lines of an object as a file would declare it, followed by its
// allocated values.
func allocation(o *api.Object) ([]string, error) {
	lines, err := declaration(o)
	if err != nil || o == nil || len(o.Status) == 0 {
		return lines, err
	}
	var status map[string]json.RawMessage
	if err := json.Unmarshal(o.Status, &status); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(slices.Values(allocated())) {
		if v, ok := status[name]; ok {
			lines = append(lines, fmt.Sprintf("# %s: %s", name, v))
		}
	}
	return lines, nil
}

// writeDiffs writes each change as a unified diff of the objects, in the form that lines
// returns.
func writeDiffs(w io.Writer, changes []api.Change, lines func(*api.Object) ([]string, error)) error {
	for _, c := range changes {
		before, err := lines(c.Before)
		if err != nil {
			return err
		}
		after, err := lines(c.After)
		if err != nil {
			return err
		}
		from, to := c.Object, c.Object
		if c.Before == nil {
			from = "/dev/null"
		}
		if c.After == nil {
			to = "/dev/null"
		}
		if _, err := fmt.Fprintf(w, "--- %s\n+++ %s\n%s", from, to, unified(before, after)); err != nil {
			return err
		}
	}
	return nil
}
