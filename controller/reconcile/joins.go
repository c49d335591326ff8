package reconcile

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology/store"
)

// SetJoins takes which ports have joined groups, and which have left them.
func (f *Fabric) SetJoins(changes []pipeline.JoinChange) { f.post(reported(changes)) }

// reported: hosts have joined groups, or left them.
type reported []pipeline.JoinChange

func (e reported) happen(d *dispatcher) { d.advance(pipeline.Update{Joins: e}) }

// saveJoins saves how the members of groups have changed, so that a restart goes on with them.
func (d *dispatcher) saveJoins(before *pipeline.View) {
	for _, c := range d.view.JoinChanges(before) {
		d.f.saver.putJoin(store.Join{Port: c.Port, Group: c.Group, Number: c.Number, Gone: c.Left})
	}
}

// rememberedJoins returns what was saved.
func rememberedJoins(saved []store.Join) (all []pipeline.JoinChange) {
	for _, j := range saved {
		all = append(all, pipeline.JoinChange{Join: pipeline.Join{Port: j.Port, Group: j.Group, Number: j.Number}})
	}
	return all
}

// forgetJoins forgets what was saved of ports that are no longer where they joined.
func (d *dispatcher) forgetJoins(saved []store.Join) {
	kept := map[string]bool{}
	for j := range d.view.Joins() {
		kept[store.Join{Port: j.Port, Group: j.Group}.Key()] = true
	}
	for _, j := range saved {
		if !kept[j.Key()] {
			j.Gone = true
			d.f.saver.putJoin(j)
		}
	}
}

// GroupMembers are the ports that have joined a group of a network.
type GroupMembers struct {
	Group   netip.Addr
	Members []pipeline.Member
	// Count is how many there are, which may be more than Members has.
	Count int
}

// MulticastGroups returns groups of a network that have members, at most limit of them from the first one after
// a group on, with at most so many members each; more says that there are further ones.
func (f *Fabric) MulticastGroups(network string, after netip.Addr, limit, members int) (all []GroupMembers, more bool) {
	v := f.View()
	for group := range v.GroupsOf(network, after) {
		if len(all) == limit {
			return all, true
		}
		g := GroupMembers{Group: group}
		for m := range v.Members(network, group) {
			if g.Count++; g.Count <= members {
				g.Members = append(g.Members, m)
			}
		}
		all = append(all, g)
	}
	return all, false
}
