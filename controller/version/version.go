// Package version says which version a program is.
package version

import (
	"runtime/debug"
	"strings"
)

// Release is the version that this source is, or becomes when it is released
// (semver.org).
const Release = "v0.2.0"

// String returns the version of the running program: Release and the commit
// that it was built from, such as "v0.2.0+1a2b3c4d5e6f", with ".modified"
// behind it if the tree had changes that were not committed. A program that was
// not built in a checkout has the version of its module, or Release alone.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Release
	}
	return of(info)
}

// of returns the version that the information in a binary says.
func of(info *debug.BuildInfo) string {
	commit, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = ".modified"
		}
	}
	switch main := info.Main.Version; {
	case commit != "":
		return Release + "+" + commit + modified
	case strings.HasPrefix(main, "v"): // "go install …@v0.2.0"
		return main
	}
	return Release
}
