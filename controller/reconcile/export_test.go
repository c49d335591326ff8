package reconcile

import "github.com/sdnctl/sdnctl/openflow"

// Session returns the session with a node's switch.
func (f *Fabric) Session(node string) *openflow.Session { return f.peerOf(node).sess }
