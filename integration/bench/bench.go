package bench

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Bench is one measurement, with one or more lines as its result.
type Bench struct {
	// Name is unique, such as "install/10k"; the flag -run matches it.
	Name string
	// Section is the heading of its lines.
	Section string
	// Limit is the time limit; 0 for three minutes.
	Limit time.Duration
	// Run measures, and adds lines to the report as soon as it has them. An error becomes a
	// line of its own, beside those that were added before.
	Run func(ctx context.Context, e *Env, r *Report) error
}

// defaultLimit is the time limit of a Bench without a Limit.
const defaultLimit = 3 * time.Minute

// Env is the environment of benches. It is not safe for concurrent use.
type Env struct {
	// Root is the folder of the module, where "go test" works.
	Root string
	// Bin is the folder with sdnd, sdnctl and the other programs that were built for the run.
	Bin string
	// Short requests fewer samples and smaller sizes, to try out the benches.
	Short bool
	// Logf logs progress.
	Logf func(format string, args ...any)

	ovn *ovnFigures // measured once, at the first use
}

// Pick returns full, or short in a short run.
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

// Run runs the benches whose names match, in order, and returns their lines. If ctx ends, the
// remaining benches have lines with that error.
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

// runOne runs one bench within its limit. It converts a panic to an error, so that the other
// benches still run.
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
