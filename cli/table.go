package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// A column of a table of Ts. A wide one is printed only by -o wide.
type column[T any] struct {
	header string
	wide   bool
	cell   func(T) string
}

// gap is the number of spaces between two columns of a table.
const gap = 2

// printTable prints items as lines of aligned columns; an empty cell is "-". On
// a terminal that is too narrow the widest columns are cut, except with -o wide.
func printTable[T any](o *output, columns []column[T], items []T) error {
	shown := slices.DeleteFunc(slices.Clone(columns), func(c column[T]) bool { return c.wide && o.format != formatWide })
	lines := make([][]string, 0, len(items)+1)
	line := func(cell func(column[T]) string) {
		cells := make([]string, len(shown))
		for i, c := range shown {
			cells[i] = cell(c)
			if cells[i] == "" {
				cells[i] = "-"
			}
		}
		lines = append(lines, cells)
	}
	if !o.noHeaders {
		line(func(c column[T]) string { return c.header })
	}
	for _, item := range items {
		line(func(c column[T]) string { return c.cell(item) })
	}
	if o.format != formatWide && o.width > 0 {
		fit(lines, o.width)
	}
	tw := tabwriter.NewWriter(o.w, 0, 8, gap, ' ', 0)
	for _, cells := range lines {
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}

// least is the smallest width of a column in a table that must fit into the terminal.
const least = 8

// fit cuts cells of the widest columns, so that no line is longer than width if that is
// possible. A cell that is cut ends with "…".
func fit(lines [][]string, width int) {
	if len(lines) == 0 {
		return
	}
	widths := make([]int, len(lines[0]))
	total := gap * (len(widths) - 1)
	for i := range widths {
		for _, cells := range lines {
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
		total += widths[i]
	}
	for total > width {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			break
		}
		widths[widest]--
		total--
	}
	for _, cells := range lines {
		for i, cell := range cells {
			if r := []rune(cell); len(r) > widths[i] {
				cells[i] = string(r[:widths[i]-1]) + "…"
			}
		}
	}
}
