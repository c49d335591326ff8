package ovsdb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// The ids of the transactions that read the rows, and that write them.
const (
	readID  = "read"
	writeID = "write"
)

// How often, and after how long, a write is repeated.
const (
	// conflictPause is the pause after others changed the rows between reading and
	// writing; it doubles with each try.
	conflictPause = 20 * time.Millisecond
	// refusalPause is the pause after the server refused; it doubles with each try.
	refusalPause = time.Second
	// maxTries is how often a write is tried. After that, the next change of Desired or
	// of the node's rows starts a new series of tries.
	maxTries = 6
	// rewritePause is the pause before the second write within calmAfter, as when
	// others set the same columns: it doubles with each, up to maxRewritePause.
	rewritePause    = 250 * time.Millisecond
	maxRewritePause = 30 * time.Second
	calmAfter       = time.Minute
)

var (
	// ErrReadOnly is returned for a node that joined with --ovsdb read, to which nothing is
	// written.
	ErrReadOnly = errors.New("the node joined with --ovsdb read, so nothing is written to it")
	// errConflict says that others changed the rows between reading and writing.
	errConflict = errors.New("others changed the same rows at the same moment")
)

// writer makes rows of the node's database as desired: it reads them, and writes the
// difference in one transaction that fails if they are no longer as read. All fields and
// methods but write belong to the session's goroutine.
type writer struct {
	mu   sync.Mutex
	next *Desired // to begin with, nil for none
	// wakes has an element while next is set.
	wakes chan struct{}

	desired *Desired // being read or written, nil while at rest
	// asked is the id of the transaction that is not answered yet, "" if there is none.
	asked   string
	summary []string // of what is being written
	lacks   error    // what cannot be as desired whatever is written, nil for nothing
	// unlimited says that desired had limits of zones, which the database does not know.
	unlimited bool
	tries     int
	// timer fires when the next try is due.
	timer *time.Timer
	// own says that the last Desired had rows of sdnd's own. news fires when a change of
	// those is to be reported, while hasNews is set.
	own     bool
	news    *time.Timer
	hasNews bool
	// last is the last Desired. written is when it was last written, and rewrites counts
	// the writes that followed another too soon.
	last     Desired
	written  time.Time
	rewrites int
}

// start creates the timer, stopped.
func (w *writer) start() {
	w.timer = time.NewTimer(maxRewritePause)
	w.timer.Stop()
	w.news = time.NewTimer(newsPause)
	w.news.Stop()
}

// write implements Conn.Write: the session's goroutine does the work.
func (w *writer) write(d Desired) {
	w.mu.Lock()
	w.next = &d
	w.mu.Unlock()
	select {
	case w.wakes <- struct{}{}:
	default:
	}
}

// woken returns the channel of requests while no transaction is outstanding, else nil.
func (w *writer) woken() <-chan struct{} {
	if w.asked != "" {
		return nil
	}
	return w.wakes
}

// beginWrite starts to write the newest Desired, once that is due.
func (s *session) beginWrite() error {
	w := &s.writer
	w.mu.Lock()
	if w.next != nil {
		if w.desired, w.next = w.next, nil; !reflect.DeepEqual(*w.desired, w.last) {
			w.last, w.rewrites = *w.desired, 0 // nobody else sets what is new
		}
		w.own, w.unlimited = w.desired.Own != nil, false
	}
	w.mu.Unlock()
	w.tries = 0
	now := time.Now()
	if now.Sub(w.written) > calmAfter {
		w.rewrites = 0
	}
	if w.rewrites > 0 {
		pause := min(rewritePause<<min(w.rewrites-1, 16), maxRewritePause)
		if wait := w.written.Add(pause).Sub(now); wait > 0 {
			w.timer.Reset(wait)
			return nil
		}
	}
	return s.readRows()
}

// readRows requests the rows as they are.
func (s *session) readRows() error {
	w := &s.writer
	if w.desired == nil {
		return nil
	}
	if s.view.bridge().ReadOnly {
		s.endWrite(w.desired.refused())
		return nil
	}
	w.timer.Stop()
	w.asked = readID
	return s.transact(readID, w.desired.selects(s.cfg.Bridge))
}

// transact sends a transaction (RFC 7047, 4.1.3).
func (s *session) transact(id string, ops []operation) error {
	params := []any{database}
	for _, op := range ops {
		params = append(params, op)
	}
	return s.write(request{Method: "transact", Params: params, ID: id})
}

// rowsRead handles the answer to readRows and writes the difference.
func (s *session) rowsRead(m message) error {
	w := &s.writer
	w.asked = ""
	var results []struct{ Rows []values }
	err := checkTransaction(m)
	if err != nil && w.desired.ZoneLimits != nil && lacksZoneLimits(m) {
		without := *w.desired
		without.ZoneLimits, w.unlimited = nil, len(without.ZoneLimits) > 0
		w.desired = &without
		return s.readRows()
	}
	if err == nil {
		err = json.Unmarshal(m.Result, &results)
	}
	var ops []operation
	if err == nil {
		read := make([][]values, len(results))
		for i, r := range results {
			read[i] = r.Rows
		}
		ops, w.summary, err = w.desired.changes(read)
	}
	var missing *MissingError
	if w.lacks = nil; errors.As(err, &missing) {
		w.lacks, err = missing, nil
	}
	if w.unlimited {
		missing = cmp.Or(missing, &MissingError{})
		missing.Rows = append(missing.Rows, noZoneLimits)
		w.lacks = missing
	}
	switch {
	case errors.Is(err, ErrReadOnly):
		s.endWrite(err)
		return nil
	case err != nil:
		s.tryAgain(fmt.Errorf("read: %w", err))
		return nil
	case len(ops) == 0:
		s.endWrite(w.lacks)
		return nil
	case s.view.bridge().ReadOnly:
		s.endWrite(w.desired.refused())
		return nil
	}
	w.summary = bounded(w.summary)
	ops = append(ops, operation{"op": "comment", "comment": "sdnd: " + strings.Join(w.summary, "; ")})
	w.asked = writeID
	return s.transact(writeID, ops)
}

// rowsWritten handles the answer to the transaction that writes.
func (s *session) rowsWritten(m message) {
	w := &s.writer
	w.asked = ""
	if err := checkTransaction(m); err != nil {
		s.tryAgain(err)
		return
	}
	w.written = time.Now()
	w.rewrites++
	s.log.Info("node's database is written", "changes", strings.Join(w.summary, "; "))
	s.endWrite(w.lacks)
}

// tryAgain schedules the next try, or gives up after maxTries.
func (s *session) tryAgain(err error) {
	w := &s.writer
	w.tries++
	pause := refusalPause
	if errors.Is(err, errConflict) {
		pause = conflictPause
	} else {
		s.report(err)
	}
	if w.tries == maxTries {
		s.log.Warn("node's database cannot be written", "err", err, "tries", w.tries)
		s.endWrite(err)
		return
	}
	w.timer.Reset(pause << (w.tries - 1))
}

// endWrite ends a write, and reports its result.
func (s *session) endWrite(err error) {
	s.writer.desired, s.writer.summary = nil, nil
	s.report(err)
}

// report reports the result of the last write to the handler, if this connection holds the
// claim on its datapath id.
func (s *session) report(err error) {
	if s.claim != nil {
		s.claims.updateWrite(s.claim, err)
	}
}

// checkTransaction returns an error if the transaction failed.
func checkTransaction(m message) error {
	if !null(m.Error) {
		return fmt.Errorf("transaction refused: %s", excerpt(m.Error))
	}
	// One element for each operation, and one more if the commit failed; those after
	// one that failed are null (RFC 7047, 4.1.3).
	var results []*struct{ Error, Details string }
	if err := json.Unmarshal(m.Result, &results); err != nil || len(results) == 0 {
		return fmt.Errorf("not the answer to a transaction: %s", excerpt(m.Result))
	}
	for _, r := range results {
		switch {
		case r == nil || r.Error == "":
		case r.Error == "timed out": // of wait (RFC 7047, 5.2.6)
			return errConflict
		default:
			return fmt.Errorf("transaction refused: %.120s: %.120s", r.Error, r.Details)
		}
	}
	return nil
}
