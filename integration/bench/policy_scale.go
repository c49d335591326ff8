package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// appName returns the name of the i-th application, of its policy and of its group in OVN.
func appName(i int) string { return fmt.Sprintf("app%d", i) }

// policyScale measures the number of flows with many ports and policies, and the time to add
// one more policy.
func policyScale(ctx context.Context, e *Env, r *Report) (err error) {
	ports, apps := e.Pick(1000, 100), e.Pick(100, 10)
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	ours, err := b.appPolicies(ctx, ports, apps, e.Pick(200, 10))
	if err != nil {
		return err
	}
	theirs, missing := ovnAppPolicies(ctx, e, ports, apps, e.Pick(40, 5))
	other := func(of func() Figure) Figure {
		if missing != nil {
			return None(missing.Error())
		}
		return of()
	}
	among := fmt.Sprintf("%s ports plugged into two nodes, %s policies", number(float64(ports)), number(float64(apps)))
	r.Add(Line{
		Name: "flows on node1, " + among, Ours: Value(float64(ours.flows)), Goal: TimesLess(10),
		Baseline: "OVN", Theirs: other(func() Figure { return Value(float64(theirs.flows)) }),
		Note: "One network over both nodes. Each policy lets one application of ten ports to another's TCP port.",
	})
	r.Add(Line{
		Name: "of that, by the policies", Ours: Value(float64(ours.flows - ours.bare)),
		Baseline: "OVN, by the ACLs", Theirs: other(func() Figure { return Value(float64(theirs.flows - theirs.bare)) }),
	})
	name := "add a policy among " + among + ", until all nodes have confirmed"
	r.Add(Line{
		Name: name, Unit: "ms", Ours: ours.added.p50(time.Millisecond), Goal: TimesLess(10),
		Baseline: "ovn-nbctl --wait=hv acl-add", Theirs: other(func() Figure { return theirs.byProcess.p50(time.Millisecond) }),
		Note: "Both nodes have ports of the policy's subject and peer.",
	})
	r.Add(Line{
		Name: name, Unit: "ms", Ours: ours.added.p50(time.Millisecond),
		Baseline: "ovn-nbctl's daemon asked by its socket, --wait=hv", Theirs: other(func() Figure { return theirs.added.p50(time.Millisecond) }),
	})
	return nil
}

// policyFigures are the costs of many policies.
type policyFigures struct {
	bare, flows int // on node1, without the policies and with them
	// added are the times from adding a policy to the confirmation by all nodes. byProcess
	// are the same with a new process of the client.
	added, byProcess samples
}

// appPolicies declares ports and policies, and adds one policy more, n times.
func (b *daemonBed) appPolicies(ctx context.Context, ports, apps, n int) (f policyFigures, err error) {
	var req api.ApplyRequest
	if err := add(&req, "n", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.64.0.0/16")}); err != nil {
		return f, err
	}
	names := map[string][]string{} // by node
	for i := range ports {
		name, node := fmt.Sprintf("p%d", i), fmt.Sprintf("node%d", 1+i/apps&1)
		if err := addApp(&req, name, appName(i%apps), node); err != nil {
			return f, err
		}
		names[node] = append(names[node], name)
	}
	for node, some := range names {
		if err := b.plugPatches(ctx, node, some); err != nil {
			return f, err
		}
	}
	if err := b.apply(ctx, req); err != nil {
		return f, err
	}
	if f.bare, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	req = api.ApplyRequest{}
	for i := range apps {
		if err := add(&req, appName(i), appPolicy(appName(i), appName((i+1)%apps), tcp(80))); err != nil {
			return f, err
		}
	}
	if err := b.apply(ctx, req); err != nil {
		return f, err
	}
	if f.flows, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	for _, n := range b.Nodes {
		if err := calm(ctx, n); err != nil {
			return f, err
		}
	}
	extra, err := api.NewObject("extra", nil, appPolicy(appName(1), appName(apps-1), tcp(443)))
	if err != nil {
		return f, err
	}
	client := b.api.Confirming(time.Minute)
	for i := range n + 5 { // the first few are not measured; they open connections
		start := time.Now()
		if _, err := client.Create(ctx, extra); err != nil {
			return f, err
		}
		if i >= 5 {
			f.added = append(f.added, time.Since(start))
		}
		if _, err := client.Delete(ctx, api.KindPolicy, "extra", 0); err != nil {
			return f, err
		}
	}
	return f, nil
}

// tcp returns one port of TCP.
func tcp(port uint16) model.PolicyPort {
	return model.PolicyPort{Protocol: model.ProtocolTCP, First: port, Last: port}
}

// ovnAppPolicies does the same with OVN.
func ovnAppPolicies(ctx context.Context, e *Env, ports, apps, n int) (f policyFigures, err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	if err := b.fillApps(ctx, ports, apps); err != nil {
		return f, err
	}
	if f.bare, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	args := []string{"--wait=hv"}
	for i := range apps {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, appACLs(appName(i), appName((i+1)%apps), "tcp.dst == 80")...)
	}
	if err := b.nb(ctx, args...); err != nil {
		return f, err
	}
	if f.flows, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	for _, n := range b.Nodes {
		if err := calm(ctx, n); err != nil {
			return f, err
		}
	}
	acl := []string{appName(1), "to-lport", "900", fmt.Sprintf("outport == @%s && ip4.src == $%s_ip4 && tcp.dst == 443", appName(1), appName(apps-1))}
	extra := append(append([]string{"--wait=hv", "acl-add"}, acl...), "allow-related")
	remove := append([]string{"--wait=hv", "acl-del"}, acl...)
	program := []string{"ovn-nbctl", "--db=unix:" + b.socket("nb")}
	for range n {
		start := time.Now()
		if err := b.nb(ctx, extra...); err != nil {
			return f, err
		}
		f.added = append(f.added, time.Since(start))
		if err := b.nb(ctx, remove...); err != nil {
			return f, err
		}
		took, err := runProcess(ctx, "", append(program, extra...)...)
		if err != nil {
			return f, err
		}
		f.byProcess = append(f.byProcess, took)
		if err := b.nb(ctx, remove...); err != nil {
			return f, err
		}
	}
	return f, nil
}
