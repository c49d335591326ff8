// Package storetest has the tests that every store.Store passes: what package store
// promises, and nothing about how it is kept. An implementation calls [Test] from a
// test of its own.
package storetest

import (
	"testing"

	"github.com/sdnctl/sdnctl/topology/store"
)

// Implementation is a store to test.
type Implementation struct {
	// Open opens the store that is kept in a folder, and makes a new one in a folder
	// that is empty. It is closed by the test before the folder is opened again.
	Open func(t *testing.T, dir string) store.Store
	// Break makes all writing of the store fail until mend is called, without writing
	// anything, as a full disk does: errors wrap store.ErrNoSpace.
	Break func(t *testing.T, st store.Store) (mend func())
}

// Test tests an implementation.
func Test(t *testing.T, impl Implementation) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, b *bed)
	}{
		{"a new store is empty", testNew},
		{"a change", testApply},
		{"a change of nothing", testNothing},
		{"a refused change", testRefused},
		{"a change that nobody waits for", testCancelled},
		{"a change that cannot be written", testBroken},
		{"changes of many at once", testConcurrent},
		{"followers", testFollowers},
		{"history", testHistory},
		{"observations", testObservations},
		{"notes", testNotes},
		{"backup and restore", testBackup},
		{"backups that cannot be used", testBadBackup},
		{"addresses", testIPAM},
		{"closed", testClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bed{impl: impl, dir: t.TempDir()}
			b.st = impl.Open(t, b.dir)
			t.Cleanup(func() {
				if err := b.st.Close(); err != nil {
					t.Error(err)
				}
			})
			c.test(t, b)
		})
	}
}
