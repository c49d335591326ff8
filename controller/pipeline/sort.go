package pipeline

import (
	"math/bits"
	"slices"
)

// SortBySum sorts items by their sums, and those with equal sums by less, unless it is nil.
// Sums made by sdnd are hashes, whose leading bits nearly give an item's position, so this
// takes linear time. For cookies made by others it takes no longer than sorting does.
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

// few is the number of items up to which insertion sort is used.
const few = 16

// sortSome sorts items that are very few in most cases.
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
