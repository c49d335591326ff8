package server

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestFiftyCreatorsOfOneAddress: 50 clients request the same address while others allocate,
// prune and watch. One gets it, and no two objects have the same.
func TestFiftyCreatorsOfOneAddress(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	w := b.watch(0)
	w.next(1)
	const n = 50
	var won, lost sync.Map
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			o := object(t, fmt.Sprintf("want%d", i), model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.0.0.200")})
			_, err := b.client.Create(t.Context(), o)
			var e *api.Error
			switch {
			case err == nil:
				won.Store(i, true)
			case errors.As(err, &e) && e.Code == api.CodeConflict:
				lost.Store(i, true)
			default:
				t.Errorf("%s: %v", o.Ref(), err)
			}
		})
		all.Go(func() {
			o := object(t, fmt.Sprintf("any%d", i), model.PortSpec{Network: "blue"})
			if _, err := b.client.Create(t.Context(), o); err != nil {
				t.Errorf("%s: %v", o.Ref(), err)
			}
		})
		if i%10 == 0 {
			all.Go(func() {
				if _, err := b.client.Apply(t.Context(), api.ApplyRequest{Prune: "none=such"}); err != nil {
					t.Errorf("prune: %v", err)
				}
			})
		}
	}
	all.Wait()
	count := func(m *sync.Map) (k int) {
		m.Range(func(any, any) bool { k++; return true })
		return k
	}
	if count(&won) != 1 || count(&lost) != n-1 {
		t.Errorf("%d got the address, %d did not", count(&won), count(&lost))
	}
	l, err := b.client.Ports(t.Context(), api.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holder := map[string]string{}
	for _, p := range l.Items {
		if other, taken := holder[p.Status.IP]; taken {
			t.Errorf("%s and %s both hold %s", p.Name, other, p.Status.IP)
		}
		holder[p.Status.IP] = p.Name
	}
	// Each change is published once and in order, and a refused one is not.
	for rev := api.Revision(2); rev <= l.Revision; rev++ {
		line := w.next(1)[0]
		var got api.Revision
		if _, err := fmt.Sscanf(line, "change %d create", &got); err != nil || got != rev {
			t.Fatalf("event %q, want revision %d", line, rev)
		}
	}
}
