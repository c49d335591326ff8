package bolt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// lock is a file beside the data file, with ".lock" added to its name. It is locked while
// the store is open, so that nobody else can open the store, even if the data file is
// replaced meanwhile. It records the last acknowledged transaction of the data file.
//
// It is written without a sync, which would double the cost of a commit. So after a power
// cut it may be out of date or lost; after a crash of the program alone it is not.
type lock struct{ file *os.File }

// takeLock waits for the lock for a short time. The error is ErrLocked if another process
// has it, otherwise that of the operating system.
func takeLock(dataFile string) (*lock, error) {
	name := dataFile + ".lock"
	for deadline := time.Now().Add(lockTimeout); ; {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			var pathErr *os.PathError
			if errors.As(err, &pathErr) {
				err = pathErr.Err
			}
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && names(name, f) {
			return &lock{f}, nil
		}
		_ = f.Close() // nothing was written
		switch {
		case err != nil && !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, fmt.Errorf("lock %s: %w", name, err)
		case time.Now().After(deadline):
			return nil, ErrLocked
		}
		time.Sleep(lockTimeout / 20) // flock(2) has no time limit
	}
}

// names reports whether a name refers to an open file.
func names(name string, f *os.File) bool {
	at, err := os.Stat(name)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(at, open)
}

// acknowledge notes that a transaction of the data file is durable.
func (l *lock) acknowledge(txid uint64) error {
	_, err := l.file.WriteAt(fmt.Appendf(nil, "acknowledged %020d\n", txid), 0)
	return err
}

// acknowledged returns the transaction that was acknowledged last, as far as is
// known.
func (l *lock) acknowledged() (txid uint64, known bool) {
	b := make([]byte, 64)
	n, err := l.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false
	}
	if _, err := fmt.Sscanf(string(b[:n]), "acknowledged %d\n", &txid); err != nil {
		return 0, false
	}
	return txid, true
}

// release releases the lock. The file stays. If it were removed, two other processes could
// lock two files of the same name.
func (l *lock) release() error { return l.file.Close() }
