package server

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// authorizeChange refuses a transaction that who makes the request may not make.
// Every change goes through here, by whatever route it came: who may write an object
// is its kind's and its spec's to say, and a node has rules of its own.
func (s *Server) authorizeChange(ctx context.Context, t *transaction) error {
	who, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil
	}
	if node := who.node(); node != "" {
		return s.authorizeNodeChange(node, t)
	}
	snap := s.cfg.Store.Snapshot()
	need := pki.Operator // also to change nothing
	for _, op := range t.ops {
		if r := userRole(writer(snap, op)); r.May(need) {
			need = r
		}
	}
	if p := who.may(need); p != nil {
		return p
	}
	return nil
}

// writer returns the least role that may do an op: what the kind demands, the spec
// that is asked for, and the one that is there.
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

// authorizeDryRun refuses a dry run: everybody may try everything, but for a node, to
// which the answer would tell what others have.
func (s *Server) authorizeDryRun(ctx context.Context, t *transaction) error {
	if nodeOfRequest(ctx) == "" {
		return nil
	}
	return s.authorizeChange(ctx, t)
}

// lockWrites keeps others from changing what the caller has read until unlock is
// called, if alone, and lets one change among others go on otherwise. What a node
// may change depends on what is there.
func (s *Server) lockWrites(ctx context.Context, alone bool) (unlock func()) {
	if alone || nodeOfRequest(ctx) != "" {
		s.writes.Lock()
		return s.writes.Unlock
	}
	s.writes.RLock()
	return s.writes.RUnlock
}
