package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Backup makes a copy of the file while commits go on.
//
// It writes the copy to disk before anybody reads it. While a transaction reads, bbolt
// cannot reuse the pages that commits free, so a slow reader would make the file grow. If
// there is no room in the folder of the file, it uses the folder for temporary files.
//
// It compares the contents with their checksum. If the file is lost or damaged, the copy
// is made from memory. Such a copy has no bindings and no notes, and its history is one
// entry that says so (see Copy.FromMemory).
func (s *Store) Backup() (*store.Copy, error) {
	switch err := s.Check(); {
	case errors.Is(err, os.ErrClosed):
		return nil, fmt.Errorf("backup: %w", err)
	case err == nil:
		c, err := inEitherFolder(s.path, s.copyIn)
		if err == nil {
			return c, nil
		}
		if s.Check() == nil {
			return nil, fmt.Errorf("backup: %w", classify(err))
		}
	}
	c, err := inEitherFolder(s.path, s.copyFromMemory)
	if err != nil {
		return nil, fmt.Errorf("backup of what is in memory: %w", classify(err))
	}
	s.log.Warn("the backup is of what is in memory, for the data file is lost", "revision", c.Revision)
	return c, nil
}

// inEitherFolder makes a copy in the folder of the data file or, if that fails, in the
// folder for temporary files.
func inEitherFolder(path string, copyIn func(dir string) (*store.Copy, error)) (*store.Copy, error) {
	c, err := copyIn(filepath.Dir(path))
	if err != nil {
		if c, elsewhere := copyIn(os.TempDir()); elsewhere == nil {
			return c, nil
		}
	}
	return c, err
}

// copyFromMemory makes a file of what is in memory.
func (s *Store) copyFromMemory(dir string) (c *store.Copy, err error) {
	snap := s.Snapshot()
	f, err := os.CreateTemp(dir, ".backup-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, os.Remove(f.Name()))
		if err != nil {
			c, err = nil, errors.Join(err, f.Close())
		}
	}()
	all := store.Commit{Revision: snap.Revision(), Time: s.clock(), Author: "sdnd, from memory", After: snap}
	for _, k := range model.Kinds() {
		for o := range snap.Objects(k) {
			all.Changes = append(all.Changes, topology.Change{Ref: o.Ref(), After: o})
		}
	}
	for b := range snap.AllBlocks() {
		all.Blocks = append(all.Blocks, topology.BlockChange{Network: b.Network, Node: b.Node, After: b})
	}
	for i := range snap.AllIdentities() {
		all.Identities = append(all.Identities, topology.IdentityChange{After: i})
	}
	for n := range snap.Numberings() {
		all.Numberings = append(all.Numberings, topology.NumberingChange{After: n})
	}
	db, err := bolt.Open(f.Name(), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoSync: true, Timeout: lockTimeout})
	if err != nil {
		return nil, err
	}
	err = prepare(db, migrations())
	if err == nil {
		err = db.Update(func(tx *bolt.Tx) error {
			return writeCommits(tx, []store.Commit{all}, &historySize{})
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &store.Copy{ReadCloser: f, Revision: all.Revision, Size: fi.Size(), FromMemory: true}, nil
}

func (s *Store) copyIn(dir string) (c *store.Copy, err error) {
	f, err := tempFile(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	c = &store.Copy{ReadCloser: f}
	err = s.view(func(tx *bolt.Tx) (err error) {
		if err := verify(tx); err != nil {
			return err
		}
		if c.Revision, err = revisionOf(tx); err != nil {
			return err
		}
		c.Size, err = tx.WriteTo(f)
		return err
	})
	if errors.Is(err, store.ErrDamaged) {
		return nil, s.markDamaged(err)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return c, err
}

// tempFile makes a file that is deleted when it is closed.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".backup-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadBackup reads what a copy made by Backup has, and checks it as Open does.
// It migrates a copy with an older schema on the way; the original stays as it is. Beside the file there must be room
// for it.
//
// Errors are those of Open and ErrNoSpace.
func (s *Store) ReadBackup(r io.Reader) (*topology.Snapshot, error) {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".restore-*")
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", classify(err))
	}
	defer os.Remove(f.Name())
	n, err := io.Copy(f, r)
	if err = cmp.Or(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read the backup: %w", classify(err))
	}
	snap, err := readBackup(f.Name(), n)
	if err != nil {
		return nil, fmt.Errorf("the backup cannot be used: %w", err)
	}
	return snap, nil
}

func readBackup(path string, size int64) (*topology.Snapshot, error) {
	if size == 0 {
		return nil, fmt.Errorf("%w (it is empty)", store.ErrDamaged)
	}
	c, err := openFile(path, migrations(), false)
	if err != nil {
		return nil, err
	}
	return c.Snapshot(), c.Close()
}
