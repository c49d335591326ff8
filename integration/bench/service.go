package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// services returns the benches of many services with ten backends each.
func services() []Bench {
	const section = "Services, beside OVN's load balancers and iptables as kube-proxy writes it"
	return []Bench{
		{Name: "service/packets", Section: section, Limit: 5 * time.Minute, Run: servicePackets},
		{Name: "service/scale", Section: section, Limit: 8 * time.Minute, Run: serviceScale},
	}
}

const (
	// serviceBackends is the number of backends of a service. servicePorts is the number of
	// ports that the backends are chosen from, half of them on each node.
	serviceBackends = 10
	servicePorts    = 100
)

// serviceFigures are the costs of many services.
type serviceFigures struct {
	// installed is the time from their declaration to the confirmation by both nodes.
	installed   time.Duration
	bare, flows int // on node1, without the services and with them
	// added are the times from adding one more service to the confirmation by both nodes.
	added samples
}

// serviceScale measures declaring many services at once, and adding one more.
func serviceScale(ctx context.Context, e *Env, r *Report) error {
	n, again := e.Pick(10_000, 200), e.Pick(100, 5)
	ours, err := ourServices(ctx, e, n, again)
	if err != nil {
		return err
	}
	theirs, missing := ovnServices(ctx, e, n, e.Pick(10, 3))
	other := func(of func() Figure) Figure {
		if missing != nil {
			return None(missing.Error())
		}
		return of()
	}
	many := number(float64(n)) + " services of ten backends"
	r.Add(Line{
		Name: many + " declared at once, until both nodes have confirmed", Unit: "s", Ours: Value(ours.installed.Seconds()), Goal: AtMost(2),
		Baseline: "OVN: lb-add and ls-lb-add in one transaction, --wait=hv", Theirs: other(func() Figure { return Value(theirs.installed.Seconds()) }),
		Note: "The backends are a hundred ports, plugged into two nodes. Both nodes have ports that may use all services. Ours has the durable commit in it.",
	})
	r.Add(Line{
		Name: "flows on node1 by " + many, Ours: Value(float64(ours.flows - ours.bare)),
		Baseline: "OVN", Theirs: other(func() Figure { return Value(float64(theirs.flows - theirs.bare)) }),
	})
	r.Add(Line{
		Name: "add a service among them, until both nodes have confirmed", Unit: "ms", Ours: ours.added.p50(time.Millisecond),
		Baseline: "OVN: lb-add and ls-lb-add, --wait=hv, ovn-nbctl's daemon asked by its socket", Theirs: other(func() Figure { return theirs.added.p50(time.Millisecond) }),
	})
	return nil
}

// serviceAddress returns the address of the i-th service.
func serviceAddress(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{172, 20, byte(i >> 8), byte(i)})
}

// servicePortNames returns the names of a node's ports.
func servicePortNames(node int) []string {
	names := make([]string, servicePorts/2)
	for k := range names {
		names[k] = nodePort(node, k)
	}
	return names
}

// backendOf returns the k-th backend of the i-th service: a node, and an index among its ports.
func backendOf(i, k int) (node, place int) {
	at := (i + k*servicePorts/serviceBackends) % servicePorts
	return at % 2, at / 2
}

func benchService(i int) model.ServiceSpec {
	s := model.ServiceSpec{
		Addresses: []netip.Addr{serviceAddress(i)}, Networks: []string{"n"},
		Ports: []model.ServicePort{{Protocol: model.ProtocolTCP, Port: 80}},
	}
	for k := range serviceBackends {
		node, place := backendOf(i, k)
		s.Backends.Endpoints = append(s.Backends.Endpoints, model.ServiceEndpoint{Port: nodePort(node, place), State: model.EndpointReady})
	}
	return s
}

// ourServices measures sdnctl.
func ourServices(ctx context.Context, e *Env, n, again int) (f serviceFigures, err error) {
	b, err := newDaemonBed(ctx, e, 2)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var req api.ApplyRequest
	if err := add(&req, "n", model.NetworkSpec{Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.64.0.0/12"), ContainersPerNode: 250, MaxNodes: 1000}); err != nil {
		return f, err
	}
	for i, node := range b.Nodes {
		for _, name := range servicePortNames(i) {
			if err := addApp(&req, name, "backend", node.Name); err != nil {
				return f, err
			}
		}
		if err := b.plugPatches(ctx, node.Name, servicePortNames(i)); err != nil {
			return f, err
		}
	}
	if err := b.apply(ctx, req); err != nil {
		return f, err
	}
	for _, node := range b.Nodes {
		if err := calm(ctx, node); err != nil {
			return f, err
		}
	}
	if f.bare, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	req = api.ApplyRequest{}
	for i := range n {
		if err := add(&req, fmt.Sprintf("s%d", i), benchService(i)); err != nil {
			return f, err
		}
	}
	start := time.Now()
	if err := b.apply(ctx, req); err != nil {
		return f, err
	}
	f.installed = time.Since(start)
	if f.flows, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	extra, err := api.NewObject("extra", nil, benchService(n))
	if err != nil {
		return f, err
	}
	client := b.api.Confirming(time.Minute)
	for range again {
		start := time.Now()
		if _, err := client.Create(ctx, extra); err != nil {
			return f, err
		}
		f.added = append(f.added, time.Since(start))
		if _, err := client.Delete(ctx, api.KindService, "extra", 0); err != nil {
			return f, err
		}
	}
	return f, nil
}

// ovnServices measures OVN.
func ovnServices(ctx context.Context, e *Env, n, again int) (f serviceFigures, err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	var args []string
	for i, node := range b.Nodes {
		for k, name := range servicePortNames(i) {
			args = append(append(args, "--"), ovnPort(i, 2+k, name)...)
		}
		if err := plugPatches(ctx, node, servicePortNames(i)); err != nil {
			return f, err
		}
	}
	if err := b.nb(ctx, args[1:]...); err != nil {
		return f, err
	}
	if err := b.allUp(ctx, servicePorts); err != nil {
		return f, err
	}
	if f.bare, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	args = []string{"--wait=hv"}
	for i := range n {
		args = append(args, ovnBalancer(fmt.Sprintf("s%d", i), i)...)
	}
	start := time.Now()
	if err := b.nb(ctx, slices.Delete(args, 1, 2)...); err != nil {
		return f, err
	}
	f.installed = time.Since(start)
	if f.flows, err = b.Nodes[0].FlowCount(ctx); err != nil {
		return f, err
	}
	for range again {
		extra := append([]string{"--wait=hv"}, ovnBalancer("extra", n)[1:]...)
		start := time.Now()
		if err := b.nb(ctx, extra...); err != nil {
			return f, err
		}
		f.added = append(f.added, time.Since(start))
		if err := b.nb(ctx, "--wait=hv", "lb-del", "extra"); err != nil {
			return f, err
		}
	}
	return f, nil
}

// ovnBalancer returns the arguments of ovn-nbctl, after "--", that add the load balancer
// equivalent to the i-th service.
func ovnBalancer(name string, i int) []string {
	var backends []string
	for k := range serviceBackends {
		node, place := backendOf(i, k)
		_, ip := ovnAddr(node, 2+place)
		backends = append(backends, fmt.Sprintf("%s:80", ip))
	}
	return []string{
		"--", "lb-add", name, fmt.Sprintf("%s:80", serviceAddress(i)), strings.Join(backends, ","), "tcp",
		"--", "ls-lb-add", ovnSwitch(0), name, "--", "ls-lb-add", ovnSwitch(1), name,
	}
}
