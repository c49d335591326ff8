package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// pauseAbove is how many bytes of updates may wait for a controller that does
// not read them (OVS, ofproto/connmgr.c, ofmonitor_flush).
const pauseAbove = 128 << 10

// flushUpdates ends what goes together.
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

// pauseMonitors stops the monitors of a controller that has too much to read:
// from then on it gets only reports of deleted flows that it may know of, until it
// has read all (OVS, nicira-ext.h, "Buffer Management").
func (c *conn) pauseMonitors() {
	if c.paused != nil || c.out.appendUpdates(nil) <= pauseAbove {
		return
	}
	c.paused = make(map[*flow]openflow.FlowEvent)
	c.sendUpdates(mustAppend(nil, &openflow.FlowMonitorPaused{}))
	c.out.askResume()
}

// duringPause remembers a change. It reports true if there is nothing to be said
// of it now: only of the end of flows that were there before the pause there is.
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

// resumeMonitors reports how flows have changed since the pause.
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
