package openflow

// CT is how Actions.CT sends a packet through the connection tracker
// (ovs-actions(7), ct). The zero CT looks the packet up in zone 0 and goes on with
// the next action, which does not see what was found.
type CT struct {
	// Commit makes the connection known to the tracker, or marks one that is.
	Commit bool
	// Force, with Commit, makes a connection that was begun the other way round
	// begin with this packet.
	Force bool
	// Zone is the zone, unless ZoneField is set.
	Zone uint16
	// ZoneField, if not 0, holds the zone in its 16 least significant bits.
	ZoneField Field
	// Table is where the packet also goes on, with ct_state, ct_zone, ct_mark and
	// ct_label of its connection; 0 is nowhere.
	Table TableID
	// NAT, if not nil, translates addresses and ports.
	NAT *NAT
	// Exec sets ct_mark and ct_label of a committed connection: by SetField, Load
	// or Move, and nothing else.
	Exec Actions
}

// Parts of nx_action_conntrack (OVS, lib/ofp-actions.c).
const (
	ctCommit    uint16 = 1 << 0 // NX_CT_F_COMMIT
	ctForce     uint16 = 1 << 1 // NX_CT_F_FORCE
	ctNoRecirc         = 0xff   // NX_CT_RECIRC_NONE: no table to go on in
	ctZoneWidth        = 16     // bits of a zone in a field, from bit 0 on
)

// CT sends the packet through the connection tracker (NXAST_CT).
func (a Actions) CT(t CT) Actions {
	var flags uint16
	if t.Commit {
		flags |= ctCommit
	}
	if t.Force {
		flags |= ctForce
	}
	zone, table := t.Zone, byte(t.Table)
	if t.ZoneField != 0 {
		zone = ctZoneWidth - 1
	}
	if table == 0 {
		table = ctNoRecirc
	}
	nat := t.NAT.action()
	a = a.nicira(nxCT, 24+len(nat)+len(t.Exec))
	a = be.AppendUint16(a, flags)
	a = be.AppendUint32(a, uint32(t.ZoneField.nxm()))
	a = be.AppendUint16(a, zone)
	a = append(a, table, 0, 0, 0, 0, 0) // no alg
	return append(append(a, nat...), t.Exec...)
}

// CTClear forgets the packet's connection-tracking state (NXAST_CT_CLEAR).
func (a Actions) CTClear() Actions { return append(a.nicira(nxCTClear, 16), 0, 0, 0, 0, 0, 0) }
