package openflow

import "fmt"

// String returns the group as "ovs-ofctl dump-groups" prints it:
//
//	group_id=7,type=select,bucket=weight:5,watch_port:2,actions=output:2
func (g *Group) String() string { return string(g.appendText(nil)) }

func (g *Group) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "group_id=%d,type=%v", g.ID, g.Type)
	if g.Buckets.check() != nil {
		return appendHexDigits(append(b, ",malformed:"...), g.Buckets)
	}
	usual := uint16(0)
	if g.Type == GroupTypeSelect {
		usual = 1
	}
	for k := range g.Buckets.All() {
		b = append(b, ",bucket="...)
		if k.Weight != usual {
			b = fmt.Appendf(b, "weight:%d,", k.Weight)
		}
		if k.WatchPort != PortAny {
			b = fmt.Appendf(b, "watch_port:%v,", k.WatchPort)
		}
		if k.WatchGroup != GroupAny {
			b = fmt.Appendf(b, "watch_group:%d,", k.WatchGroup)
		}
		b = fmt.Appendf(b, "actions=%v", k.Actions)
	}
	return b
}

// String returns the command before the group.
func (m *GroupMod) String() string { return fmt.Sprintf("%v %v", m.Command, &m.Group) }
