package ovsdb

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// scan computes what shown must be, from the rows alone.
func (v *view) scan() []*Interface {
	var all []*Interface
	for id, f := range v.ifaces {
		on := false
		for named := range v.named {
			for p := range v.bridges[named].ports {
				on = on || slices.Contains(v.ports[p], id)
			}
		}
		if on {
			all = append(all, &f.now)
		}
	}
	slices.SortFunc(all, func(a, b *Interface) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// cost computes what size must be, from the rows alone.
func (v *view) cost() int {
	n := 0
	for _, b := range v.bridges {
		n += b.cost()
	}
	for _, p := range v.ports {
		n += rowCost + refCost*len(p)
	}
	for _, f := range v.ifaces {
		n += f.now.cost()
	}
	return n
}

// consistent fails the test unless the view is what a scan of it gives.
func (v *view) consistent(t interface{ Errorf(string, ...any) }) {
	want := v.scan()
	if len(want)+len(v.shown) > 0 && !gocmp.Equal(want, v.shown) {
		t.Errorf("shown is not what a scan finds (-scan +shown):\n%s", gocmp.Diff(want, v.shown))
	}
	if len(v.shownIDs) != len(v.shown) {
		t.Errorf("%d uuids for %d interfaces", len(v.shownIDs), len(v.shown))
	}
	named := map[string]bool{}
	for _, f := range v.ifaces {
		named[f.now.Name] = true
	}
	for _, f := range v.shown {
		if want := f.Peer != "" && !named[f.Peer]; f.NoPeer != want {
			t.Errorf("%s leads to %q, NoPeer is %v, want %v", f.Name, f.Peer, f.NoPeer, want)
		}
	}
	if v.size != v.cost() {
		t.Errorf("size is %d, the rows cost %d", v.size, v.cost())
	}
}

// Updates, applied one by one, leave what the rows say, whatever the order.
func TestViewFollowsTheServer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := newView("br-int", 1<<20, partOf(newPool(1<<20)))
		now := dbServer{"Bridge": {}, "Port": {}, "Interface": {}}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			next := now.clone()
			for range rapid.IntRange(1, 12).Draw(t, "changes") {
				next.mutate(t)
			}
			raw := now.updates2(next)
			if err := v.apply(raw); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			before := slices.Clone(v.shown)
			changed, err := v.commit()
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			v.consistent(t)
			if changed == gocmp.Equal(before, v.shown) {
				t.Errorf("changed is %v, from %v to %v", changed, before, v.shown)
			}
			now = next
			// Independent of the view: what the database says.
			if want, got := now.names(), names(v.shown); want != got {
				t.Errorf("shown %q, the server has %q", got, want)
			}
		}
	})
}

func names(all []*Interface) string {
	var s []string
	for _, f := range all {
		s = append(s, f.Name)
	}
	return strings.Join(s, " ")
}

// FuzzUpdate applies whatever bytes as two updates: no panic, and what is taken
// leaves the view in order.
func FuzzUpdate(f *testing.F) {
	f.Add([]byte(smallNode), []byte(`{"Interface":{"`+i2+`":{"delete":null}}}`))
	f.Add([]byte(smallNode), []byte(`{"Bridge":{"`+u1+`":{"modify":{"ports":["uuid","`+p1+`"]}}}}`))
	f.Add([]byte(smallNode), []byte(`{"Port":{"`+p2+`":{"modify":{"interfaces":["set",[["uuid","`+i1+`"]]]}}}}`))
	for _, s := range malformed() {
		f.Add([]byte(smallNode), []byte(`{"Port":{"`+p2+`":{"modify":{"interfaces":`+s+`}}}}`))
		for _, column := range []string{"external_ids", "options", "admin_state", "link_state", "mac_in_use", "error", "type"} {
			f.Add([]byte(smallNode), []byte(`{"Interface":{"`+i2+`":{"modify":{"`+column+`":`+s+`}}}}`))
		}
		f.Add([]byte(smallNode), []byte(`{"Bridge":{"`+u1+`":{"modify":{"fail_mode":`+s+`,"external_ids":`+s+`}}}}`))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		v := newView("br-int", 1<<16, partOf(newPool(1<<16)))
		for _, b := range [][]byte{first, second} {
			if v.apply(b) != nil {
				return
			}
			if _, err := v.commit(); err != nil {
				return
			}
			v.consistent(t)
			v.datapathID()
		}
	})
}
