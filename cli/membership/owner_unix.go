//go:build unix

package membership

import (
	"os"
	"syscall"
)

// ownerOf returns the user and group that own a file.
func ownerOf(name string) (uid, gid int, ok bool) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
