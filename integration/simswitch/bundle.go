package simswitch

import (
	"bytes"

	"github.com/sdnctl/sdnctl/openflow"
)

// bundle is an uncommitted bundle (ONF extension 230; OpenFlow 1.4, 6.9).
type bundle struct {
	flags  openflow.BundleFlags
	closed bool
	mods   []bundled
}

// bundled is a modification in a bundle.
type bundled struct {
	modification
	message []byte // the OFPBCT_ADD message that it came in
}

// Offsets in ofp_bundle_ctrl_msg and ofp_bundle_add_msg (OpenFlow 1.4, 7.3.9),
// behind the experimenter's header.
const (
	expHeaderLen = 16
	bundleID     = expHeaderLen
	bundleKind   = expHeaderLen + 4
	bundleFlags  = expHeaderLen + 6
	bundleInner  = expHeaderLen + 8
)

// bundleControl handles a request to open, close, commit or discard a bundle.
func (c *conn) bundleControl(msg []byte) refusal {
	if len(msg) < bundleInner || len(msg)%8 != 0 {
		return badLength
	}
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	id, flags := be.Uint32(msg[bundleID:]), openflow.BundleFlags(be.Uint16(msg[bundleFlags:]))
	kind := openflow.BundleControlType(be.Uint16(msg[bundleKind:]))
	b := c.bundles[id]
	why := accepted
	switch kind {
	case openflow.BundleOpenRequest:
		if b != nil {
			delete(c.bundles, id)
			return bundleBadID
		}
		c.openBundle(id, flags)
	case openflow.BundleCloseRequest:
		why = c.closeBundle(id, b, flags)
	case openflow.BundleCommitRequest:
		if b == nil {
			return bundleBadID
		}
		delete(c.bundles, id)
		if b.flags != flags {
			return bundleBadFlags
		}
		why = c.commit(b)
	case openflow.BundleDiscardRequest:
		if b == nil {
			return bundleBadID
		}
		delete(c.bundles, id)
	default:
		return bundleBadType
	}
	if why == accepted {
		c.reply(msg, &openflow.BundleControl{BundleID: id, Kind: kind + 1})
	}
	return why
}

func (c *conn) openBundle(id uint32, flags openflow.BundleFlags) *bundle {
	b := &bundle{flags: flags}
	if c.bundles == nil {
		c.bundles = make(map[uint32]*bundle)
	}
	c.bundles[id] = b
	return b
}

func (c *conn) closeBundle(id uint32, b *bundle, flags openflow.BundleFlags) refusal {
	switch {
	case b == nil:
		return bundleBadID
	case b.closed:
		delete(c.bundles, id)
		return bundleClosed
	case b.flags != flags:
		delete(c.bundles, id)
		return bundleBadFlags
	}
	b.closed = true
	return accepted
}

// bundleAdd adds a flow-mod or a group-mod to a bundle, which it opens if necessary. Open
// vSwitch also accepts port-mods and packet-outs.
func (c *conn) bundleAdd(msg []byte) refusal {
	if len(msg) < bundleInner {
		return badLength
	}
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	inner := msg[bundleInner:]
	if len(inner) < openflow.HeaderLen {
		return bundleMsgBadLen
	}
	n := int(be.Uint16(inner[2:]))
	switch {
	case inner[0] != msg[0]:
		return bundleBadVersion
	case n < openflow.HeaderLen || n > len(inner):
		return bundleMsgBadLen
	case string(inner[4:8]) != string(msg[4:8]):
		return bundleMsgBadXid
	}
	var m modification
	var why refusal
	switch typ := openflow.MessageType(inner[1]); {
	case typ == openflow.TypeFlowMod && n >= modMatch && n%8 == 0:
		m, why = c.s.reader.read(inner[:n])
	case typ == openflow.TypeGroupMod && n >= groupModBuckets && n%8 == 0:
		m, why = readGroupMod(inner[:n])
	default: // bundles take no other messages here
		why = bundleMsgUnsup
	}
	if why != accepted {
		return why
	}
	id, flags := be.Uint32(msg[bundleID:]), openflow.BundleFlags(be.Uint16(msg[bundleFlags:]))
	b := c.bundles[id]
	switch {
	case b == nil:
		b = c.openBundle(id, flags)
	case b.closed:
		delete(c.bundles, id)
		return bundleClosed
	case b.flags != flags:
		delete(c.bundles, id)
		return bundleBadFlags
	}
	b.mods = append(b.mods, bundled{m, bytes.Clone(msg)})
	c.s.count(m)
	return accepted
}

// commit applies the modifications of a bundle in order. If one is refused, none has an
// effect. Like Open vSwitch, it ignores the bundle's flags in this.
func (c *conn) commit(b *bundle) refusal {
	s := c.s
	by := s.limits()
	var log journal
	ends := make([]extent, 0, len(b.mods)) // extent of the journal after each modification
	for _, m := range b.mods {
		why := m.apply(s.tables, &log, &by)
		if why == aborts {
			return why
		}
		if why != accepted {
			c.send(appendRefusal(nil, why, m.message))
			if !s.tables.undo(&log) {
				return aborts
			}
			return bundleMsgFailed
		}
		ends = append(ends, log.extent())
	}
	var from extent
	for i, m := range b.mods {
		s.report(log.part(from, ends[i]), c, m.modification, be.Uint32(m.message[4:]))
		from = ends[i]
	}
	s.flushUpdates()
	s.stats.Bundles++
	return accepted
}

// modify applies a modification outside of a bundle.
func (c *conn) modify(m modification, msg []byte) refusal {
	s := c.s
	s.count(m)
	var log journal
	by := s.limits()
	if why := m.apply(s.tables, &log, &by); why != accepted {
		return why
	}
	s.report(log, c, m, be.Uint32(msg[4:]))
	s.flushUpdates()
	return accepted
}

// flowMod applies a flow-mod outside of a bundle.
func (c *conn) flowMod(msg []byte) refusal {
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	m, why := c.s.reader.read(msg)
	if why != accepted {
		return why
	}
	return c.modify(m, msg)
}

// count counts a valid modification.
func (s *Switch) count(m modification) {
	switch m.(type) {
	case *mod:
		s.stats.FlowMods++
	case *groupMod:
		s.stats.GroupMods++
	}
}
