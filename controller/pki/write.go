package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Read reads a certificate and its key.
func Read(cert, key string) (out Issued, err error) {
	if out.Cert, err = os.ReadFile(cert); err != nil {
		return Issued{}, err
	}
	if out.Key, err = os.ReadFile(key); err != nil {
		return Issued{}, err
	}
	return out, nil
}

// Write writes a certificate and its key, which only the owner may read. Each file is
// written completely or not at all. If a file exists, the error is fs.ErrExist, unless
// replace is set.
func (i Issued) Write(cert, key string, replace bool) error {
	if !replace {
		for _, name := range []string{cert, key} {
			if _, err := os.Lstat(name); err == nil {
				return fmt.Errorf("%s: %w", name, fs.ErrExist)
			}
		}
	}
	// Write the key first, so that whoever sees the new certificate finds its key.
	if err := WriteFile(key, i.Key, 0o600); err != nil {
		return err
	}
	return WriteFile(cert, i.Cert, 0o644)
}

// WriteFile writes a file completely or not at all: it writes another file and renames it.
func WriteFile(name string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
