package store

import "errors"

// Errors that callers handle.
var (
	// ErrNoSpace is returned by whatever writes when there is no room to. Nothing has
	// changed.
	ErrNoSpace = errors.New("there is no space left for the data file; make room and try again, sdnd goes on by itself")
	// ErrUnconfirmed is returned by Apply and Restore when a commit was written, but
	// it is not known whether it would survive a crash. It is published as soon as
	// that is known; until then nothing else is committed.
	ErrUnconfirmed = errors.New("the disk does not confirm that the change is saved; it takes effect as soon as the disk does, look with: sdnctl history")
	// ErrFileLost is returned by everything that needs what is kept when that is
	// not the one any more that was opened and written: removed, replaced, cut short
	// or written to by another. Snapshot and Backup go on with what is in memory.
	ErrFileLost = errors.New("the data file was changed under sdnd, so nothing can be saved; switches keep their flows. Save what sdnd has in memory with 'sdnctl backup FILE', stop sdnd, put FILE in the place of the data file, and start sdnd")
	// ErrNewerSchema is returned for what a newer sdnd has written.
	ErrNewerSchema = errors.New("the data file was written by a newer sdnd; use that version or restore a backup from before")
	// ErrDamaged is returned for what is not sdnd's, or not whole.
	ErrDamaged = errors.New("the data file is damaged; restore a backup, and keep the file for examination")
)
