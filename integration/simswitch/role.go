package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// roleRequest changes a controller's role (OpenFlow 1.3.5, 6.3.4).
func (c *conn) roleRequest(msg []byte) refusal {
	var m openflow.RoleRequest
	if why := decodeInto(msg, &m); why != accepted {
		return why
	}
	s := c.s
	switch m.Role {
	case openflow.RoleNoChange:
	case openflow.RoleEqual:
		c.role = m.Role
	case openflow.RoleMaster, openflow.RoleSlave:
		if s.elected && int64(m.GenerationID-s.election) < 0 {
			return roleStale
		}
		s.elected, s.election = true, m.GenerationID
		if m.Role == openflow.RoleMaster {
			for other := range s.conns {
				if other != c && other.role == openflow.RoleMaster {
					other.role = openflow.RoleSlave
					other.send(roleStatus(m.GenerationID))
					other.kick()
				}
			}
		}
		c.role = m.Role
	default:
		return roleBad
	}
	generation := ^uint64(0) // none yet
	if s.elected {
		generation = s.election
	}
	c.reply(msg, &openflow.RoleReply{Role: c.role, GenerationID: generation})
	return accepted
}

// onfRoleStatus is the type of the ONF's message that informs a master that it has become a
// slave (OpenFlow 1.4, 7.4.4).
const onfRoleStatus = 1911

// roleStatus returns the message for a controller that became slave because another one
// became master.
func roleStatus(generation uint64) []byte {
	data := be.AppendUint32(nil, uint32(openflow.RoleSlave))
	data = append(data, 0, 0, 0, 0) // reason 0: a request of another controller
	data = be.AppendUint64(data, generation)
	return mustAppend(nil, &openflow.Experimenter{Vendor: openflow.ExperimenterONF, ExpType: onfRoleStatus, Data: data})
}
