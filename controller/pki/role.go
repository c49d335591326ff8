package pki

import (
	"fmt"
	"slices"
	"strings"
)

// Role is what a user of the API may do.
type Role string

// The roles. Each includes the ones before it.
const (
	// Viewer may read everything and ask what a change would do.
	Viewer Role = "viewer"
	// Operator may also change networks, routers, ports, port groups, services and policies, except
	// those of the admin tier.
	Operator Role = "operator"
	// Admin may do everything: declare nodes and policies of the admin tier, back up and restore.
	Admin Role = "admin"
)

// Roles returns the roles, the least powerful first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// ParseRole reads a role.
func ParseRole(s string) (Role, error) {
	if r := Role(s); slices.Contains(Roles(), r) {
		return r, nil
	}
	names := make([]string, len(Roles()))
	for i, r := range Roles() {
		names[i] = string(r)
	}
	return "", fmt.Errorf("%q is no role: want %s", s, strings.Join(names, ", "))
}

// May reports whether a user with role r may do what needs the given role. The zero Role may do
// nothing.
func (r Role) May(needed Role) bool {
	have, want := slices.Index(Roles(), r), slices.Index(Roles(), needed)
	return have >= 0 && want >= 0 && have >= want
}
