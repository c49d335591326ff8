package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// AddBehind makes a machine that is reached through a container, which forwards: with an address of
// each family that is in no network of the lab.
func (l *Lab) AddBehind(ctx context.Context, c *Container, four, six netip.Addr) (*Outside, error) {
	o := &Outside{Addr: four, Addr6: six, lab: l, netns: l.netns("b-" + c.Name)}
	if err := l.addNetns(ctx, o.netns); err != nil {
		return nil, err
	}
	through := c.netnsName()
	for _, step := range [][2]string{
		{through, "link add back type veth peer name eth0 netns " + o.netns},
		{through, "link set back up"},
		{through, "addr add 100.64.0.1/30 dev back"},
		{through, "addr add fd64::1/126 dev back nodad"},
		{o.netns, "link set eth0 up"},
		{o.netns, "addr add 100.64.0.2/30 dev eth0"},
		{o.netns, "addr add fd64::2/126 dev eth0 nodad"},
		{o.netns, fmt.Sprintf("addr add %s/32 dev lo", four)},
		{o.netns, fmt.Sprintf("addr add %s/128 dev lo", six)},
		{o.netns, fmt.Sprintf("route add default via 100.64.0.1 src %s", four)},
		{o.netns, fmt.Sprintf("-6 route add default via fd64::1 src %s", six)},
		{through, fmt.Sprintf("route add %s via 100.64.0.2", four)},
		{through, fmt.Sprintf("-6 route add %s via fd64::2", six)},
	} {
		if err := l.ip(ctx, step[0], "%s", step[1]); err != nil {
			return nil, err
		}
	}
	for _, forward := range []string{"net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"} {
		if _, err := c.Exec(ctx, "sysctl", "-qw", forward); err != nil {
			return nil, err
		}
	}
	return o, errors.Join(l.noChecksumOffload(ctx, through, "back"), l.noChecksumOffload(ctx, o.netns, "eth0"))
}

// AddExternalRouter makes a further router on the network of AddExternal, with an address behind it.
func (l *Lab) AddExternalRouter(ctx context.Context, o *Outside, name string, addr, behind netip.Addr) (*Outside, error) {
	r := &Outside{Addr: behind, lab: l, netns: l.netns("x-" + name)}
	if err := l.addNetns(ctx, r.netns); err != nil {
		return nil, err
	}
	for _, step := range [][2]string{
		{o.netns, fmt.Sprintf("link add x-%s type veth peer name lan netns %s", name, r.netns)},
		{o.netns, fmt.Sprintf("link set x-%s master lan up", name)},
		{r.netns, "link set lan up"},
		{r.netns, fmt.Sprintf("addr add %s/24 dev lan", addr)},
		{r.netns, fmt.Sprintf("addr add %s/32 dev lo", behind)},
	} {
		if err := l.ip(ctx, step[0], "%s", step[1]); err != nil {
			return nil, err
		}
	}
	return r, errors.Join(l.noChecksumOffload(ctx, o.netns, "x-"+name), l.noChecksumOffload(ctx, r.netns, "lan"))
}

// AddBridged makes a machine with an address behind a container, which becomes a bridge between its eth0 and
// such machines, as a virtual machine may be one. The bridge forwards what is sent to groups to all.
func (l *Lab) AddBridged(ctx context.Context, c *Container, name string, ip netip.Prefix) (*Container, error) {
	m := &Container{Name: name, Node: c.Node, Interface: name, IP: ip, lab: l}
	bridge, own := c.netnsName(), m.netnsName()
	if err := l.addNetns(ctx, own); err != nil {
		return nil, err
	}
	steps := [][2]string{
		{bridge, fmt.Sprintf("link add %s type veth peer name eth0 netns %s", name, own)},
		{bridge, fmt.Sprintf("link set %s master inner up", name)},
		{own, "link set eth0 up"},
		{own, fmt.Sprintf("addr add %s dev eth0", ip)},
	}
	if err := l.ip(ctx, bridge, "link show inner"); err != nil {
		steps = append([][2]string{
			{bridge, "link add inner type bridge mcast_snooping 0"},
			{bridge, "link set inner up"},
			{bridge, "link set eth0 master inner"},
		}, steps...)
	}
	for _, step := range steps {
		if err := l.ip(ctx, step[0], "%s", step[1]); err != nil {
			return nil, err
		}
	}
	return m, l.noChecksumOffload(ctx, own, "eth0")
}
