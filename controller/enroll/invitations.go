package enroll

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// The bounds of invitations.
const (
	// MaxInvitations is how many invitations may be open at a time.
	MaxInvitations = 1024
	// DefaultLife is how long an invitation is valid by default, and MaxLife the longest that
	// can be asked for.
	DefaultLife = time.Hour
	MaxLife     = 24 * time.Hour
	// remembered is how long sdnd remembers that an invitation was used or has expired, so that
	// it can explain its refusal.
	remembered = 24 * time.Hour
)

// Reasons to refuse an invitation. All but ErrFull concern whoever presents it.
var (
	ErrUnknown   = errors.New("sdnd knows no such invitation: ask for another with 'sdnctl node invite'")
	ErrUsed      = errors.New("the invitation was used already, it works once: ask for another with 'sdnctl node invite'")
	ErrExpired   = errors.New("the invitation has expired: ask for another with 'sdnctl node invite'")
	ErrOtherNode = errors.New("the invitation is for another node")
	ErrFull      = fmt.Errorf("%d invitations are open, which is the limit: wait until some are used or expire", MaxInvitations)
)

// noteInvitations is the key under which the invitations are stored.
const noteInvitations = "invitations"

// Offer is what an invitation grants to the machine that presents it.
type Offer struct {
	Node string `json:"node"`
	// TunnelIP is the node's tunnel address; "" means the one that the machine reports.
	TunnelIP string `json:"tunnelIP,omitempty"`
	// By is the user who created the invitation.
	By      string    `json:"by"`
	Expires time.Time `json:"expires"`
}

// record is an invitation as it is stored: with a digest of its secret.
type record struct {
	Offer
	Digest string    `json:"sha256"`
	Used   time.Time `json:"used,omitzero"`
}

// Invitations are the open invitations, and those that were used or expired recently. They
// survive a restart. Invitations is safe for concurrent use.
type Invitations struct {
	notes Notes
	now   func() time.Time

	mu  sync.Mutex // guards all; held while one is redeemed
	all []record
}

// OpenInvitations reads the stored invitations.
func OpenInvitations(notes Notes, now func() time.Time) (*Invitations, error) {
	i := &Invitations{notes: notes, now: now}
	data, err := notes.Note(noteInvitations)
	if err != nil || data == nil {
		return i, err
	}
	if err := json.Unmarshal(data, &i.all); err != nil {
		return nil, fmt.Errorf("invitations in the data file: %w", err)
	}
	return i, nil
}

// Invite creates an invitation for a node, and revokes an earlier one for the same node.
func (i *Invitations) Invite(authority pki.Fingerprint, node, tunnelIP, by string, lasts time.Duration) (pki.Invitation, Offer, error) {
	token, err := pki.NewInvitation(authority)
	if err != nil {
		return pki.Invitation{}, Offer{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	open := 0
	var keep []record
	for _, r := range i.all {
		over := !r.Used.IsZero() || !now.Before(r.Expires)
		switch {
		case over && now.Sub(r.Expires) > remembered, !over && r.Node == node:
			continue
		case !over:
			open++
		}
		keep = append(keep, r)
	}
	if open >= MaxInvitations {
		return pki.Invitation{}, Offer{}, ErrFull
	}
	// The oldest of those that are used or expired make room.
	for len(keep) >= 2*MaxInvitations {
		at := slices.IndexFunc(keep, func(r record) bool { return !r.Used.IsZero() || !now.Before(r.Expires) })
		keep = slices.Delete(keep, at, at+1)
	}
	offer := Offer{Node: node, TunnelIP: tunnelIP, By: by, Expires: now.Add(lasts).UTC().Truncate(time.Second)}
	keep = append(keep, record{Offer: offer, Digest: digest(token)})
	if err := i.save(keep); err != nil {
		return pki.Invitation{}, Offer{}, err
	}
	return token, offer, nil
}

// Redeem checks an invitation and calls accept for it, unless the invitation is refused.
// If accept returns nil, the invitation is used, and stored as such before Redeem
// returns. Invitations are redeemed one at a time.
func (i *Invitations) Redeem(token pki.Invitation, node string, accept func(Offer) error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	want := digest(token) // of a random secret, which needs no slow hash
	at := slices.IndexFunc(i.all, func(r record) bool { return r.Digest == want })
	if at < 0 {
		return ErrUnknown
	}
	r := i.all[at]
	switch {
	case !r.Used.IsZero():
		return ErrUsed
	case !i.now().Before(r.Expires):
		return ErrExpired
	case r.Node != node:
		return ErrOtherNode
	}
	if err := accept(r.Offer); err != nil {
		return err
	}
	all := slices.Clone(i.all)
	all[at].Used = i.now().UTC()
	return i.save(all)
}

// save stores all invitations and then puts them into effect. The caller holds the lock.
func (i *Invitations) save(all []record) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := i.notes.SetNote(noteInvitations, data); err != nil {
		return err
	}
	i.all = all
	return nil
}

func digest(token pki.Invitation) string {
	d := token.Digest()
	return hex.EncodeToString(d[:sha256.Size])
}
