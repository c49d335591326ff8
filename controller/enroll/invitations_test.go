package enroll

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// fakeNotes are notes in memory.
type fakeNotes struct {
	notes map[string][]byte
	fail  error
}

func (f *fakeNotes) Note(key string) ([]byte, error) { return f.notes[key], nil }

func (f *fakeNotes) SetNote(key string, value []byte) error {
	if f.fail == nil {
		f.notes[key] = value
	}
	return f.fail
}

// TestInvitations: an invitation works once and for its node only, until it expires, is used or
// is replaced. That holds across a restart, and when accepting or storing fails.
func TestInvitations(t *testing.T) {
	now := time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
	notes := &fakeNotes{notes: map[string][]byte{}}
	var all *Invitations
	restart := func() {
		t.Helper()
		var err error
		if all, err = OpenInvitations(notes, func() time.Time { return now }); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	invite := func(node string, lasts time.Duration) pki.Invitation {
		t.Helper()
		i, _, err := all.Invite(pki.Fingerprint{1}, node, "", "alice", lasts)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	accepted := 0
	accept := func(o Offer) error { accepted++; return nil }
	redeem := func(i pki.Invitation, node string, want error) {
		t.Helper()
		if err := all.Redeem(i, node, accept); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		restart()
	}
	old, short := invite("node1", time.Hour), invite("node2", time.Minute)
	i := invite("node1", time.Hour)
	redeem(old, "node1", ErrUnknown)
	redeem(i, "node2", ErrOtherNode)
	redeem(pki.Invitation{Authority: i.Authority}, "node1", ErrUnknown)
	failing := errors.New("the node cannot be declared")
	if err := all.Redeem(i, "node1", func(Offer) error { return failing }); !errors.Is(err, failing) {
		t.Errorf("%v", err)
	}
	now = now.Add(time.Minute)
	redeem(short, "node2", ErrExpired)
	if accepted != 0 {
		t.Errorf("accepted %d times", accepted)
	}
	redeem(i, "node1", nil)
	redeem(i, "node1", ErrUsed)
	now = now.Add(-30 * time.Minute) // the clock is set back
	redeem(i, "node1", ErrUsed)
	if accepted != 1 {
		t.Errorf("accepted %d times", accepted)
	}
	// An invitation that cannot be stored is not issued.
	next := invite("node3", time.Hour)
	notes.fail = errors.New("disk full")
	if err := all.Redeem(next, "node3", accept); !errors.Is(err, notes.fail) {
		t.Errorf("%v", err)
	}
	notes.fail = nil
}

// TestInvitationsAreBounded: used and expired invitations are bounded, too.
func TestInvitationsAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
	all, err := OpenInvitations(&fakeNotes{notes: map[string][]byte{}}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	fill := func(state string, n int, expires time.Time) {
		for i := range n {
			all.all = append(all.all, record{Offer: Offer{Node: fmt.Sprint(state, i), Expires: expires}, Digest: fmt.Sprint(state, i)})
		}
	}
	fill("over", 2*MaxInvitations, now.Add(-time.Minute))
	fill("open", MaxInvitations-1, now.Add(time.Minute))
	for _, want := range []error{nil, ErrFull} {
		if _, _, err := all.Invite(pki.Fingerprint{}, fmt.Sprint("more", want), "", "alice", time.Minute); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if len(all.all) > 2*MaxInvitations {
		t.Errorf("%d are kept", len(all.all))
	}
}
