package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// portsPerNode is the number of ports on each node of policyNodes.
const portsPerNode = 10

// policyNodes measures the flows of one node of many, each of which has a few ports in a
// subnet of its own. Two nodes are real; the others are declared, and have no switch.
func policyNodes(ctx context.Context, e *Env, r *Report) error {
	nodes, apps := e.Pick(100, 10), e.Pick(100, 10)
	ours, err := nodePolicies(ctx, e, nodes, apps)
	if err != nil {
		return err
	}
	theirs, err := ovnNodePolicies(ctx, e, nodes, apps)
	other := func(value int) Figure {
		if err != nil {
			return None(err.Error())
		}
		return Value(float64(value))
	}
	among := fmt.Sprintf("%s ports on %s nodes, %s policies", number(float64(portsPerNode*nodes)), number(float64(nodes)), number(float64(apps)))
	r.Add(Line{
		Name: "flows on node1, " + among, Ours: Value(float64(ours.flows)), Goal: TimesLess(10),
		Baseline: "OVN", Theirs: other(theirs.flows),
		Note: "Each node has ten ports and a subnet, and all are routed. A policy lets one application of ten ports to another's TCP port. OVN has a logical switch for each node.",
	})
	r.Add(Line{
		Name: "of that, by the policies", Ours: Value(float64(ours.flows - ours.bare)),
		Baseline: "OVN, by the ACLs", Theirs: other(theirs.flows - theirs.bare),
	})
	return nil
}

// spread returns the application of a node's k-th port, so that the ports of an application are
// on different nodes and each node has several applications.
func spread(node, k, apps int) string { return appName((node + k*(apps/portsPerNode)) % apps) }

// nodePolicies measures sdnctl.
func nodePolicies(ctx context.Context, e *Env, nodes, apps int) (f policyFigures, err error) {
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	pods := model.NetworkSpec{Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.64.0.0/12"), ContainersPerNode: 250, MaxNodes: 1000}
	if err := add(&req, "n", pods); err != nil {
		return f, err
	}
	for i := range nodes {
		if i >= len(b.Nodes) {
			if err := add(&req, nodeName(i+1), model.NodeSpec{TunnelIP: netip.AddrFrom4([4]byte{172, 16, 57, byte(i)})}); err != nil {
				return f, err
			}
		}
		for k := range portsPerNode {
			if err := addApp(&req, nodePort(i, k), spread(i, k, apps), nodeName(i+1)); err != nil {
				return f, err
			}
		}
	}
	for i, n := range b.Nodes {
		if err := plugPatches(ctx, n, nodePorts(i)); err != nil {
			return f, err
		}
	}
	if f.bare, err = b.flowsAfter(ctx, req); err != nil {
		return f, err
	}
	req = api.ApplyRequest{}
	for i := range apps {
		if err := add(&req, appName(i), appPolicy(appName(i), appName((i+1)%apps), tcp(80))); err != nil {
			return f, err
		}
	}
	f.flows, err = b.flowsAfter(ctx, req)
	return f, err
}

// flowsAfter applies objects and counts the first node's flows, once the ports of the nodes with
// a switch are bound and these nodes are in sync.
func (b *daemonBed) flowsAfter(ctx context.Context, req api.ApplyRequest) (int, error) {
	if _, err := b.api.Apply(ctx, req); err != nil {
		return 0, err
	}
	err := lab.PollFor(ctx, time.Minute, "all ports to be bound and the nodes in sync", func(ctx context.Context) error {
		s, err := b.api.Status(ctx)
		if err != nil {
			return err
		}
		if want := portsPerNode * len(b.Nodes); s.PortsBound < want || s.NodesInSync < len(b.Nodes) {
			return fmt.Errorf("%d of %d ports are bound, %d of %d nodes are in sync", s.PortsBound, want, s.NodesInSync, len(b.Nodes))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return b.Nodes[0].FlowCount(ctx)
}

// nodePort returns the name of a node's k-th port.
func nodePort(node, k int) string { return fmt.Sprintf("p%d-%d", node+1, k) }

// nodePorts returns the names of a node's ports.
func nodePorts(node int) []string {
	names := make([]string, portsPerNode)
	for k := range names {
		names[k] = nodePort(node, k)
	}
	return names
}

// ovnNodePolicies measures OVN. Chassis rows represent the nodes that have no switch, and ports
// are bound to them.
func ovnNodePolicies(ctx context.Context, e *Env, nodes, apps int) (f policyFigures, err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var args []string
	groups := make(map[string][]string)
	for i := range nodes {
		if i >= len(b.Nodes) {
			args = append(args, routedSwitch(i)...)
		}
		for k := range portsPerNode {
			args = append(append(args, "--"), ovnPort(i, 2+k, nodePort(i, k))...)
			app := spread(i, k, apps)
			groups[app] = append(groups[app], nodePort(i, k))
		}
	}
	for app, members := range groups {
		args = append(append(args, "--", "pg-add", app), members...)
	}
	if err := b.nb(ctx, args[1:]...); err != nil {
		return f, err
	}
	for i, n := range b.Nodes {
		if err := plugPatches(ctx, n, nodePorts(i)); err != nil {
			return f, err
		}
	}
	if err := b.nb(ctx, "--wait=sb", "sync"); err != nil {
		return f, err
	}
	bind := []string{"ovn-sbctl", "--db=unix:" + b.socket("sb")}
	for i := len(b.Nodes); i < nodes; i++ {
		bind = append(bind, "--", "chassis-add", nodeName(i+1), "geneve", fmt.Sprintf("172.16.57.%d", i))
		for _, port := range nodePorts(i) {
			bind = append(bind, "--", "lsp-bind", port, nodeName(i+1))
		}
	}
	if _, err := b.hub(ctx, bind...); err != nil {
		return f, err
	}
	if err := b.allUp(ctx, nodes*portsPerNode); err != nil {
		return f, err
	}
	if f.bare, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	args = []string{"--wait=hv"}
	for i := range apps {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, appACLs(appName(i), appName((i+1)%apps), "tcp.dst == 80")...)
	}
	if err := b.nb(ctx, args...); err != nil {
		return f, err
	}
	f.flows, err = b.Nodes[0].FlowCount(ctx)
	return f, err
}
