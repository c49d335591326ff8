package cli

import (
	"fmt"
	"strings"
)

// diffContext is how many equal lines are shown around a difference.
const diffContext = 3

// A diffLine is a line of a comparison: kept (' '), only before ('-') or only
// after ('+').
type diffLine struct {
	sign byte
	text string
}

// unified compares two texts in the form of diff -u, without its header.
func unified(before, after []string) string {
	lines := compare(before, after)
	var b strings.Builder
	for start := 0; start < len(lines); {
		// A hunk begins at the next difference and continues while another one is near.
		first := nextDifference(lines, start)
		if first < 0 {
			break
		}
		end := first
		for next := first; next >= 0 && next <= end+2*diffContext; next = nextDifference(lines, end) {
			end = next + 1
		}
		from, to := max(first-diffContext, start), min(end+diffContext, len(lines))
		writeHunk(&b, lines, from, to)
		start = to
	}
	return b.String()
}

func writeHunk(b *strings.Builder, lines []diffLine, from, to int) {
	oldStart, newStart := position(lines[:from])
	oldEnd, newEnd := position(lines[:to])
	fmt.Fprintf(b, "@@ -%s +%s @@\n", hunkRange(oldStart, oldEnd), hunkRange(newStart, newEnd))
	for _, l := range lines[from:to] {
		b.WriteByte(l.sign)
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
}

// hunkRange writes lines start+1..end as diff -u does.
func hunkRange(start, end int) string {
	if end == start {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

// position counts the lines of both texts.
func position(lines []diffLine) (before, after int) {
	for _, l := range lines {
		if l.sign != '+' {
			before++
		}
		if l.sign != '-' {
			after++
		}
	}
	return before, after
}

func nextDifference(lines []diffLine, from int) int {
	for i := from; i < len(lines); i++ {
		if lines[i].sign != ' ' {
			return i
		}
	}
	return -1
}

// compare aligns two texts by their longest common subsequence.
func compare(before, after []string) []diffLine {
	var head, tail []diffLine
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		head = append(head, diffLine{' ', before[0]})
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		tail = append(tail, diffLine{' ', before[len(before)-1]})
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	// common[i][j] is the length of the longest common subsequence of
	// before[i:] and after[j:].
	common := make([][]int, len(before)+1)
	for i := range common {
		common[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	lines := head
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			lines = append(lines, diffLine{' ', before[i]})
			i, j = i+1, j+1
		case i < len(before) && (j == len(after) || common[i+1][j] >= common[i][j+1]):
			lines = append(lines, diffLine{'-', before[i]})
			i++
		default:
			lines = append(lines, diffLine{'+', after[j]})
			j++
		}
	}
	for k := len(tail) - 1; k >= 0; k-- {
		lines = append(lines, tail[k])
	}
	return lines
}
