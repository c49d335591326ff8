package enroll

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// Reach says how nodes can reach sdnd.
type Reach struct {
	// Addresses are those of sdnd's machine, the one most likely to be reachable first.
	Addresses []string
	// APIPort, OpenFlowPort and OVSDBPort are TCP ports. OVSDBPort is 0 if sdnd does not listen
	// for OVSDB.
	APIPort, OpenFlowPort, OVSDBPort uint16
	// Bridge is the name of the bridge that sdnd manages on nodes.
	Bridge string
}

// Registrar issues invitations and certificates to machines.
type Registrar struct {
	Authority   *Authority
	Invitations *Invitations
	// Reach returns how nodes can reach sdnd.
	Reach func() Reach
}

// Invite creates an invitation for a node.
func (r *Registrar) Invite(node, tunnelIP, by string, lasts time.Duration) (pki.Invitation, Offer, error) {
	return r.Invitations.Invite(r.Authority.Fingerprint(), node, tunnelIP, by, lasts)
}
