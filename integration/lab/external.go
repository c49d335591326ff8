package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// ExternalBridge is the bridge of each node that is part of the external network.
const ExternalBridge = "br-ex"

// AddExternal makes a network that is none of the lab's, 192.0.2.0/24 and 2001:db8:0:2::/64, with a
// router that has a kernel of its own: 192.0.2.1, 2001:db8:0:2::1 and fe80::1, and 198.51.100.9 and
// 2001:db8:f::9 behind it. The nodes' bridges ExternalBridge are part of the network.
func (l *Lab) AddExternal(ctx context.Context) (*Outside, error) {
	o := &Outside{Addr: netip.MustParseAddr("192.0.2.1"), Addr6: netip.MustParseAddr("2001:db8:0:2::1"), lab: l, netns: l.netns("external")}
	if err := l.addNetns(ctx, o.netns); err != nil {
		return nil, err
	}
	commands := []string{
		"link set lo up", "link add lan type bridge", "link set lan address 0a:00:c0:00:02:01", "link set lan up",
		"addr add 192.0.2.1/24 dev lan", "addr add 198.51.100.9/32 dev lo",
		"addr add 2001:db8:0:2::1/64 dev lan nodad", "addr add fe80::1/64 dev lan nodad", "addr add 2001:db8:f::9/128 dev lo nodad",
	}
	for _, cmd := range commands {
		if err := l.ip(ctx, o.netns, "%s", cmd); err != nil {
			return nil, err
		}
	}
	all := []error{l.noChecksumOffload(ctx, o.netns, "lan")}
	for _, n := range l.Nodes {
		all = append(all, n.addExternal(ctx, o))
	}
	return o, errors.Join(all...)
}

// addExternal makes the node's ExternalBridge, as an administrator does.
func (n *Node) addExternal(ctx context.Context, o *Outside) error {
	if err := n.CableExternal(ctx, o); err != nil {
		return err
	}
	_, err := n.VSCtl(ctx, "add-br", ExternalBridge, "--", "set", "bridge", ExternalBridge, "datapath_type=netdev",
		"--", "add-port", ExternalBridge, "ex")
	return err
}

// CableExternal connects the node's ExternalBridge to the external network. A reboot undoes that.
func (n *Node) CableExternal(ctx context.Context, o *Outside) error {
	veth := "to-" + n.Name
	// That of a node that has rebooted is deleted some time after it. It may not be there.
	_ = n.lab.ip(ctx, o.netns, "link del %s", veth)
	for _, step := range [][2]string{
		{o.netns, fmt.Sprintf("link add %s type veth peer name ex netns %s", veth, n.Netns)},
		{o.netns, fmt.Sprintf("link set %s master lan up", veth)},
		{n.Netns, "link set ex up"},
	} {
		if err := n.lab.ip(ctx, step[0], "%s", step[1]); err != nil {
			return err
		}
	}
	return errors.Join(n.lab.noChecksumOffload(ctx, o.netns, veth), n.lab.noChecksumOffload(ctx, n.Netns, "ex"))
}

// Exec runs a command on the machine and returns what it printed on stdout.
func (o *Outside) Exec(ctx context.Context, args ...string) (string, error) {
	return output(o.Command(ctx, args...))
}

// Sniff records what passes an interface of the machine.
func (o *Outside) Sniff(iface string) (*Sniffer, error) { return sniff(netnsPath(o.netns), iface) }
