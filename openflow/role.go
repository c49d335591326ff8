package openflow

import "fmt"

// Role is a controller's standing with a switch (OpenFlow 1.3.5, 7.3.9,
// ofp_controller_role).
type Role uint32

// Roles.
const (
	RoleNoChange Role = 0 // only ask
	RoleEqual    Role = 1 // the default: full access, beside others
	RoleMaster   Role = 2 // full access; makes the master before it a slave
	RoleSlave    Role = 3 // read only
)

// String returns the role as ovs-ofctl shows it.
func (r Role) String() string {
	switch r {
	case RoleNoChange:
		return "nochange"
	case RoleEqual:
		return "equal"
	case RoleMaster:
		return "master"
	case RoleSlave:
		return "slave"
	}
	return fmt.Sprintf("role_%d", uint32(r))
}

// RoleRequest asks for a role (OpenFlow 1.3.5, 7.3.9).
type RoleRequest struct {
	Header
	Role Role
	// GenerationID orders elections: the switch refuses one that is older than
	// the newest it saw. It counts for RoleMaster and RoleSlave.
	GenerationID uint64
}

// RoleReply answers a RoleRequest with the role that now holds.
type RoleReply struct {
	Header
	Role         Role
	GenerationID uint64
}

// Type returns TypeRoleRequest.
func (m *RoleRequest) Type() MessageType { return TypeRoleRequest }

// AppendBinary appends the whole message.
func (m *RoleRequest) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeRoleRequest, m.ID)
	return end(appendRole(b, m.Role, m.GenerationID), at)
}

func (m *RoleRequest) decode(r *reader) { m.Role, m.GenerationID = r.role() }

// Type returns TypeRoleReply.
func (m *RoleReply) Type() MessageType { return TypeRoleReply }

// AppendBinary appends the whole message.
func (m *RoleReply) AppendBinary(b []byte) ([]byte, error) {
	b, at := begin(b, TypeRoleReply, m.ID)
	return end(appendRole(b, m.Role, m.GenerationID), at)
}

func (m *RoleReply) decode(r *reader) { m.Role, m.GenerationID = r.role() }

// appendRole appends the body that ofp_role_request and its reply share.
func appendRole(b []byte, role Role, generation uint64) []byte {
	b = appendZeros(be.AppendUint32(b, uint32(role)), 4)
	return be.AppendUint64(b, generation)
}

func (r *reader) role() (Role, uint64) {
	role := Role(r.u32("role"))
	r.skip(4, "padding")
	generation := r.u64("generation_id")
	r.finish()
	return role, generation
}
