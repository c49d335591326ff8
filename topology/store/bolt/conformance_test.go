package bolt

import (
	"path/filepath"
	"syscall"
	"testing"

	bbolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/storetest"
)

// TestConformance: the file keeps what package store promises.
func TestConformance(t *testing.T) {
	storetest.Test(t, storetest.Implementation{
		Open: func(t *testing.T, dir string) store.Store {
			t.Helper()
			s, err := Open(filepath.Join(dir, "sdnd.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Break: func(_ *testing.T, st store.Store) func() {
			s := st.(*Store)
			update := s.update
			s.update = func(f func(*bbolt.Tx) error) error {
				return update(func(tx *bbolt.Tx) error {
					if err := f(tx); err != nil {
						return err
					}
					return syscall.ENOSPC // the transaction is given up
				})
			}
			return func() { s.update = update }
		},
	})
}
