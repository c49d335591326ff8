package openflow

import (
	"fmt"
	"strings"
)

// monitorFlagNames are the names of MonitorFlags from bit 0 on.
var monitorFlagNames = [...]string{"initial", "add", "delete", "modify", "actions", "own"}

// String returns the flags as ovs-ofctl shows them: "add,delete,actions".
func (f MonitorFlags) String() string {
	var names []string
	for i, name := range monitorFlagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := f &^ (1<<len(monitorFlagNames) - 1); rest != 0 || f == 0 {
		names = append(names, fmt.Sprintf("0x%x", uint16(rest)))
	}
	return strings.Join(names, ",")
}

// String returns the request as ovs-ofctl shows it:
//
//	id=7 flags=add,delete,modify,actions table=10 ip
func (q FlowMonitorRequest) String() string {
	b := fmt.Appendf(nil, "id=%d flags=%v", q.ID, q.Flags)
	if q.OutPort != PortAny {
		b = fmt.Appendf(b, " out_port=%v", q.OutPort)
	}
	if q.Table != TableAll {
		b = fmt.Appendf(b, " table=%d", q.Table)
	}
	if match := q.Match.String(); match != "" {
		b = append(append(b, ' '), match...)
	}
	return string(b)
}

// String returns the event as ovs-ofctl shows it.
func (e FlowEvent) String() string {
	names := [...]string{"ADDED", "DELETED", "MODIFIED", "ABBREV"}
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("event_%d", uint16(e))
}

// String returns the event before the flow as FlowMod.String has it:
//
//	ADDED table=0, cookie=0x12, priority=100,ip actions=drop
//	DELETED (delete) table=0, cookie=0x12, priority=100,ip actions=drop
//	ABBREV xid=0x2a
//
// "actions=drop" also stands where no instructions are reported.
func (u *FlowUpdate) String() string {
	if u.Event == FlowAbbrev {
		return fmt.Sprintf("ABBREV xid=0x%x", u.ModXid)
	}
	b := fmt.Appendf(nil, "%v ", u.Event)
	if u.Event == FlowDeleted {
		b = fmt.Appendf(b, "(%v) ", u.Reason)
	}
	return string(u.appendRest(fmt.Appendf(b, "table=%d, cookie=%v, ", u.Table, u.Cookie)))
}
