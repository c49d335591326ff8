package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// OVNBalancers is two nodes run by OVN, with whose load balancers tests compare services.
type OVNBalancers struct {
	b      *ovnBed
	placed int
}

// OVNMissing returns why there is no OVN on this machine; "" if there is.
func OVNMissing() string { return ovnMissing() }

// NewOVNBalancers starts OVN. Stop ends it.
func NewOVNBalancers(ctx context.Context, e *Env) (*OVNBalancers, error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return nil, err
	}
	return &OVNBalancers{b: b, placed: 1}, nil
}

// Stop ends OVN and its nodes.
func (o *OVNBalancers) Stop() error { return o.b.stop() }

// Container makes a container on the i-th node, from 0.
func (o *OVNBalancers) Container(ctx context.Context, i int, name string) (*lab.Container, error) {
	o.placed++
	c, err := o.b.container(ctx, i, o.placed, name)
	if err != nil {
		return nil, err
	}
	if err := setIfaceID(ctx, o.b.Nodes[i], c.Interface, name); err != nil {
		return nil, err
	}
	return c, o.b.bound(ctx, name)
}

// Balance replaces the load balancer of an address and port, as in 172.20.0.1:80, on all nodes. It
// refuses connections while there are no backends. options are of ovn-nb(5), as in
// affinity_timeout=60.
func (o *OVNBalancers) Balance(ctx context.Context, vip string, backends []string, options ...string) error {
	const name = "web"
	key := fmt.Sprintf("vips:%q=%q", vip, strings.Join(backends, ","))
	args := []string{"--wait=hv", "--if-exists", "lb-del", name, "--", "--id=@lb", "create", "load_balancer", "name=" + name, "protocol=tcp", key, "options:reject=true"}
	for _, option := range options {
		args = append(args, "options:"+option)
	}
	for i := range o.b.Nodes {
		args = append(args, "--", "add", "logical_switch", ovnSwitch(i), "load_balancer", "@lb")
	}
	if err := o.b.nb(ctx, args...); err != nil {
		return err
	}
	for _, n := range o.b.Nodes {
		if err := n.Revalidated(ctx); err != nil {
			return err
		}
	}
	return nil
}
