package server

import (
	"context"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/topology"
)

// mayChange refuses a transaction that who makes the request may not make.
// Every change goes through here, by whatever route it came: nodes are for
// administrators, the rest for operators.
func mayChange(ctx context.Context, t *transaction) error {
	who, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil
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
