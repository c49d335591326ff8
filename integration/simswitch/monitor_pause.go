package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// pauseAbove is the number of bytes of unsent updates above which monitors are paused (OVS,
// ofproto/connmgr.c, ofmonitor_flush).
const pauseAbove = 128 << 10

// flushUpdates queues the updates of a modification.
func (s *Switch) flushUpdates() {
	for c := range s.conns {
		if c.updates != nil {
			c.updates.end()
			c.updates, c.abbreviated = nil, false
			c.pauseMonitors()
			c.kick()
		}
	}
}

// sendUpdates queues updates.
func (c *conn) sendUpdates(b []byte) { c.out.appendUpdates(b) }

// pauseMonitors pauses the monitors of a controller that has too many unread updates. Until it
// has read all of them, it gets only reports of deleted flows that it may know (OVS,
// nicira-ext.h, "Buffer Management").
func (c *conn) pauseMonitors() {
	if c.paused != nil || c.out.appendUpdates(nil) <= pauseAbove {
		return
	}
	c.paused = make(map[*flow]openflow.FlowEvent)
	c.sendUpdates(mustAppend(nil, &openflow.FlowMonitorPaused{}))
	c.out.askResume()
}

// duringPause records a change while monitors are paused. It returns false if the change must
// be reported now: the removal of a flow that existed before the pause.
func (c *conn) duringPause(ch *change) bool {
	before, changed := c.paused[ch.old.flow]
	delete(c.paused, ch.old.flow)
	switch {
	case ch.event == openflow.FlowAdded, changed && before == openflow.FlowAdded && ch.flow != nil:
		c.paused[ch.flow] = openflow.FlowAdded
	case ch.flow != nil:
		c.paused[ch.flow] = openflow.FlowModified
	default:
		return changed && before == openflow.FlowAdded
	}
	return true
}

// resumeMonitors reports the changes of flows since the pause.
func (c *conn) resumeMonitors() {
	p := c.parts(0, openflow.MultipartExperimenter, monitorExperimenter()...)
	p.send = c.sendUpdates
	for f, event := range c.paused {
		wanted, flags := openflow.MonitorModify, openflow.MonitorFlags(0)
		if event == openflow.FlowAdded {
			wanted |= openflow.MonitorAdd
		}
		for _, m := range c.monitors {
			if m.flags&wanted != 0 && m.sees(f, nil) {
				flags |= m.flags
			}
		}
		if flags != 0 {
			p.add(appendUpdate(nil, event, 0, f, flags))
		}
	}
	if len(p.buf) > monitorBody {
		p.end()
	}
	c.paused = nil
	c.sendUpdates(mustAppend(nil, &openflow.FlowMonitorResumed{}))
}
