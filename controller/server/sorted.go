package server

import (
	"cmp"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
)

// sorted sorts mistakes by their place in the request, and those of one object by field.
func sorted(mistakes []api.Problem) []api.Problem {
	slices.SortStableFunc(mistakes, func(a, b api.Problem) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Field, b.Field))
	})
	return mistakes
}
