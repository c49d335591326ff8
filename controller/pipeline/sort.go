package pipeline

import (
	"math/bits"
	"slices"
)

// SortBySum orders items by their sums, and those of one sum by less, if it is not
// nil. Sums of ours are hashes: their leading bits alone tell nearly where each
// belongs, so it takes time in proportion to the items. For cookies of others it
// takes no more than sorting does.
func SortBySum[T any](items []T, sum func(*T) Sum, less func(a, b *T) bool) {
	before := func(a, b *T) bool {
		ca, cb := sum(a), sum(b)
		return ca < cb || ca == cb && less != nil && less(a, b)
	}
	if len(items) <= few {
		sortSome(items, before)
		return
	}
	shift := 64 - bits.Len(uint(len(items)-1))
	// starts[i] is where bucket i begins, and in the end where it ends.
	starts := make([]uint32, 1<<(64-shift)+1)
	for i := range items {
		starts[uint64(sum(&items[i]))>>shift+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	sorted := make([]T, len(items))
	for i := range items {
		b := uint64(sum(&items[i])) >> shift
		sorted[starts[b]] = items[i]
		starts[b]++
	}
	from := uint32(0)
	for _, to := range starts[:len(starts)-1] {
		sortSome(sorted[from:to], before)
		from = to
	}
	copy(items, sorted)
}

// few is how many items are sorted by insertion.
const few = 16

// sortSome sorts what are mostly very few.
func sortSome[T any](items []T, before func(a, b *T) bool) {
	if len(items) > few {
		slices.SortFunc(items, func(a, b T) int {
			switch {
			case before(&a, &b):
				return -1
			case before(&b, &a):
				return 1
			}
			return 0
		})
		return
	}
	for i := 1; i < len(items); i++ {
		for j := i; j > 0 && before(&items[j], &items[j-1]); j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
}
