package attach

import (
	"context"
	"errors"
	"time"
)

// undoTimeout bounds the time for undoing, which also happens when the caller has been
// interrupted.
const undoTimeout = 20 * time.Second

// undo has the functions that undo the steps done so far, newest last.
type undo []func(context.Context) error

func (u *undo) add(f func(context.Context) error) { *u = append(*u, f) }

// run undoes everything, newest first, and returns err joined with the failures of that.
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
