package enroll

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// Reach is how nodes reach sdnd.
type Reach struct {
	// Addresses are those of sdnd's machine, the most likely one first.
	Addresses []string
	// APIPort, OpenFlowPort and OVSDBPort are TCP ports; OVSDBPort is 0 where
	// sdnd does not listen for OVSDB.
	APIPort, OpenFlowPort, OVSDBPort uint16
	// Bridge is the name of the bridge that sdnd looks for on nodes.
	Bridge string
}

// Registrar issues invitations and certificates to machines.
type Registrar struct {
	Authority   *Authority
	Invitations *Invitations
	// Reach says how nodes reach sdnd.
	Reach func() Reach
}

// Invite creates an invitation for a node.
func (r *Registrar) Invite(node, tunnelIP, by string, lasts time.Duration) (pki.Invitation, Offer, error) {
	return r.Invitations.Invite(r.Authority.Fingerprint(), node, tunnelIP, by, lasts)
}
