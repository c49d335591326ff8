package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// OVNMissing returns why there is no OVN on this machine; "" if there is.
func OVNMissing() string { return ovnMissing() }

// OVN is two nodes run by OVN, with which tests compare what sdnd does.
type OVN struct {
	b      *ovnBed
	placed int
}

func newOVN(ctx context.Context, e *Env) (OVN, error) {
	b, err := newOVNBed(ctx, e)
	return OVN{b: b, placed: 1}, err
}

// Stop ends OVN and its nodes.
func (o *OVN) Stop() error { return o.b.stop() }

// Container makes a container on the i-th node, from 0.
func (o *OVN) Container(ctx context.Context, i int, name string) (*lab.Container, error) {
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

// revalidated waits until the datapaths follow the flows.
func (o *OVN) revalidated(ctx context.Context) error {
	for _, n := range o.b.Nodes {
		if err := n.Revalidated(ctx); err != nil {
			return err
		}
	}
	return nil
}

// OVNBalancers is OVN, with whose load balancers tests compare services.
type OVNBalancers struct{ OVN }

// NewOVNBalancers starts OVN. Stop ends it.
func NewOVNBalancers(ctx context.Context, e *Env) (*OVNBalancers, error) {
	o, err := newOVN(ctx, e)
	if err != nil {
		return nil, err
	}
	return &OVNBalancers{o}, nil
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
	return o.revalidated(ctx)
}
