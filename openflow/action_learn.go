package openflow

// Learning is how flows are learned that Actions.Learn makes (OVS,
// lib/ofp-actions.c, NXAST_LEARN2; ovs-actions(7), learn).
type Learning struct {
	Table                    TableID
	Priority                 uint16
	Cookie                   Cookie
	IdleTimeout, HardTimeout uint16 // in seconds; 0 is none
	// Limit is how many flows with the cookie the table may have before no more
	// are learned; 0 is no limit.
	Limit uint32
	// DeleteLearned has the switch delete what was learned, by table and cookie,
	// when the last flow that learns it goes.
	DeleteLearned bool
	// Match is what all learned flows match: exact fields, for which the
	// prerequisites come first, as in a Match.
	Match Match
	// Copy are fields that learned flows match with the values that the packet
	// has. They must fulfil their prerequisites by Match.
	Copy []Field
	// Load are fields that learned flows set to the values that the packet has. A
	// learned flow without any drops what it matches.
	Load []Field
}

// Parts of a learn action.
const (
	nxLearn2       = 45
	learnImmediate = 1 << 13 // the value follows, instead of a field's header
	learnLoad      = 1 << 11 // the learned flow sets the field, instead of matching it
	learnDelete    = 1 << 1  // NX_LEARN_F_DELETE_LEARNED
	learnBits      = 1<<11 - 1
)

// Learn adds a flow, which is what l says of the packet at hand.
func (a Actions) Learn(l Learning) Actions {
	at := len(a)
	a = a.nicira(nxLearn2, 0)
	a = be.AppendUint16(a, l.IdleTimeout)
	a = be.AppendUint16(a, l.HardTimeout)
	a = be.AppendUint16(a, l.Priority)
	a = be.AppendUint64(a, uint64(l.Cookie))
	flags := uint16(0)
	if l.DeleteLearned {
		flags = learnDelete
	}
	a = be.AppendUint16(a, flags)
	a = append(a, byte(l.Table), 0)
	a = append(a, 0, 0, 0, 0) // no timeouts upon FIN
	a = be.AppendUint32(a, l.Limit)
	a = append(a, 0, 0, 0, 0) // no bit says that there was room
	for o := range l.Match.All() {
		value := o.Value
		a = be.AppendUint16(a, learnImmediate|uint16(len(value)*8))
		if len(value)%2 == 1 {
			a = append(a, 0)
		}
		a = be.AppendUint32(append(a, value...), uint32(o.Field.nxm()))
		a = append(a, 0, 0)
	}
	for _, f := range l.Copy {
		a = a.learnField(0, f)
	}
	for _, f := range l.Load {
		a = a.learnField(learnLoad, f)
	}
	for (len(a)-at)%8 != 0 {
		a = append(a, 0)
	}
	be.PutUint16(a[at+2:], uint16(len(a)-at))
	return a
}

// learnField appends that the learned flow matches, or sets, the value that a field has.
func (a Actions) learnField(what uint16, f Field) Actions {
	a = be.AppendUint16(a, what|uint16(fieldsByHeader[f].bits))
	a = append(be.AppendUint32(a, uint32(f.nxm())), 0, 0)
	return append(be.AppendUint32(a, uint32(f.nxm())), 0, 0)
}
