package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	vcs := func(revision, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	tests := []struct {
		name, want string
		info       debug.BuildInfo
	}{
		{"checkout", Release + "+0123456789ab", debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261129000000-0123456789ab"}, Settings: vcs("0123456789abcdef", "false")}},
		{"changed checkout", Release + "+0123456789ab.modified", debug.BuildInfo{Settings: vcs("0123456789abcdef", "true")}},
		{"go install of a version", "v0.2.1", debug.BuildInfo{Main: debug.Module{Version: "v0.2.1"}}},
		{"no checkout", Release, debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := of(&tt.info); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
