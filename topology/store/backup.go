package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Backup writes a copy of the whole file, of one moment, that Open accepts.
//
// The copy is made beside the file first: as long as somebody reads, bbolt
// cannot reuse the pages that commits free, so a slow w would make the file
// grow. Where there is no room for a copy it is read directly all the same.
func (s *Store) Backup(w io.Writer) error {
	if err := s.backup(w); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func (s *Store) backup(w io.Writer) (err error) {
	f, err := s.copyBeside()
	if err != nil {
		return s.db.View(func(tx *bolt.Tx) error {
			_, err := tx.WriteTo(w)
			return err
		})
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(w, f)
	return err
}

// copyBeside returns a copy of the file, at its beginning, that lives as long
// as it is open.
func (s *Store) copyBeside() (_ *os.File, err error) {
	f, err := os.CreateTemp(filepath.Dir(s.path), ".backup-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err
}
