//go:build !unix

package membership

// ownerOf is not implemented on this system.
func ownerOf(string) (uid, gid int, ok bool) { return 0, 0, false }
