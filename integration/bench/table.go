package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// heads returns the headings of the table.
func heads() [6]string { return [6]string{"line", "ours", "baseline", "ratio", "goal", "met"} }

// cells returns the line's cells.
func (l Line) cells() [6]string {
	c := [6]string{0: l.Name, 1: l.Ours.text(l.Unit), 4: l.Goal.String()}
	if l.Baseline != "" {
		c[2] = l.Baseline + ": " + l.Theirs.text(l.Unit)
	}
	if r, ok := l.Ratio(); ok {
		c[3] = ratio(r)
	}
	switch met, known := l.Met(); {
	case known && met:
		c[5] = "yes"
	case known:
		c[5] = "no"
	case l.Goal.text != "":
		c[5] = "unknown"
	}
	return c
}

// text returns the figure with its unit and details.
func (f Figure) text(unit string) string {
	if f.Missing != "" {
		return "none (" + f.Missing + ")"
	}
	t := number(f.Value)
	if unit != "" {
		t += " " + unit
	}
	if f.Detail != "" {
		t += " (" + f.Detail + ")"
	}
	return t
}

// number formats a number with about three significant digits.
func number(v float64) string {
	digits := 0
	switch a := math.Abs(v); {
	case v == math.Trunc(v):
	case a >= 100:
	case a >= 10:
		digits = 1
	case a >= 1:
		digits = 2
	default:
		digits = 3
	}
	t := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest, dot := strings.Cut(t, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		whole += "." + rest
	}
	return whole
}

// ratio formats a ratio.
func ratio(v float64) string {
	if v < 0.1 {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// WriteTable writes the lines as a table for a terminal.
func WriteTable(w io.Writer, lines []Line) error {
	rows := [][6]string{heads()}
	for _, l := range lines {
		rows = append(rows, l.cells())
	}
	var width [6]int
	for _, row := range rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		text := ""
		for i, c := range row {
			text += c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes the lines as a document.
func WriteMarkdown(w io.Writer, m Machine, lines []Line) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`, which measures every baseline in the same run.\n")
	b.WriteString("Ratio is ours ÷ baseline.\n\n")
	for _, f := range m.fields() {
		fmt.Fprintf(&b, "- %s: %s\n", f[0], f[1])
	}
	met, missed, unknown := Count(lines)
	fmt.Fprintf(&b, "\nGoals met: %d; missed: %d; unknown: %d.\n", met, missed, unknown)
	section := ""
	for i, l := range lines {
		if i == 0 || l.Section != section {
			section = l.Section
			fmt.Fprintf(&b, "\n## %s\n\n", section)
			h := heads()
			fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(h[:], " | "), strings.Repeat("---|", len(h)))
		}
		c := l.cells()
		for i := range c {
			c[i] = strings.ReplaceAll(c[i], "|", `\|`)
		}
		if l.Note != "" {
			c[0] += "<br>*" + strings.ReplaceAll(l.Note, "|", `\|`) + "*"
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(c[:], " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Failed returns an error that names the lines without a figure of ours, nil if there are none. That a baseline
// is missing, because its programs are not installed, is no failure.
func Failed(lines []Line) error {
	var all []error
	for _, l := range lines {
		if l.Ours.Missing != "" {
			all = append(all, fmt.Errorf("%s: %s", l.Name, l.Ours.Missing))
		}
	}
	return errors.Join(all...)
}

// Count counts the goals that are met, missed, and unknown.
func Count(lines []Line) (met, missed, unknown int) {
	for _, l := range lines {
		switch ok, known := l.Met(); {
		case l.Goal.text == "":
		case !known:
			unknown++
		case ok:
			met++
		default:
			missed++
		}
	}
	return met, missed, unknown
}
