package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/sdnctl/sdnctl/topology"
)

// Migration is what opening a file of an older schema does to it.
type Migration struct {
	// From and To are the schemas; they are the same if there is nothing to do.
	From, To int
	Revision topology.Revision
	// Ports and Blocks are how many of the records that change there are.
	Ports, Blocks int
	// Kept is the file that has, or would have, the file as it was before.
	Kept string
}

// keptName is what a file is called that keeps a data file of an older schema.
func keptName(path string, schema int, rev topology.Revision) string {
	return fmt.Sprintf("%s.schema%d-revision%d", path, schema, rev)
}

// migrationOf says what the steps would do to an open file.
func migrationOf(tx *bolt.Tx, path string, steps []migration) (m Migration, err error) {
	m.To = len(steps) + 1
	if m.From, err = schemaOf(tx, m.To); err != nil || m.From == m.To {
		return m, err
	}
	if m.Revision, err = revisionOf(tx); err != nil {
		return m, err
	}
	m.Kept = keptName(path, m.From, m.Revision)
	return m, nil
}

// keepOlder copies a data file of an older schema to one beside it, which is on the
// disk when this returns. Of a file that needs no migration it makes none.
func keepOlder(path string, steps []migration) (m Migration, err error) {
	if fi, err := os.Stat(path); err != nil || fi.Size() == 0 {
		return Migration{}, nil // a new one, or openBolt says what is wrong
	}
	db, _, err := openBolt(path, true)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bolt.Tx) error {
		if m, err = migrationOf(tx, path, steps); err != nil || m.Kept == "" {
			return err
		}
		if err := copyTo(m.Kept, tx.WriteTo); err != nil {
			return fmt.Errorf("keep the data file of schema %d as %s before it is migrated to schema %d: %w", m.From, m.Kept, m.To, classify(err))
		}
		return nil
	})
	return m, err
}

// copyTo writes a file that is whole, or not there.
func copyTo(path string, write func(io.Writer) (int64, error)) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".schema-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// CheckMigration says what Open would do to a file, and does all of it to a copy in
// memory, so that it fails as Open would. It writes no file.
//
// Errors are those of Open. ErrLocked is one of them: a file that sdnd has open
// cannot be read, but a backup of it can.
func CheckMigration(path string) (m Migration, err error) {
	m, err = checkMigration(path, migrations())
	if err != nil {
		return m, fmt.Errorf("check %s: %w", path, err)
	}
	return m, nil
}

func checkMigration(path string, steps []migration) (m Migration, err error) {
	if _, err := os.Stat(path); err != nil {
		return m, err
	}
	if err := inspect(path, false); err != nil {
		return m, err
	}
	db, _, err := openBolt(path, true)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fd, err := unix.MemfdCreate("sdnd-migration", unix.MFD_CLOEXEC)
	if err != nil {
		return m, fmt.Errorf("make a file in memory: %w", err)
	}
	memory := os.NewFile(uintptr(fd), fmt.Sprintf("/proc/self/fd/%d", fd))
	defer func() { err = errors.Join(err, memory.Close()) }()
	err = db.View(func(tx *bolt.Tx) error {
		if m, err = migrationOf(tx, path, steps); err != nil {
			return err
		}
		_, err := tx.WriteTo(memory)
		return err
	})
	if err != nil {
		return m, err
	}
	s, err := openFile(memory.Name(), steps, false)
	if err != nil {
		return m, err
	}
	snap := s.Snapshot()
	m.Revision, m.Ports = snap.Revision(), snap.NumPorts()
	for range snap.AllBlocks() {
		m.Blocks++
	}
	return m, s.Close()
}
