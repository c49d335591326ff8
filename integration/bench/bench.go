package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Bench is one measurement. It gives one line or several.
type Bench struct {
	// Name is unique, such as "install/10k"; -run picks by it.
	Name string
	// Section is the heading that its lines are under.
	Section string
	// Limit is how long it may take; 0 means three minutes.
	Limit time.Duration
	// Run measures, and adds lines to the report as it gets them. An error is
	// shown as a line of its own, beside those that were added before.
	Run func(ctx context.Context, e *Env, r *Report) error
}

// defaultLimit is a Bench's Limit unless it has its own.
const defaultLimit = 3 * time.Minute

// Env is what benches measure with. It is for one goroutine at a time.
type Env struct {
	// Root is the folder of the module, where "go test" works.
	Root string
	// Bin is a folder with sdnd, sdnctl and whatever else was built for the run.
	Bin string
	// Short asks for fewer samples and smaller sizes, to see that all works.
	Short bool
	// Logf says what is going on, for people who wait.
	Logf func(format string, args ...any)

	ovn *ovnFigures // measured once, when first asked for
}

// Pick returns full, or in a short run short.
func (e *Env) Pick(full, short int) int {
	if e.Short {
		return short
	}
	return full
}

// Report collects lines.
type Report struct {
	bench, section string
	lines          []Line
}

// Add adds a line.
func (r *Report) Add(l Line) {
	l.Bench, l.Section = r.bench, r.section
	r.lines = append(r.lines, l)
}

// Run runs the benches whose names match, in order, and returns their lines.
// It stops early only when ctx ends; then the benches that are left are lines
// that say so.
func Run(ctx context.Context, e *Env, suite []Bench, match *regexp.Regexp) []Line {
	var lines []Line
	for _, b := range suite {
		if !match.MatchString(b.Name) {
			continue
		}
		e.Logf("%s", b.Name)
		r := &Report{bench: b.Name, section: b.Section}
		if err := runOne(ctx, e, b, r); err != nil {
			r.Add(Line{Name: b.Name, Ours: None(err.Error())})
		} else if len(r.lines) == 0 {
			r.Add(Line{Name: b.Name, Ours: None("it gave no line")})
		}
		for _, l := range r.lines {
			e.Logf("   %s", l)
		}
		lines = append(lines, r.lines...)
	}
	return lines
}

// runOne runs one bench within its limit. A panic is an error like others: the
// benches that follow are independent of it.
func runOne(ctx context.Context, e *Env, b Bench, r *Report) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if b.Limit == 0 {
		b.Limit = defaultLimit
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.Limit, fmt.Errorf("took longer than %v", b.Limit))
	defer cancel()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = b.Run(ctx, e, r)
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return err
}
