package simswitch

import (
	"github.com/sdnctl/sdnctl/openflow"
)

// monitor is a flow monitor (ONF extension 187; see openflow.FlowMonitorRequest).
type monitor struct {
	id      uint32
	flags   openflow.MonitorFlags
	outPort openflow.PortNo
	table   openflow.TableID
	match   match
}

const (
	monitorEvents = openflow.MonitorAdd | openflow.MonitorDelete | openflow.MonitorModify
	monitorFlags  = monitorEvents | openflow.MonitorInitial | openflow.MonitorActions | openflow.MonitorOwn

	multipartLen   = 16 // header, type, flags, padding
	monitorBody    = multipartLen + 8
	monitorHeadLen = 16 // onf_flow_monitor_request up to its match
)

// monitorRequest adds the monitors of a request, all or none, and reports the existing flows to
// those that request them.
func (c *conn) monitorRequest(msg []byte) refusal {
	var added []*monitor
	cancel := func(why refusal) refusal {
		for _, m := range added {
			delete(c.monitors, m.id)
		}
		return why
	}
	for b := msg[monitorBody:]; len(b) > 0; {
		m, rest, why := readMonitor(b)
		if why != accepted {
			return cancel(why)
		}
		b = rest
		if c.monitors[m.id] != nil {
			return cancel(monitorExists)
		}
		if c.monitors == nil {
			c.monitors = make(map[uint32]*monitor)
		}
		c.monitors[m.id] = m
		added = append(added, m)
	}
	p := c.parts(be.Uint32(msg[4:]), openflow.MultipartExperimenter, monitorExperimenter()...)
	for _, e := range c.s.tables.all() {
		var flags openflow.MonitorFlags
		for _, m := range added {
			if m.flags&openflow.MonitorInitial != 0 && m.sees(e.flow, nil) {
				flags |= m.flags
			}
		}
		if flags != 0 {
			p.add(appendUpdate(nil, openflow.FlowAdded, 0, e.flow, flags))
		}
	}
	p.end()
	return accepted
}

// monitorExperimenter returns the experimenter header of multipart messages about monitors.
func monitorExperimenter() []byte {
	return be.AppendUint32(be.AppendUint32(nil, openflow.ExperimenterONF), openflow.ONFFlowMonitor)
}

// readMonitor splits off and decodes the first request in b.
func readMonitor(b []byte) (m *monitor, rest []byte, why refusal) {
	if len(b) < monitorHeadLen {
		return nil, nil, badLength
	}
	m = &monitor{id: be.Uint32(b), flags: openflow.MonitorFlags(be.Uint16(b[4:])),
		outPort: openflow.PortNo(be.Uint32(b[8:])), table: openflow.TableID(b[12])}
	switch {
	case m.flags&monitorEvents == 0 || m.flags&^monitorFlags != 0:
		return nil, nil, monitorBadFlags
	case !allOf(b[13:16], 0):
		return nil, nil, niciraMustBeZero
	case !knownPort(m.outPort):
		return nil, nil, actionBadOutPort
	}
	fields, rest, why := splitMatch(b[monitorHeadLen:])
	if why == accepted {
		why = m.match.parse(append([]byte(nil), fields...))
	}
	return m, rest, why
}

// monitorCancel ends a monitor.
func (c *conn) monitorCancel(msg []byte) refusal {
	if len(msg) != expHeaderLen+4 {
		return badLength
	}
	id := be.Uint32(msg[expHeaderLen:])
	if c.monitors[id] == nil {
		return monitorUnknown
	}
	delete(c.monitors, id)
	return accepted
}

// sees reports whether a monitor selects a flow, by its present or former instructions.
func (m *monitor) sees(f *flow, before *flow) bool {
	return (m.table == openflow.TableAll || m.table == f.table()) &&
		(m.outPort == openflow.PortAny || outputsTo(f.instructions(), m.outPort) ||
			before != nil && outputsTo(before.instructions(), m.outPort)) &&
		m.match.covers(f.fields())
}

// report reports the changes of a modification by a connection.
func (s *Switch) report(log journal, by *conn, m modification, xid openflow.Xid) {
	g, ok := m.(*groupMod)
	if !ok {
		s.reportFlows(log.flows, by, xid)
		return
	}
	s.reportFlows(log.flows, nil, 0) // these were removed with their group, not by a controller
	s.requestForward(openflow.AsyncGroupMods, g.forward(xid), by)
}

// reportFlows reports changes to monitors, and removed flows to connections that subscribe to
// them. by is the connection that requested the changes; nil if none did.
func (s *Switch) reportFlows(log []change, by *conn, xid openflow.Xid) {
	for i := range log {
		s.reportOne(&log[i], by, xid)
	}
}

func (s *Switch) reportOne(c *change, by *conn, xid openflow.Xid) {
	f, event := c.flow, openflow.MonitorAdd
	var before *flow
	switch c.event {
	case openflow.FlowDeleted:
		f, event = c.old.flow, openflow.MonitorDelete
		if f.flags()&openflow.FlowSendRemoved != 0 {
			s.sendRemoved(&c.old, c.reason)
		}
	case openflow.FlowModified:
		event = openflow.MonitorModify
	}
	if c.flow != nil && c.old.flow != nil && string(c.old.instructions()) != string(f.instructions()) {
		before = c.old.flow
	}
	if c.event == openflow.FlowModified && before == nil {
		return // it did not change
	}
	for to := range s.conns {
		if to.paused != nil && to.duringPause(c) {
			continue
		}
		var flags openflow.MonitorFlags
		for _, m := range to.monitors {
			if m.flags&event != 0 && m.sees(f, before) {
				flags |= m.flags
			}
		}
		if flags != 0 {
			to.update(c, f, flags, to == by, xid)
		}
	}
}

// update reports a change to one connection. For changes by the connection itself it sends one
// abbreviated update for all changes of a modification, unless the monitor requests full ones.
func (c *conn) update(ch *change, f *flow, flags openflow.MonitorFlags, own bool, xid openflow.Xid) {
	if c.updates == nil {
		c.updates = c.parts(0, openflow.MultipartExperimenter, monitorExperimenter()...)
		c.updates.send = c.sendUpdates
	}
	if !own || c.paused != nil || flags&openflow.MonitorOwn != 0 {
		c.updates.add(appendUpdate(nil, ch.event, ch.reason, f, flags))
	} else if !c.abbreviated {
		c.abbreviated = true
		c.updates.add(mustAppend(nil, &openflow.FlowUpdate{Event: openflow.FlowAbbrev, ModXid: xid}))
	}
}

// appendUpdate appends one change in full. Like Open vSwitch, it includes the instructions of a
// deleted flow if the monitor requests instructions.
func appendUpdate(b []byte, event openflow.FlowEvent, reason openflow.FlowRemovedReason, f *flow, flags openflow.MonitorFlags) []byte {
	u := openflow.FlowUpdate{Event: event, Reason: reason, Flow: f.value()}
	if flags&openflow.MonitorActions == 0 {
		u.Instructions = nil
	}
	return mustAppend(b, &u)
}

// removedMeterDelete is OFPRR_METER_DELETE (OpenFlow 1.4.1, 7.4.2), which FLOW_REMOVED of
// OpenFlow 1.3 does not have.
const removedMeterDelete openflow.FlowRemovedReason = 4

// sendRemoved reports to the subscribed connections that a flow was deleted.
func (s *Switch) sendRemoved(e *entry, reason openflow.FlowRemovedReason) {
	v := e.value()
	age := s.age() - e.born
	shown := reason
	if shown == removedMeterDelete {
		shown = openflow.RemovedDelete
	}
	m := openflow.FlowRemoved{
		Cookie: v.Cookie, Priority: v.Priority, Reason: shown, Table: v.Table,
		IdleTimeout: v.IdleTimeout, HardTimeout: v.HardTimeout, Match: v.Match,
		DurationSec: uint32(age / 1e9), DurationNsec: uint32(age % 1e9),
	}
	for c := range s.conns {
		if c.wants(c.async.FlowRemoved, uint8(reason)) {
			c.send(mustAppend(nil, &m))
			c.kick()
		}
	}
}
