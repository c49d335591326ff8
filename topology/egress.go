package topology

import "github.com/sdnctl/sdnctl/topology/model"

// countEgress adds d to the number of identities of a domain that are the subject of
// policies which judge what they send, for the policies of one identity.
func (x *indexes) countEgress(i *Identity, d int) {
	for _, s := range i.Selections {
		for p := range under(x.selections.subjects, s+"\x00") {
			if p.Policy.Judges(model.Egress) {
				x.addEgress(i.Domain, p.Policy, d)
			}
		}
	}
}

// putSelections adds the selections of a policy.
func (x *indexes) putSelections(p *Policy) {
	x.selections.put(p)
	x.countSubjects(p, +1)
}

// dropSelections removes the selections of a policy.
func (x *indexes) dropSelections(p *Policy) {
	x.countSubjects(p, -1)
	x.selections.drop(p)
}

// countSubjects does what countEgress does for all identities that are the subject of a
// policy.
func (x *indexes) countSubjects(p *Policy, d int) {
	if !p.Judges(model.Egress) {
		return
	}
	k, _ := x.selections.policies.Get(p.Name)
	for i := range under(x.identities.withSelection, k.Subject+"\x00") {
		x.addEgress(i.Domain, p, d)
	}
}

func (x *indexes) addEgress(domain string, p *Policy, d int) {
	key := domain + "\x00" + p.Name
	n, _ := x.egress.Get(key)
	if n += d; n == 0 {
		x.egress.Delete(key)
	} else {
		x.egress.Set(key, n)
	}
}

// grouped reports whether a policy selects the members of a port group.
func (x *indexes) grouped(group string) bool {
	for range under(x.selections.anchored, groupAnchor(group)) {
		return true
	}
	return false
}
