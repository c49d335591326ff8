package server

import (
	"context"
	"os/user"
	"strconv"
	"strings"
	"unicode"
)

// maxAuthor is the length limit of an author from a header, in bytes.
const maxAuthor = 128

// author returns the author of a request for the history: on a unix socket the user that
// the kernel reports for the other end, elsewhere the user of the certificate or token.
// Without access control it is the unverified text of the header.
func author(ctx context.Context, header string) string {
	if uid, ok := ctx.Value(peerKey{}).(uint32); ok {
		id := strconv.FormatUint(uint64(uid), 10)
		if u, err := user.LookupId(id); err == nil {
			return u.Username
		}
		return "uid " + id
	}
	if who, ok := ctx.Value(callerKey{}).(*caller); ok {
		if who.node() != "" {
			return who.String()
		}
		return who.Name
	}
	header = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, header)
	if len(header) > maxAuthor {
		header = strings.ToValidUTF8(header[:maxAuthor], "")
	}
	if header == "" {
		return "unknown"
	}
	return header
}
