package bench

import (
	"fmt"
	"math"
	"strings"
)

// Line is one line of the table: a figure of ours, with what it is compared to
// and what it should be.
type Line struct {
	// Bench and Section are those of the Bench that gave the line.
	Bench   string
	Section string
	// Name says what was measured.
	Name string
	// Unit is that of both figures, such as "ms"; empty for plain counts.
	Unit string
	// Ours is what sdnctl needed.
	Ours Figure
	// Baseline names what Theirs was measured of; empty if Ours stands alone.
	Baseline string
	Theirs   Figure
	// Goal is what Ours, or its ratio to Theirs, should be; the zero Goal is
	// none.
	Goal Goal
	// Note is anything else that a reader has to know.
	Note string
}

// Figure is one number, or the reason why there is none.
type Figure struct {
	// Value is in the line's unit.
	Value float64
	// Detail is more about the number, such as other quantiles.
	Detail string
	// Missing says why there is no number; empty if there is.
	Missing string
}

// Value makes a figure of a number.
func Value(v float64) Figure { return Figure{Value: v} }

// None makes a figure of the reason why there is none.
func None(why string) Figure { return Figure{Missing: strings.Join(strings.Fields(why), " ")} }

// With returns the figure with details.
func (f Figure) With(format string, args ...any) Figure {
	f.Detail = fmt.Sprintf(format, args...)
	return f
}

// Ratio is Ours ÷ Theirs; false if one of them is missing.
func (l Line) Ratio() (float64, bool) {
	if l.Baseline == "" || l.Ours.Missing != "" || l.Theirs.Missing != "" || l.Theirs.Value == 0 {
		return 0, false
	}
	return l.Ours.Value / l.Theirs.Value, true
}

// Met reports whether the goal is met; known is false if there is none, or too
// little to tell.
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

// Goal is what a figure should be.
type Goal struct {
	text    string
	ofRatio bool
	holds   func(float64) bool
}

// AtMost asks that our figure be no more than limit.
func AtMost(limit float64) Goal {
	return Goal{text: "≤ " + number(limit), holds: func(v float64) bool { return v <= limit }}
}

// AtLeast asks that our figure be no less than limit.
func AtLeast(limit float64) Goal {
	return Goal{text: "≥ " + number(limit), holds: func(v float64) bool { return v >= limit }}
}

// RatioAtMost asks that our figure be no more than limit times the baseline's.
func RatioAtMost(limit float64) Goal {
	return Goal{text: "ratio ≤ " + ratio(limit), ofRatio: true, holds: func(v float64) bool { return v <= limit }}
}

// RatioAtLeast asks that our figure be no less than limit times the baseline's.
func RatioAtLeast(limit float64) Goal {
	return Goal{text: "ratio ≥ " + ratio(limit), ofRatio: true, holds: func(v float64) bool { return v >= limit }}
}

// TimesLess asks that our figure be times smaller than the baseline's.
func TimesLess(times float64) Goal {
	return Goal{text: number(times) + " × less", ofRatio: true, holds: func(v float64) bool { return v <= 1/times }}
}

// String is what the goal asks, "" for none.
func (g Goal) String() string { return g.text }

// String is the line as one line of text.
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
