package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// checkMigration says what a start would do to a data file.
func checkMigration(path string, out io.Writer) error {
	m, err := bolt.CheckMigration(path)
	if errors.Is(err, bolt.ErrLocked) {
		return fmt.Errorf("%w. While sdnd runs, check a backup: 'sdnctl backup FILE', then sdnd --check-migration --data FILE", err)
	}
	if err != nil {
		return err
	}
	if m.From == m.To {
		_, err = fmt.Fprintf(out, "%s: schema %d, revision %d: nothing to do\n", path, m.To, m.Revision)
		return err
	}
	_, err = fmt.Fprintf(out, "%s: schema %d, revision %d: would be migrated to schema %d (%d ports, %d blocks), and kept as it is in %s\n",
		path, m.From, m.Revision, m.To, m.Ports, m.Blocks, m.Kept)
	return err
}
