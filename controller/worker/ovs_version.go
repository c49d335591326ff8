package worker

import (
	"strconv"
	"strings"
)

// OlderThan reports whether a version of Open vSwitch, such as "3.1.0", is older than the first
// patch level of its branch that has a fix. fixed returns that patch level; known is false for
// a branch that never had the fault. Text that is not a version is not older.
func OlderThan(version string, fixed func(major, minor int) (patch int, known bool)) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 {
		return false
	}
	end := strings.IndexFunc(parts[2], func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		parts[2] = parts[2][:end] // such as the suffix of "3.1.0-2.el9"
	}
	var v [3]int
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return false
		}
		v[i] = n
	}
	patch, known := fixed(v[0], v[1])
	return known && v[2] < patch
}
