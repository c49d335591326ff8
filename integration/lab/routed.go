package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// routedGateway is the node's address on the links of [Lab.AddRouted].
func routedGateway() netip.Addr { return netip.MustParseAddr("169.254.1.1") }

// AddRouted makes a container that the node's kernel routes to, as the CNI plugin ptp does it: no
// part of Open vSwitch sees its packets. It takes Name, Node, IP (of which the prefix length does
// not count) and MTU.
func (l *Lab) AddRouted(ctx context.Context, c Container) (*Container, error) {
	c.lab = l
	if c.Interface = c.Name; c.MTU == 0 {
		c.MTU = 1450
	}
	n, err := l.Node(c.Node)
	if err != nil {
		return nil, err
	}
	ns := c.netnsName()
	if err := l.addNetns(ctx, ns); err != nil {
		return nil, err
	}
	gateway := routedGateway()
	for _, step := range [][2]string{
		{n.Netns, fmt.Sprintf("link add name %s type veth peer name eth0 netns %s", c.Interface, ns)},
		{n.Netns, fmt.Sprintf("addr add %s/32 dev %s", gateway, c.Interface)},
		{n.Netns, fmt.Sprintf("link set dev %s mtu %d up", c.Interface, c.MTU)},
		{n.Netns, fmt.Sprintf("route add %s/32 dev %s", c.IP.Addr(), c.Interface)},
		{ns, fmt.Sprintf("link set dev eth0 mtu %d up", c.MTU)},
		{ns, fmt.Sprintf("addr add %s/32 dev eth0", c.IP.Addr())},
		{ns, fmt.Sprintf("route add default via %s dev eth0 onlink", gateway)},
	} {
		if err := l.ip(ctx, step[0], "%s", step[1]); err != nil {
			return nil, err
		}
	}
	// As with the others, so that the costs of checksums are the same.
	err = errors.Join(l.noChecksumOffload(ctx, ns, "eth0"), l.noChecksumOffload(ctx, n.Netns, c.Interface))
	return &c, errors.Join(err, c.save())
}
