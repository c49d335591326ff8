package store

import (
	"context"
	"time"

	"github.com/sdnctl/sdnctl/topology"
)

// Store is the declared topology, kept. All methods may be called by many goroutines
// at once.
//
// It is made of parts, so that those who use it can ask for what they use.
type Store interface {
	Reader
	Committer
	Historian
	Observations
	Notes
	Backups

	// Check says why the store cannot be used as it is; the error wraps ErrFileLost
	// where what it keeps was lost or changed by others. It is quick and does not wait
	// for commits.
	Check() error
	// CheckIPAM compares what is kept of addresses with the ports, and with what is in
	// memory. Commits go on meanwhile. An error means that it could not be read.
	CheckIPAM() (IPAMReport, error)
	// Close waits for the commit that is under way, and ends the use of the store. It
	// may be called again. Afterwards Snapshot still works, and whatever needs what is
	// kept returns an error.
	Close() error
}

// Reader has the newest state.
type Reader interface {
	// Snapshot returns the newest state that is durable. It costs no I/O and never
	// waits.
	Snapshot() *topology.Snapshot
}

// Committer makes changes and says which were made.
type Committer interface {
	// Apply commits ops as one transaction by an author. If they change nothing, the
	// Commit has the present revision, and Before and After are the same.
	//
	// The error is topology.Problems if the ops are wrong, and that of ctx if ctx ends
	// before the change is written. Otherwise it says why it could not be made durable;
	// it wraps ErrNoSpace if there is no room. After any error but ErrUnconfirmed nothing
	// has changed, and the next Apply tries again. After ErrUnconfirmed the change takes
	// effect as soon as it is known to be durable, or never; until that is settled
	// nothing else is committed.
	//
	// Each of checks looks at the planned change; an error of one refuses it. It is called
	// while other commits wait, perhaps again, and must not call the store.
	Apply(ctx context.Context, author string, ops []topology.Op, checks ...func(before *topology.Snapshot, r topology.Result) error) (Commit, error)
	// Restore makes the topology equal to another snapshot, such as that of ReadBackup,
	// in one new revision by an author, as PlanRestore plans it. The history continues;
	// what is observed and notes stay. Errors are those of Apply, and that the snapshot
	// contradicts itself.
	Restore(ctx context.Context, author string, to *topology.Snapshot) (Commit, error)
	// OnCommit registers f to be called with each commit from now on, whoever made it:
	// one at a time, in their order, once the commit is durable and Snapshot has it, and
	// before the Apply or Restore that made it returns. It returns the snapshot that the
	// first of these commits follows, so that none is missed. The next commit waits for
	// f, so f must be quick and must not commit.
	OnCommit(f func(Commit)) *topology.Snapshot
}

// Commit is one change that is durable.
type Commit struct {
	// Revision is that of After. If nothing changed it is that of Before.
	Revision topology.Revision
	Time     time.Time
	Author   string
	// Before and After are the states around the change.
	Before, After *topology.Snapshot
	// Changes and Blocks are as in topology.Result.
	Changes []topology.Change
	Blocks  []topology.BlockChange
	// Identities, Numberings and Identified are as in topology.Result.
	Identities []topology.IdentityChange
	Numberings []topology.NumberingChange
	Identified []string
}

// IPAMReport is the outcome of CheckIPAM.
type IPAMReport struct {
	// Revision is the one that was checked.
	Revision topology.Revision
	// Ports, Locks and Blocks are how many are kept.
	Ports, Locks, Blocks int
	// Differences has a line for each, none if all is well. If there are too many the
	// last line counts those that are left out.
	Differences []string
}
