package cli

import (
	"context"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// declareNode creates a node, or notes that it is declared already.
func (a *app) declareNode(ctx context.Context, client *api.Client, name string, spec model.NodeSpec) error {
	object, err := api.NewObject(name, nil, spec)
	if err != nil {
		return err
	}
	if known, err := client.Node(ctx, name); err == nil {
		if spec.TunnelIP.IsValid() && known.Spec.TunnelIP != spec.TunnelIP {
			a.note("%s is declared already, with tunnel IP %q; to change that: sdnctl node set %s --tunnel-ip %s", object.Ref(), valueText(known.Spec.TunnelIP), name, spec.TunnelIP)
		} else {
			a.note("%s is declared already", object.Ref())
		}
		return nil
	}
	created, err := client.Create(ctx, object)
	if err != nil {
		return err
	}
	if created.Meta == nil {
		return fmt.Errorf("sdnd answered without the revision of %s", object.Ref())
	}
	a.note("%s created, revision %d", object.Ref(), created.Meta.Revision)
	return nil
}
