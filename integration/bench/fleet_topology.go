package bench

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// nodeName returns the name of the i-th node, from 1, which is also that of sdnsim's switch.
func nodeName(i int) string { return fmt.Sprintf("node%d", i) }

// declare applies objects as one transaction.
func (f *fleet) declare(ctx context.Context, objects []api.Object) (api.Revision, error) {
	done, err := f.api.Apply(ctx, api.ApplyRequest{Objects: objects})
	return done.Revision, err
}

// object returns an object with a spec.
func object(name string, spec model.Spec) api.Object {
	o, err := api.NewObject(name, nil, spec)
	if err != nil {
		panic(err)
	}
	return o
}

// nodeObjects declares the fleet's nodes.
func (f *fleet) nodeObjects() []api.Object {
	var all []api.Object
	for i := 1; i <= f.nodes; i++ {
		all = append(all, object(nodeName(i), model.NodeSpec{TunnelIP: netip.MustParseAddr(fmt.Sprintf("172.16.%d.%d", i>>8, i&255)), TunnelCheck: model.TunnelEnforce}))
	}
	return all
}

// segmented declares the scale model of the examples: a network of which each node has a
// block, with ports on every node.
func (f *fleet) segmented(ports int) []api.Object {
	all := append(f.nodeObjects(), object("pods", model.NetworkSpec{
		Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.0.0.0/8"), ContainersPerNode: 250, MaxNodes: max(1000, f.nodes),
	}))
	for i := 1; i <= f.nodes; i++ {
		for p := 1; p <= ports; p++ {
			all = append(all, portObject("pods", i, p))
		}
	}
	return all
}

// stretched declares one network over all nodes, with ports on every node.
func (f *fleet) stretched(ports int) []api.Object {
	all := append(f.nodeObjects(), object("lan", model.NetworkSpec{Mode: model.Stretched, CIDR: netip.MustParsePrefix("11.0.0.0/8")}))
	for i := 1; i <= f.nodes; i++ {
		for p := 1; p <= ports; p++ {
			all = append(all, portObject("lan", i, p))
		}
	}
	return all
}

// portObject declares a port whose interface the switch has.
func portObject(network string, node, eth int) api.Object {
	return object(fmt.Sprintf("%s-%d-%d", network, node, eth), model.PortSpec{
		Network: network, Node: nodeName(node), Interface: fmt.Sprintf("eth%d", eth),
	})
}

// load starts the daemon, stores objects in it and ends it, so that the next start can be
// measured.
func (f *fleet) load(ctx context.Context, objects []api.Object) error {
	if _, err := f.startDaemon(); err != nil {
		return err
	}
	if err := f.ready(ctx); err != nil {
		return err
	}
	if _, err := f.declare(ctx, objects); err != nil {
		return err
	}
	return f.sdnd.stop(15)
}
