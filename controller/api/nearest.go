package api

import "strings"

// maxWord is the length in bytes above which Nearest does not compare a word.
const maxWord = 64

// Nearest returns the known word that a word was probably meant to be: one that differs in
// case only, or by at most two typing mistakes, or one if the word has up to four bytes. It
// returns "" if there is none.
func Nearest(word string, known []string) string {
	if len(word) > maxWord {
		return ""
	}
	best, bestDistance := "", 3
	if len(word) <= 4 {
		bestDistance = 2
	}
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k
		}
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// NearestKind returns the kind that a misspelt word, singular or plural, was probably
// meant to be; "" if there is none.
func NearestKind(word string) Kind {
	var known []string
	for _, k := range Kinds() {
		known = append(known, string(k), k.Plural())
	}
	k, err := ParseKind(Nearest(word, known))
	if err != nil {
		return ""
	}
	return k
}

// distance returns how many bytes must be inserted, deleted, replaced or swapped
// with their neighbour to turn a into b (optimal string alignment distance).
func distance(a, b string) int {
	var before []int // the row before the last one
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
