package server

import (
	"strings"

	"github.com/sdnctl/sdnctl/topology"
)

// isConsequence reports whether a problem that topology finds only follows from a mistake
// that is already reported. Topology checks an object without the fields that could not be
// decoded, and checks other objects against it.
func (t *transaction) isConsequence(op topology.Op, p topology.Problem) bool {
	own := t.broken[op.Ref]
	if own == nil && !t.refersToBroken(op) {
		return false
	}
	// Conflicts and exhausted ranges may be due to what could not be decoded.
	if p.Kind != topology.Invalid && p.Kind != topology.NotFound {
		return true
	}
	if own == nil {
		return strings.HasPrefix(p.Field, "spec.ip") || p.Field == "spec.network" || p.Field == "spec.node" ||
			strings.HasPrefix(p.Field, "spec.networks") || strings.HasPrefix(p.Field, "spec.blocks")
	}
	for _, field := range own {
		if field == "spec.cidr" {
			field = "spec.subnets"
		}
		if strings.HasPrefix(p.Field, field) || strings.HasPrefix(field, p.Field) {
			return true
		}
	}
	return false
}

// refersToBroken reports whether an op refers to an object with mistakes.
func (t *transaction) refersToBroken(op topology.Op) bool {
	if op.Spec == nil {
		return false
	}
	for _, ref := range op.Spec.References() {
		if t.broken[ref] != nil {
			return true
		}
	}
	return false
}
