package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// invitationPrefix makes invitations easy to recognise.
const invitationPrefix = "SDNCTL-"

// secretSize is the size of an invitation's secret, in bytes.
const secretSize = 32

// Invitation lets a machine become a node once. It contains what the machine needs to
// verify sdnd, and what sdnd needs to verify the machine.
type Invitation struct {
	// Authority is the fingerprint of sdnd's authority.
	Authority Fingerprint
	// Secret is 256 random bits.
	Secret [secretSize]byte
}

// NewInvitation returns an invitation with a new secret.
func NewInvitation(authority Fingerprint) (Invitation, error) {
	i := Invitation{Authority: authority}
	_, err := rand.Read(i.Secret[:])
	return i, err
}

// String returns the token that is pasted on the node: "SDNCTL-" and 86 characters that
// have no special meaning in a shell.
func (i Invitation) String() string {
	return invitationPrefix + base64.RawURLEncoding.EncodeToString(append(i.Authority[:], i.Secret[:]...))
}

// ParseInvitation reads what String returns.
func ParseInvitation(s string) (i Invitation, err error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(s), invitationPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(raw) != len(i.Authority)+len(i.Secret) {
		return Invitation{}, errors.New("this is not the whole token of an invitation, which is " + invitationPrefix + " and 86 letters, digits, - and _: paste the line that 'sdnctl node invite' printed again")
	}
	copy(i.Authority[:], raw)
	copy(i.Secret[:], raw[len(i.Authority):])
	return i, nil
}

// Digest is the part of the secret that sdnd stores.
func (i Invitation) Digest() [sha256.Size]byte { return sha256.Sum256(i.Secret[:]) }
