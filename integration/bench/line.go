package bench

import (
	"fmt"
	"math"
	"strings"
)

// Line is one line of the table: a figure of sdnctl, its baseline and its goal.
type Line struct {
	// Bench and Section are the name and section of the line's Bench.
	Bench   string
	Section string
	// Name describes the measured quantity.
	Name string
	// Unit is the unit of both figures, such as "ms"; "" for counts.
	Unit string
	// Ours is the figure of sdnctl.
	Ours Figure
	// Baseline is the name of the baseline, and Theirs its figure; "" if there is none.
	Baseline string
	Theirs   Figure
	// Goal is the goal for Ours, or for its ratio to Theirs; the zero Goal is none.
	Goal Goal
	// Note has further remarks for readers.
	Note string
}

// Figure is a number, or the reason why it could not be measured.
type Figure struct {
	// Value is in the line's unit.
	Value float64
	// Detail has further numbers, such as other quantiles.
	Detail string
	// Missing is why there is no number; "" if there is one.
	Missing string
}

// Value returns the figure of a number.
func Value(v float64) Figure { return Figure{Value: v} }

// None returns a figure without a number, for a reason.
func None(why string) Figure { return Figure{Missing: strings.Join(strings.Fields(why), " ")} }

// With returns the figure with details.
func (f Figure) With(format string, args ...any) Figure {
	f.Detail = fmt.Sprintf(format, args...)
	return f
}

// Ratio returns Ours ÷ Theirs; false if one of them is missing.
func (l Line) Ratio() (float64, bool) {
	if l.Baseline == "" || l.Ours.Missing != "" || l.Theirs.Missing != "" || l.Theirs.Value == 0 {
		return 0, false
	}
	return l.Ours.Value / l.Theirs.Value, true
}

// Met reports whether the goal is met. known is false if there is no goal, or a figure is
// missing.
func (l Line) Met() (met, known bool) {
	if l.Goal.holds == nil || l.Ours.Missing != "" {
		return false, false
	}
	v := l.Ours.Value
	if l.Goal.ofRatio {
		var ok bool
		if v, ok = l.Ratio(); !ok {
			return false, false
		}
		v = math.Round(v*1000) / 1000
	}
	return l.Goal.holds(v), true
}

// Goal is a limit for a figure.
type Goal struct {
	text    string
	ofRatio bool
	holds   func(float64) bool
}

// AtMost returns the goal that Ours is at most limit.
func AtMost(limit float64) Goal {
	return Goal{text: "≤ " + number(limit), holds: func(v float64) bool { return v <= limit }}
}

// AtLeast returns the goal that Ours is at least limit.
func AtLeast(limit float64) Goal {
	return Goal{text: "≥ " + number(limit), holds: func(v float64) bool { return v >= limit }}
}

// RatioAtMost returns the goal that Ours is at most limit times Theirs.
func RatioAtMost(limit float64) Goal {
	return Goal{text: "ratio ≤ " + ratio(limit), ofRatio: true, holds: func(v float64) bool { return v <= limit }}
}

// RatioAtLeast returns the goal that Ours is at least limit times Theirs.
func RatioAtLeast(limit float64) Goal {
	return Goal{text: "ratio ≥ " + ratio(limit), ofRatio: true, holds: func(v float64) bool { return v >= limit }}
}

// TimesLess returns the goal that Ours is at most Theirs divided by times.
func TimesLess(times float64) Goal {
	return Goal{text: number(times) + " × less", ofRatio: true, holds: func(v float64) bool { return v <= 1/times }}
}

// String describes the goal, "" for none.
func (g Goal) String() string { return g.text }

// String returns the line as one line of text.
func (l Line) String() string {
	c := l.cells()
	text := c[0] + ": " + c[1]
	for i, prefix := range []string{" beside ", ", ratio ", ", goal ", ", met: "} {
		if c[2+i] != "" {
			text += prefix + c[2+i]
		}
	}
	return text
}
