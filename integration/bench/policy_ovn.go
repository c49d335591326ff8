package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// ovnPolicySide returns the side of OVN: one logical switch over both nodes.
func ovnPolicySide(ctx context.Context, e *Env) (_ *policySide, stop func() error, err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	s := &policySide{nodes: b.Nodes, rules: b.acls}
	stop = func() error { s.close(); return b.stop() }
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	if err := b.nb(ctx, "ls-add", flatSwitch); err != nil {
		return nil, nil, err
	}
	var all []*lab.Container
	for i, name := range []string{"client", "near", "far"} {
		c, err := b.flatContainer(ctx, i/2, i+2, name)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, c)
	}
	if err := b.nb(ctx, "--wait=hv", "pg-add", "client", "client", "--", "pg-add", "server", "near", "far"); err != nil {
		return nil, nil, err
	}
	for i, to := range all[1:] {
		if s.paths[i], err = newPath(ctx, all[0], to); err != nil {
			return nil, nil, err
		}
	}
	return s, stop, nil
}

// flatSwitch is a logical switch that both nodes have ports of.
const flatSwitch = "flat"

// flatAddr returns the k-th address of flatSwitch.
func flatAddr(k int) (mac string, ip netip.Addr) {
	return fmt.Sprintf("02:00:ff:00:%02x:%02x", k>>8, k&255), netip.AddrFrom4([4]byte{10, 64, byte(k >> 8), byte(k)})
}

// flatPort returns the arguments of ovn-nbctl that add a port.
func flatPort(k int, name string) []string {
	mac, ip := flatAddr(k)
	return []string{"lsp-add", flatSwitch, name, "--", "lsp-set-addresses", name, mac + " " + ip.String()}
}

// flatContainer makes a container with a logical port on the i-th node.
func (b *ovnBed) flatContainer(ctx context.Context, i, k int, name string) (*lab.Container, error) {
	mac, ip := flatAddr(k)
	if err := b.nb(ctx, flatPort(k, name)...); err != nil {
		return nil, err
	}
	c, err := b.AddContainer(ctx, lab.Container{Name: name, Node: b.Nodes[i].Name, IP: netip.PrefixFrom(ip, 16), MAC: mac, MTU: 1400})
	if err != nil {
		return nil, err
	}
	if err := setIfaceID(ctx, b.Nodes[i], c.Interface, name); err != nil {
		return nil, err
	}
	return c, b.bound(ctx, name)
}

// acls implements policySide.rules.
func (b *ovnBed) acls(ctx context.Context, n int) error {
	if err := b.nb(ctx, "--wait=hv", "acl-del", "server"); err != nil || n == 0 {
		return err
	}
	args := appACLs("server", "client", "(icmp4 || tcp)")
	for i := range n {
		args = append(args, "--", "acl-add", "server", "to-lport", "900",
			fmt.Sprintf("outport == @server && ip4.src == %s && tcp.dst == %d", outside(i/100), 1000+i%100), "allow-related")
	}
	return b.nb(ctx, append([]string{"--wait=hv"}, args...)...)
}

// appACLs returns the arguments of ovn-nbctl that allow the ports of one group, and no others,
// to connect to those of another.
func appACLs(to, from, what string) []string {
	return []string{
		"acl-add", to, "to-lport", "1000", fmt.Sprintf("outport == @%s && ip4.src == $%s_ip4 && %s", to, from, what), "allow-related",
		"--", "acl-add", to, "to-lport", "800", fmt.Sprintf("outport == @%s && ip", to), "drop",
	}
}

// fillApps adds n ports, each bound to an interface without a peer, and a port group for each
// application. The ports of an application are on the two nodes in turn.
func (b *ovnBed) fillApps(ctx context.Context, ports, apps int) error {
	args := []string{"--wait=hv", "ls-add", flatSwitch}
	names := map[string][]string{} // by node
	groups := make([][]string, apps)
	for i := range ports {
		name, node := fmt.Sprintf("p%d", i), fmt.Sprintf("node%d", 1+i/apps&1)
		args = append(append(args, "--"), flatPort(2+i, name)...)
		names[node] = append(names[node], name)
		groups[i%apps] = append(groups[i%apps], name)
	}
	for app, members := range groups {
		args = append(append(args, "--", "pg-add", appName(app)), members...)
	}
	if err := b.nb(ctx, args...); err != nil {
		return err
	}
	for node, some := range names {
		n, err := b.Node(node)
		if err != nil {
			return err
		}
		if err := plugPatches(ctx, n, some); err != nil {
			return err
		}
	}
	return b.allUp(ctx, ports)
}

// allUp waits until n ports are bound and the nodes have their flows.
func (b *ovnBed) allUp(ctx context.Context, ports int) error {
	return lab.PollFor(ctx, time.Minute, "all ports to be up", func(ctx context.Context) error {
		out, err := b.hub(ctx, "ovn-sbctl", "--db=unix:"+b.socket("sb"), "--bare", "--columns=logical_port", "find", "port_binding", "chassis!=[]", "type=\"\"")
		if err != nil {
			return err
		}
		if n := len(strings.Fields(out)); n < ports {
			return fmt.Errorf("%d of %d are", n, ports)
		}
		return b.nb(ctx, "--wait=hv", "sync")
	})
}
