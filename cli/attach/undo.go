package attach

import (
	"context"
	"errors"
	"time"
)

// undoTimeout is the time limit of undoing, which also happens after the caller was
// interrupted.
const undoTimeout = 20 * time.Second

// undo has the functions that undo the steps done so far, newest last.
type undo []func(context.Context) error

// add adds a function that undoes the step that follows or was done last.
func (u *undo) add(f func(context.Context) error) { *u = append(*u, f) }

// run calls the functions, newest first, and returns err joined with their errors.
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
