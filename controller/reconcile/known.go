package reconcile

import (
	"net"

	"github.com/sdnctl/sdnctl/controller/connlimit"
)

// KnownAddress reports whether a node's switch is, or was last, connected from
// an address. It is for ovsdb.Config.
func (f *Fabric) KnownAddress(a net.Addr) bool { return f.board.KnownHost(connlimit.Host(a)) }
