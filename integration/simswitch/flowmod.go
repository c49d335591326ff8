package simswitch

import (
	"bytes"

	"github.com/sdnctl/sdnctl/openflow"
)

// Offsets in ofp_flow_mod (OpenFlow 1.3.5, 7.3.4.1).
const (
	modCookie     = 8
	modCookieMask = 16
	modTable      = 24
	modCommand    = 25
	modIdle       = 26
	modPriority   = 30
	modBuffer     = 32
	modOutPort    = 36
	modOutGroup   = 40
	modFlags      = 44
	modMatch      = 48
)

// Table numbers. Open vSwitch uses the last table itself.
const (
	tableInternal openflow.TableID = 254
	numTables                      = uint8(254)
)

// allFlags has the flow flags of OpenFlow 1.3.
const allFlags = openflow.FlowSendRemoved | openflow.FlowCheckOverlap | openflow.FlowResetCounts |
	openflow.FlowNoPacketCnt | openflow.FlowNoByteCnt

// keptFlags has the flags that a flow keeps and shows.
const keptFlags = allFlags

// mod is a decoded, valid flow-mod.
type mod struct {
	command  openflow.FlowCommand
	table    openflow.TableID
	priority uint16
	// The selection of flows to modify or delete.
	cookie, cookieMask uint64
	outPort            openflow.PortNo
	outGroup           uint32
	fields             []byte // of the match, as flow has them
	// flow is the flow to add; for a modify command it has the new instructions.
	flow *flow
}

// reader decodes flow-mods. It has scratch memory, so only one goroutine may use it.
type reader struct {
	pool    *Pool
	match   match
	program program
	raw     []byte
}

// read decodes a flow-mod, and checks it in the same order as Open vSwitch.
func (r *reader) read(msg []byte) (*mod, refusal) {
	if len(msg) < modMatch || len(msg)%8 != 0 {
		return nil, badLength
	}
	m := &mod{
		command:  openflow.FlowCommand(msg[modCommand]),
		table:    openflow.TableID(msg[modTable]),
		priority: be.Uint16(msg[modPriority:]),
		outPort:  openflow.PortAny, outGroup: openflow.GroupAny,
	}
	isAdd := m.command == openflow.FlowAdd
	var h wireHash
	if isAdd {
		h = r.pool.hash(msg[modCookie:])
		if m.flow = r.pool.get(h); m.flow != nil {
			return m, accepted
		}
	}
	fields, _, why := splitMatch(msg[modMatch:])
	if why != accepted {
		return nil, why
	}
	if why := r.match.parse(fields); why != accepted {
		return nil, why
	}
	isDelete := m.command == openflow.FlowDelete || m.command == openflow.FlowDeleteStrict
	switch {
	case m.table == openflow.TableAll && !isDelete:
		return nil, flowBadTable
	case !knownPort(openflow.PortNo(be.Uint32(msg[modOutPort:]))):
		return nil, actionBadOutPort
	case m.command > openflow.FlowDeleteStrict:
		return nil, flowBadCommand
	}
	r.program.table, r.program.m = m.table, &r.match
	r.raw, why = appendFlow(r.raw[:0], msg, &r.match, &r.program)
	if why != accepted {
		return nil, why
	}
	flags := be.Uint16(msg[modFlags:])
	switch {
	case len(r.raw) > maxFlow:
		return nil, badLength
	case flags&^allFlags != 0:
		return nil, flowBadFlags
	case r.program.late != accepted:
		return nil, r.program.late
	case r.program.inconsistent:
		return nil, actionInconsistent
	case m.table == tableInternal && !isDelete:
		return nil, notPermitted
	case !isDelete && be.Uint32(msg[modBuffer:]) != openflow.NoBuffer:
		return nil, bufferUnknown
	}
	if isAdd {
		m.flow = r.pool.put(h, r.pool.newFlow(bytes.Clone(r.raw), r.program.needs))
		return m, accepted
	}
	m.cookie, m.cookieMask = be.Uint64(msg[modCookie:]), be.Uint64(msg[modCookieMask:])
	if isDelete {
		m.outPort = openflow.PortNo(be.Uint32(msg[modOutPort:]))
		m.outGroup = be.Uint32(msg[modOutGroup:])
	}
	m.flow = r.pool.newFlow(bytes.Clone(r.raw), r.program.needs)
	m.fields = m.flow.fields()
	return m, accepted
}

// maxFlow is the length in bytes of the longest flow that fits into a statistics reply.
const maxFlow = openflow.MaxMessageLen - multipartLen

// standardMatchLen is the length in bytes of a match of OpenFlow 1.1 (OpenFlow 1.1, A.2.3).
// It is not valid in 1.3, but has an error of its own.
const standardMatchLen = 88

// splitMatch splits off the ofp_match at the beginning of b, with its padding (OpenFlow 1.3.5,
// 7.2.3.1).
func splitMatch(b []byte) (fields, rest []byte, why refusal) {
	if len(b) < 4 {
		return nil, nil, matchBadLength
	}
	n := int(be.Uint16(b[2:]))
	switch {
	case n < 4:
		return nil, nil, matchBadLength
	case be.Uint16(b) == 0 && n != standardMatchLen:
		return nil, nil, matchBadLength
	case be.Uint16(b) != 1: // OFPMT_OXM
		return nil, nil, matchBadType
	case pad8(n) > len(b):
		return nil, nil, matchBadLength
	}
	return b[4:n], b[pad8(n):], accepted
}

// appendFlow appends the flow of a flow-mod in the form of a flow statistics entry.
func appendFlow(b, msg []byte, m *match, p *program) ([]byte, refusal) {
	b = append(b, 0, 0, msg[modTable], 0)
	b = append(b, make([]byte, 8)...) // age
	b = append(b, msg[modPriority:modPriority+2]...)
	b = append(b, msg[modIdle:modIdle+4]...)
	b = be.AppendUint16(b, be.Uint16(msg[modFlags:])&keptFlags)
	b = append(b, 0, 0, 0, 0)
	b = append(b, msg[modCookie:modCookie+8]...)
	b = append(b, make([]byte, 16)...) // counters
	b = append(b, 0, 1, 0, 0)
	at := len(b)
	b = m.append(b)
	n := 4 + len(b) - at
	be.PutUint16(b[at-2:], uint16(n))
	b = append(b, make([]byte, pad8(n)-n)...)
	_, in, _ := splitMatch(msg[modMatch:]) // cannot fail: read has split it
	b, why := p.append(b, in)
	be.PutUint16(b, uint16(len(b)))
	return b, why
}

// apply applies a flow-mod, and adds the changes to log. If it refuses the flow-mod, it has
// changed nothing.
func (m *mod) apply(t *tables, log *journal, by *limits) refusal {
	switch m.command {
	case openflow.FlowAdd:
		return t.applyAdd(m, log, by)
	case openflow.FlowModify, openflow.FlowModifyStrict:
		return t.applyModify(m, log)
	}
	indices, why := t.choose(m)
	if why != accepted {
		return why
	}
	for _, i := range indices {
		log.flows = append(log.flows, change{event: openflow.FlowDeleted, reason: openflow.RemovedDelete, old: t.remove(i)})
	}
	return accepted
}

func (t *tables) applyAdd(m *mod, log *journal, by *limits) refusal {
	f := m.flow
	if why := t.lacks(f.needs); why != accepted {
		return why
	}
	c := change{event: openflow.FlowAdded, flow: f}
	if i := t.find(f); i != none {
		if keep := t.entries[i].cookie(); f.cookie() == ^uint64(0) && keep != f.cookie() {
			c.flow = f.withCookie(keep) // all ones keeps the cookie
		}
		c.old = t.remove(i)
	} else {
		if f.flags()&openflow.FlowCheckOverlap != 0 && t.overlaps(f) {
			return flowOverlap
		}
		if by.flows >= 0 && t.perTable[uint8(f.table())] >= by.flows {
			return flowTableFull
		}
	}
	t.add(c.flow, by.now)
	log.flows = append(log.flows, c)
	return accepted
}

// applyModify replaces the instructions of flows, and keeps everything else.
func (t *tables) applyModify(m *mod, log *journal) refusal {
	indices, why := t.choose(m)
	if why == accepted && len(indices) > 0 {
		why = t.lacks(m.flow.needs)
	}
	if why != accepted {
		return why
	}
	for _, i := range indices {
		old := t.remove(i)
		f := old.withInstructionsOf(m.flow)
		t.add(f, old.born)
		log.flows = append(log.flows, change{event: openflow.FlowModified, old: old, flow: f})
	}
	return accepted
}

// overlaps reports whether a flow of the same table and priority could match a
// packet that f matches.
func (t *tables) overlaps(f *flow) bool {
	var m match
	m.parse(f.fields())
	for _, e := range t.all() {
		if e.table() == f.table() && e.priority() == f.priority() && m.overlaps(e.fields()) {
			return true
		}
	}
	return false
}

// withInstructionsOf returns a copy of f with the instructions of g.
func (f *flow) withInstructionsOf(g *flow) *flow {
	n := len(f.raw) - len(f.instructions())
	h := &flow{raw: append(bytes.Clone(f.raw[:n]), g.instructions()...), key: f.key, needs: g.needs}
	be.PutUint16(h.raw, uint16(len(h.raw)))
	return h
}

func (f *flow) withCookie(cookie uint64) *flow {
	g := &flow{raw: bytes.Clone(f.raw), key: f.key, needs: f.needs}
	be.PutUint64(g.raw[offCookie:], cookie)
	return g
}
