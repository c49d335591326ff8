package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Node is a machine with Open vSwitch: a network namespace with its own
// ovsdb-server and ovs-vswitchd.
type Node struct {
	// Name is node1, node2, ….
	Name string
	// Addr is the node's address on the underlay, its tunnel endpoint.
	Addr netip.Addr
	// Addr6 is its IPv6 address there; the zero Addr where the underlay has none.
	Addr6 netip.Addr
	// Dir is Open vSwitch's run directory: sockets, pid files, logs, database.
	Dir string
	// Netns is the name of the namespace, as "ip netns" lists it.
	Netns string

	lab   *Lab
	index int
}

func newNode(l *Lab, i int) *Node {
	name := fmt.Sprintf("node%d", i)
	return &Node{
		Name: name, Addr: underlayAddr(i), Addr6: l.underlayAddr6(i), Dir: filepath.Join(l.Dir, name),
		Netns: l.netns(name), lab: l, index: i,
	}
}

// Command returns a command that runs on the node. There, the ovs-* tools use the node's own
// Open vSwitch, docker uses the lab's dockerd, and sdnctl the lab's sdnd.
func (n *Node) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := n.lab.command(ctx, append([]string{"ip", "netns", "exec", n.Netns}, args...)...)
	cmd.Env = append(cmd.Env, "OVS_RUNDIR="+n.Dir, "OVS_LOGDIR="+n.Dir, "OVS_DBDIR="+n.Dir, "OVS_SYSCONFDIR="+n.Dir,
		"SDNCTL_DIR="+filepath.Join(n.Dir, "sdnctl"))
	return cmd
}

// Exec runs a command on the node and returns its standard output.
func (n *Node) Exec(ctx context.Context, args ...string) (string, error) {
	return output(n.Command(ctx, args...))
}

// start creates the namespace, starts Open vSwitch in it and connects it to the underlay.
func (n *Node) start(ctx context.Context) error {
	if err := os.Mkdir(n.Dir, 0o700); err != nil {
		return err
	}
	if err := n.connect(ctx); err != nil {
		return err
	}
	if err := n.startOVS(ctx); err != nil {
		return err
	}
	// The address sits on a bridge of the userspace datapath, which so finds
	// the route of its tunnels. br-int is made here only to have the right
	// datapath type; "sdnctl node join" finds it and does the rest.
	// A MAC of its own keeps br-phy from taking over that of a port, some time
	// after the peers have learned the one it had.
	hwaddr := fmt.Sprintf("other_config:hwaddr=%q", n.hwaddr())
	if _, err := n.VSCtl(ctx, "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev", hwaddr,
		"--", "add-port", "br-phy", "eth1",
		"--", "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail_mode=secure"); err != nil {
		return err
	}
	return n.addressUnderlay(ctx)
}

// connect makes the node's namespace and its link to the hub.
func (n *Node) connect(ctx context.Context) error {
	if err := n.lab.addNetns(ctx, n.Netns); err != nil {
		return err
	}
	hub, veth := n.lab.netns("hub"), "to-"+n.Name
	for _, cmd := range []string{
		fmt.Sprintf("link add name %s type veth peer name eth1 netns %s", veth, n.Netns),
		fmt.Sprintf("link set dev %s master underlay up", veth),
	} {
		if err := n.lab.ip(ctx, hub, "%s", cmd); err != nil {
			return err
		}
	}
	return n.lab.noChecksumOffload(ctx, hub, veth)
}

// Cable connects the node to the underlay, or disconnects it. While it is disconnected, packets
// in both directions are lost, and neither end of a connection notices.
func (n *Node) Cable(ctx context.Context, connected bool) error {
	state := "down"
	if connected {
		state = "up"
	}
	return n.lab.ip(ctx, n.lab.netns("hub"), "link set dev to-%s %s", n.Name, state)
}

// hwaddr returns the MAC of the node on the underlay.
func (n *Node) hwaddr() string { return hwaddr(n.Addr) }

// hwaddr returns the MAC of the node or hub that has an address on the underlay.
func hwaddr(addr netip.Addr) string {
	a := addr.As4()
	return fmt.Sprintf("0a:00:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3])
}

// addressUnderlay adds the node's addresses to br-phy. In the userspace datapath that device
// exists only as long as ovs-vswitchd runs.
func (n *Node) addressUnderlay(ctx context.Context) error {
	commands := []string{
		"link set eth1 up",
		// The first packets, such as those of ovsdb-server to its manager, are sent before
		// ovs-vswitchd forwards, and so is their ARP request. Repeat it after 100 ms instead of
		// a second, as all later packets wait for its answer.
		"ntable change name arp_cache dev br-phy retrans 100",
		"link set br-phy up",
	}
	for _, a := range addresses(n.Addr, n.Addr6) {
		commands = append(commands, addrCommand("replace", a, "br-phy"))
	}
	for _, cmd := range commands {
		if err := n.lab.ip(ctx, n.Netns, "%s", cmd); err != nil {
			return err
		}
	}
	return nil
}

// awaitUnderlay waits until the node reaches the hub and the other nodes, and
// enters the latter in the tunnels' neighbour table: the userspace datapath
// drops the first packet to a peer that is not there (the kernel's keeps it).
func (n *Node) awaitUnderlay(ctx context.Context) error {
	reach := func(peer netip.Addr) error {
		return PollFor(ctx, 10*time.Second, fmt.Sprintf("the underlay to %s", peer), func(ctx context.Context) error {
			_, err := n.Exec(ctx, "ping", "-n", "-q", "-c1", "-W1", peer.String())
			return err
		})
	}
	for _, a := range addresses(n.lab.Controller.Addr, n.lab.Controller.Addr6) {
		if err := reach(a); err != nil {
			return err
		}
	}
	for _, peer := range n.lab.Nodes {
		if peer == n {
			continue
		}
		for _, a := range addresses(peer.Addr, peer.Addr6) {
			if err := reach(a); err != nil {
				return err
			}
			if _, err := n.AppCtl(ctx, "tnl/arp/set", "br-phy", a.String(), peer.hwaddr()); err != nil {
				return err
			}
		}
	}
	return nil
}
