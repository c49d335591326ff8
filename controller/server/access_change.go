package server

import (
	"context"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// authorizeChange refuses a transaction that the caller may not make. Every change passes
// through here, whichever route it took. The kind and the spec of an object determine who may
// write it; further rules apply to nodes.
func (s *Server) authorizeChange(ctx context.Context, t *transaction) error {
	who, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil
	}
	if node := who.node(); node != "" {
		return s.authorizeNodeChange(node, t)
	}
	snap := s.cfg.Store.Snapshot()
	writers := make([]model.Role, len(t.ops))
	for i, op := range t.ops {
		writers[i] = writer(snap, op)
	}
	if p := who.may(needed(writers)); p != nil {
		return p
	}
	return nil
}

// needed returns the least role of a user for a transaction whose ops need these roles; for one
// without ops that is Operator.
func needed(writers []model.Role) pki.Role {
	if len(writers) == 0 {
		return pki.Operator
	}
	return userRole(slices.Max(writers))
}

// writer returns the least role that may do an op: the greatest of those that the kind, the
// new spec and the present spec require.
func writer(snap *topology.Snapshot, op topology.Op) model.Role {
	role := op.Ref.Kind.Writer()
	if op.Spec != nil {
		role = max(role, op.Spec.Writer())
	}
	if o, ok := snap.Object(op.Ref); ok {
		role = max(role, topology.SpecOf(o).Writer())
	}
	return role
}

// authorizeDryRun refuses a dry run. Users may try everything. Nodes may not, because the
// answer would reveal what others have.
func (s *Server) authorizeDryRun(ctx context.Context, t *transaction) error {
	if nodeOfRequest(ctx) == "" {
		return nil
	}
	return s.authorizeChange(ctx, t)
}

// lockWrites holds s.writes until unlock is called: exclusively if alone or if the caller
// is a node, whose rights depend on what exists, and shared otherwise. While it is held
// exclusively, nobody else changes what the caller has read.
func (s *Server) lockWrites(ctx context.Context, alone bool) (unlock func()) {
	if alone || nodeOfRequest(ctx) != "" {
		s.writes.Lock()
		return s.writes.Unlock
	}
	s.writes.RLock()
	return s.writes.RUnlock
}
