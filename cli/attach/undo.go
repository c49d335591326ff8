package attach

import (
	"context"
	"errors"
	"time"
)

// undoTimeout bounds how long undoing may take, also when the caller has been
// interrupted.
const undoTimeout = 20 * time.Second

// undo is what takes back what has been done so far, the newest last.
type undo []func(context.Context) error

func (u *undo) add(f func(context.Context) error) { *u = append(*u, f) }

// run takes everything back, the newest first, and returns err with what of
// that failed.
func (u undo) run(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for i := len(u) - 1; i >= 0; i-- {
		if e := u[i](ctx); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}
