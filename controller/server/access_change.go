package server

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
)

// mayChange refuses a transaction that who makes the request may not make.
// Every change goes through here, by whatever route it came: nodes are for
// administrators, the rest for operators, and a node has rules of its own.
func (s *Server) mayChange(ctx context.Context, t *transaction) error {
	who, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil
	}
	if node := who.node(); node != "" {
		return s.nodeMayChange(node, t)
	}
	need := pki.Operator
	for _, op := range t.ops {
		if op.Ref.Kind == topology.KindNode {
			need = pki.Admin
			break
		}
	}
	if p := who.may(need); p != nil {
		return p
	}
	return nil
}

// mayTry refuses a dry run: everybody may try everything, but for a node, to
// which the answer would tell what others have.
func (s *Server) mayTry(ctx context.Context, t *transaction) error {
	if nodeOfRequest(ctx) == "" {
		return nil
	}
	return s.mayChange(ctx, t)
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
