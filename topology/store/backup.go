package store

import (
	"io"

	"github.com/sdnctl/sdnctl/topology"
)

// Backups are copies of everything that is stored, in files.
type Backups interface {
	// Backup makes a copy of one moment while commits go on. The caller reads it once,
	// as slowly as it likes, and closes it. If what is kept was lost or damaged, the copy
	// is of the topology in memory (see Copy.FromMemory). The error wraps ErrNoSpace if
	// there is no room for the copy.
	Backup() (*Copy, error)
	// ReadBackup reads the topology that a copy has, also one of an older release, and
	// checks it as it checks its own. It changes nothing. Errors wrap ErrDamaged,
	// ErrNewerSchema or ErrNoSpace.
	ReadBackup(r io.Reader) (*topology.Snapshot, error)
}

// Copy is a consistent copy of everything that is stored.
type Copy struct {
	io.ReadCloser
	// Revision is that of the moment, Size how many bytes there are to read.
	Revision topology.Revision
	Size     int64
	// FromMemory is true if what is kept was lost or damaged, so that the copy is of
	// the topology in memory: it has no history but an entry that says so, no
	// bindings, and no notes.
	FromMemory bool
}
